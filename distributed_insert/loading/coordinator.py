"""The engine: one worker a database, and one coordinator that directs them.

The coordinator runs in the calling thread and touches no database. It takes each model's batches
through the same jobs, each done by the worker that owns the data:

    read      the model's worker reads and validates a batch, and tells which ids it refers to
    missing   the parents' workers tell which of these ids are not there
    write     the model's worker drops the records without a parent, and inserts the rest

The first batch of orders is read while users and products are loaded, and written when these are
settled: orders refer to users and products all over the files, and few could be written sooner.
Reading more of them ahead into a temporary file took a tenth more processor time, and on two cores,
which users and products keep busy, saved none.

So references are checked without a lock and without a second connection, and an order is committed
only after its user and its product are. References must form no cycle.
"""

import asyncio
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Set

from ..datasets import DATASETS, Dataset
from ..exceptions import LoadError
from ..executors.hosts import choose_workers, hosts
from .model_load import Lane
from .options import Options
from .results import Counts, Outcome, rejection
from .worker import Worker


def load(
    sources: Mapping[Dataset, Any],
    options: Options,
    stopped_by: Callable[[], Optional[int]] = lambda: None,
    on_progress: Optional[Callable[[Dataset, Counts, int], None]] = None,
) -> Outcome:
    """Load each dataset from its source, all at the same time, and return what became of them.

    Each batch is one transaction in its model's database. Before the first write every table has
    been found and every source opened. A worker that fails with a LoadError or an error of its
    database stops the load: the batches committed before stay, the open ones are rolled back, and
    the outcome tells the error. Any other exception of a worker is raised.

    With `all_or_nothing` or `dry_run` each database has one transaction, and all of them are ended
    when all models have been loaded, parents first. A process that is killed between two commits
    leaves the parents of records that are not there, never the reverse.

    `stopped_by` tells the number of a signal once one has come: the load then stops at the next
    batch. `on_progress` is told a dataset's counts and its position after each batch.
    """
    started = time.perf_counter()
    parents = {model for dataset in sources for model in dataset.references.values()}
    datasets = dict.fromkeys([*sources, *(d for d in DATASETS if d.model in parents)])
    workers = {dataset: Worker(dataset, sources.get(dataset), options) for dataset in datasets}
    kind = options.workers or choose_workers(sources.values())
    with hosts(workers, kind) as hosts_of:
        lanes = {
            dataset.model: Lane(dataset, sources.get(dataset), worker, hosts_of[dataset], options)
            for dataset, worker in workers.items()
        }
        coordinator = _Coordinator(lanes, options, stopped_by, on_progress)
        errors = asyncio.run(coordinator.run())
    return Outcome(
        models=tuple(lanes[dataset.model].result() for dataset in sources),
        workers=kind,
        seconds=time.perf_counter() - started,
        error=LoadError("\n".join(dict.fromkeys(map(str, errors)))) if errors else None,
        signal=coordinator.interrupted(),
    )


class _Coordinator:
    def __init__(self, lanes, options, stopped_by, on_progress):
        self._lanes = lanes
        self._options = options
        self._stopped_by = stopped_by
        self._on_progress = on_progress
        self._failed = False

    async def run(self) -> List[LoadError]:
        """Take all models through their jobs, and return why the load stopped short."""
        self._started = time.perf_counter()
        self._turn = asyncio.Lock()
        for lane in self._lanes.values():
            lane.prepare()
        errors = []
        try:
            errors += await self._open() or await self._load()
            if self._options.is_held and not errors:
                errors += await self._finish()
        finally:
            errors += await self._close()
        return errors

    async def _open(self):
        """Return why the load cannot begin: every reason, of every worker."""
        return await _errors(lane.call("open") for lane in self._lanes.values())

    async def _load(self):
        """Return why the load stopped short."""
        lanes = [lane for lane in self._lanes.values() if lane.source]
        tasks = [asyncio.ensure_future(self._load_model(lane)) for lane in lanes]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        self._failed = any(task.done() and task.exception() for task in tasks)
        for lane in lanes:
            lane.settled.set()
        return await _errors(tasks)

    async def _load_model(self, lane):
        missing = await self._next_missing(lane)
        while missing is not None and not self._is_stopping():
            # While a batch is written, the parents are asked about the one after it.
            missing, fault = await asyncio.gather(
                self._next_missing(lane), self._write(lane, missing), return_exceptions=True
            )
            for error in (fault, missing):
                if isinstance(error, BaseException):
                    raise error
        lane.is_complete = missing is None
        lane.settled.set()

    async def _write(self, lane, missing):
        allowed = self._options.max_errors
        if allowed is None:
            self._count(lane, await lane.call("write", missing))
            return
        # One at a time: each must know how many rejects the others have left it.
        async with self._turn:
            allowance = allowed - self._rejected()
            if allowance >= 0:
                self._count(lane, await lane.call("write", missing, allowance))
                if self._rejected() > allowed:
                    raise LoadError(
                        f"Gave up: more records were rejected than --max-errors {allowed:,} allows."
                    )

    def _count(self, lane, written):
        lane.count(written)
        lane.seconds = time.perf_counter() - self._started
        if self._on_progress:
            self._on_progress(lane.dataset, lane.counts, written.position)

    def _is_stopping(self):
        return self._failed or self._stopped_by()

    def interrupted(self):
        """The signal that cut the load short, if it did."""
        if all(lane.is_complete for lane in self._lanes.values() if lane.source):
            return None
        return self._stopped_by()

    def _rejected(self):
        return sum(lane.counts.rejected for lane in self._lanes.values())

    async def _next_missing(self, lane) -> Optional[Dict[str, Set[int]]]:
        """Have the next batch read, and return the ids it refers to that are not there, by field.

        The parents are asked when they are settled: what they have not then, they will not get.
        None at the end.
        """
        referred_ids = await lane.call("read")
        if referred_ids is None:
            return None
        parents = [self._lanes[lane.dataset.references[name]] for name in referred_ids]
        for parent in parents:
            await parent.settled.wait()
        if self._is_stopping():
            return dict.fromkeys(referred_ids, set())
        answers = await asyncio.gather(
            *(parent.call("missing", ids) for parent, ids in zip(parents, referred_ids.values()))
        )
        return dict(zip(referred_ids, answers))

    async def _finish(self):
        """Commit all databases, or none; return why not."""
        if self.interrupted():
            return []
        rejected = self._rejected()
        if self._options.all_or_nothing and rejected:
            return [LoadError(f"Rolled back: {rejection(rejected)}")]
        if self._options.dry_run:
            return []
        for lane in self._parents_first():
            errors = await _errors([lane.call("finish", True)])
            if errors:
                return errors
            lane.is_stored = True
        return []

    def _parents_first(self):
        """The lanes in an order in which no record is committed before those it refers to."""
        ordered = {}

        def add(model):
            if model in self._lanes:
                for parent in self._lanes[model].dataset.references.values():
                    add(parent)
                ordered[model] = self._lanes[model]

        for model in self._lanes:
            add(model)
        return ordered.values()

    async def _close(self):
        return await _errors(lane.call("close") for lane in self._lanes.values())


async def _errors(jobs):
    """Wait for all jobs, and return their LoadErrors. Any other exception is raised."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, LoadError):
            raise error
    return errors
