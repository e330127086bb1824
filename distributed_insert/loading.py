"""The engine: one worker thread a database, and one coordinator that directs them.

The coordinator runs in the calling thread and touches no database. It takes each model's batches
through the same jobs, each done by the worker that owns the data:

    read      the model's worker reads and validates a batch, and tells which ids it refers to
    missing   the parents' workers tell which of these ids are not there
    write     the model's worker drops the records without a parent, and inserts the rest

So references are checked without a lock and without a second connection, and an order is committed
only after its user and its product are. References must form no cycle.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, List, Mapping

from django.db import Error as DatabaseError

from .datasets import DATASETS, Dataset
from .results import LoadError, ModelResult, Outcome, Reject, Written
from .workers import Worker

# Of each model, as many rejects stay in memory as a person would read; all of them are counted.
KEPT_REJECTS = 20


def load(sources: Mapping[Dataset, Any], batch_size: int = 10_000) -> Outcome:
    """Load each dataset from its source, all at the same time, and return what became of them.

    Each batch of `batch_size` records is one transaction in its model's database. Before the first
    write every table has been found and every source opened. A worker that fails with a LoadError
    or an error of its database stops the load: the batches committed before stay, the open one is
    rolled back, and the outcome tells the error. Any other exception of a worker is raised.
    """
    return asyncio.run(_Coordinator(sources, batch_size).run())


class _Lane:
    """A model's worker as the coordinator sees it, and the count of what it has done.

    A lane without a source is there to be asked for missing ids.
    """

    def __init__(self, dataset, source, batch_size, executor):
        self.dataset = dataset
        self.source = source
        self.worker = Worker(dataset, source, batch_size)
        self.settled = asyncio.Event()
        if source is None:
            self.settled.set()
        self.read = self.inserted = self.rejected = 0
        self.rejects: List[Reject] = []
        self.seconds = 0.0
        self._executor = executor

    async def call(self, job, *args):
        """Do a job on the worker's thread. A worker's jobs are done one by one, in order."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, job, *args)
        except DatabaseError as error:
            raise LoadError(f"Database '{self.dataset.using}': {error}") from error

    def count(self, written: Written):
        self.read += written.read
        self.inserted += written.inserted
        self.rejected += len(written.rejects)
        self.rejects.extend(written.rejects[: KEPT_REJECTS - len(self.rejects)])

    def result(self):
        return ModelResult(
            model=self.dataset.name,
            source=self.source.name,
            database=self.dataset.using,
            read=self.read,
            inserted=self.inserted,
            rejected=self.rejected,
            rejects=tuple(self.rejects),
            seconds=self.seconds,
        )


class _Coordinator:
    def __init__(self, sources, batch_size):
        self._sources = sources
        self._batch_size = batch_size
        self._stopping = False

    async def run(self):
        self._started = time.perf_counter()
        with ExitStack() as executors:
            self._lanes = {
                dataset.model: self._lane(dataset, executors) for dataset in self._datasets()
            }
            try:
                errors = await self._open() or await self._load()
            finally:
                await asyncio.gather(
                    *(lane.call(lane.worker.close) for lane in self._lanes.values())
                )
        return Outcome(
            models=tuple(self._lanes[dataset.model].result() for dataset in self._sources),
            seconds=time.perf_counter() - self._started,
            error=LoadError("\n".join(map(str, errors))) if errors else None,
        )

    def _datasets(self):
        """The datasets to load, and those of the models they refer to."""
        parents = {model for dataset in self._sources for model in dataset.references.values()}
        return dict.fromkeys([*self._sources, *(d for d in DATASETS if d.model in parents)])

    def _lane(self, dataset, executors):
        executor = ThreadPoolExecutor(1, thread_name_prefix=f"insert_{dataset.using}")
        executors.enter_context(executor)
        return _Lane(dataset, self._sources.get(dataset), self._batch_size, executor)

    async def _open(self):
        """Return why the load cannot begin: every reason, of every worker."""
        return await _errors(
            [asyncio.create_task(lane.call(lane.worker.open)) for lane in self._lanes.values()]
        )

    async def _load(self):
        """Return why the load stopped short."""
        tasks = [
            asyncio.create_task(self._load_model(lane))
            for lane in self._lanes.values()
            if lane.source
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        self._stopping = True
        for lane in self._lanes.values():
            lane.settled.set()
        return await _errors(tasks)

    async def _load_model(self, lane):
        while not self._stopping:
            referred_ids = await lane.call(lane.worker.read)
            if referred_ids is None:
                break
            missing = await self._missing(lane.dataset, referred_ids)
            if not self._stopping:
                lane.count(await lane.call(lane.worker.write, missing))
        lane.seconds = time.perf_counter() - self._started
        lane.settled.set()

    async def _missing(self, dataset, referred_ids):
        """Return the ids that are not in the parents' databases, by the field they stand in."""
        answers = await asyncio.gather(
            *(
                self._missing_from(self._lanes[dataset.references[name]], ids)
                for name, ids in referred_ids.items()
            )
        )
        return dict(zip(referred_ids, answers))

    async def _missing_from(self, parent, ids):
        """Ask at once, and once more for those not there yet when the parent has been loaded."""
        settled = parent.settled.is_set()
        missing = await parent.call(parent.worker.missing, ids)
        if missing and not settled:
            await parent.settled.wait()
            if not self._stopping:
                missing = await parent.call(parent.worker.missing, missing)
        return missing


async def _errors(tasks):
    """Wait for all tasks, and return their LoadErrors. Any other exception is raised."""
    results = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, LoadError):
            raise error
    return errors
