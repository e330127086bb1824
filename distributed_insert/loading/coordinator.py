"""The engine: one worker per database, and one coordinator that directs them.

The coordinator runs in the calling thread and touches no database. It takes each model's batches
through the same jobs, each done by the worker that owns the data:

    read      the model's worker reads and validates a batch, and returns the ids it refers to
    missing   the parents' workers return which of these ids do not exist
    write     the model's worker drops the records without a parent, and inserts the rest

The first batch of orders is read while users and products are loaded, and written when these have
finished: orders refer to users and products all over the files, and few could be written sooner.

So references are checked without a lock and without a second connection, and an order is committed
only after its user and its product. References must form no cycle.
"""

import asyncio
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Set

from .. import executors
from ..datasets import DATASETS, Dataset
from ..exceptions import LoadError
from ..sources import Source
from .model_load import ModelLoad
from .options import Options
from .results import Counts, Outcome
from .worker import LoadingWorker, Worker


def load(
    sources: Mapping[Dataset, Source],
    options: Options,
    stopped_by: Callable[[], Optional[int]] = lambda: None,
    on_progress: Optional[Callable[[Dataset, Counts, int], None]] = None,
) -> Outcome:
    """Load each dataset from its source, all at the same time, and return what became of them.

    Each batch is one transaction in its model's database. Before the first write every table has
    been found and every file decoded once. A worker that fails with a LoadError or an error of its
    database stops the load: the batches committed before stay, the open ones are rolled back, and
    the outcome has the error. Any other exception of a worker is raised.

    With `all_or_nothing` or `dry_run` each database has one transaction, and all of them are ended
    when all models have been loaded, parents first. A process that is killed between two commits
    leaves the parents of records that do not exist, never the reverse.

    `stopped_by` returns the number of a signal once one has come: the load then stops at the next
    batch. `on_progress` is called after each batch with its dataset, the counts so far, and how
    many bytes of the source have been read.
    """
    started = time.perf_counter()
    parents = {model for dataset in sources for model in dataset.references.values()}
    datasets = dict.fromkeys([*sources, *(d for d in DATASETS if d.model in parents)])
    workers = {
        d.model: LoadingWorker(d, sources[d], options) if d in sources else Worker(d)
        for d in datasets
    }
    loads = {d.model: ModelLoad(d, sources.get(d), options) for d in datasets}
    coordinator = _Coordinator(loads, options, stopped_by, on_progress)
    kind = options.workers or executors.choose(sources.values())
    try:
        with executors.start(workers, kind) as executors_of:
            errors = asyncio.run(coordinator.run(executors_of))
    except OSError as error:
        errors = [LoadError(f"The workers cannot be started: {error.strerror}.")]
    return Outcome(
        models=tuple(loads[dataset.model].result() for dataset in sources),
        workers=kind,
        seconds=time.perf_counter() - started,
        error=LoadError("\n".join(dict.fromkeys(map(str, errors)))) if errors else None,
        signal=coordinator.interrupted(),
    )


class _Coordinator:
    def __init__(self, loads: Dict[type, ModelLoad], options, stopped_by, on_progress):
        self._all = loads
        self._loads = [load for load in loads.values() if load.source]
        self._options = options
        self._stopped_by = stopped_by
        self._on_progress = on_progress
        self._has_failed = False

    async def run(self, executors_of: Mapping[type, executors.Executor]) -> List[LoadError]:
        """Take all models through their jobs, and return why the load stopped before its end."""
        self._started = time.perf_counter()
        self._turn = asyncio.Lock()
        for model, load in self._all.items():
            load.start(executors_of[model])
        errors = []
        try:
            errors += await self._open()
            if not errors and not self._is_stopping():
                errors += await self._load() or await self._end_transactions()
        finally:
            errors += await _errors(self._close(load) for load in self._all.values())
        return errors

    async def _open(self):
        """Return why the load cannot begin: every reason, of every worker."""
        errors = await _errors(self._open_model(load) for load in self._all.values())
        if self._options.one_transaction and not errors:
            # In the same order in every load: two that wait for each other would wait for ever.
            for load in sorted(self._loads, key=lambda load: load.dataset.using):
                errors = errors or await _errors([load.call("begin")])
        return errors

    async def _open_model(self, load):
        load.rejects_file = await load.call("open")
        while load.source and not self._is_stopping() and await load.call("check"):
            pass

    async def _close(self, load):
        load.rejects_file = await load.call("close")

    async def _load(self):
        """Return why the load stopped before its end."""
        tasks = [asyncio.ensure_future(self._load_model(load)) for load in self._loads]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        self._has_failed = any(task.done() and task.exception() for task in tasks)
        for load in self._loads:
            load.finished.set()
        return await _errors(tasks)

    async def _load_model(self, load):
        missing = await self._next_missing(load)
        while missing is not None and not self._is_stopping():
            # While a batch is written, the parents are asked about the one after it.
            results: Any = await asyncio.gather(
                self._next_missing(load), self._write(load, missing), return_exceptions=True
            )
            missing, written = results
            for result in (written, missing):
                if isinstance(result, BaseException):
                    raise result
        load.is_complete = missing is None
        load.finished.set()

    async def _next_missing(self, load) -> Optional[Dict[str, Set[int]]]:
        """Have the next batch read, and return the ids it refers to that do not exist, by field.

        The parents are asked when they have finished: what they do not have then, they never will.
        None at the end.
        """
        referred_ids = await load.call("read")
        if referred_ids is None:
            return None
        parents = [self._all[load.dataset.references[name]] for name in referred_ids]
        for parent in parents:
            await parent.finished.wait()
        if self._is_stopping():
            return dict.fromkeys(referred_ids, set())
        answers = await asyncio.gather(
            *(parent.call("missing", ids) for parent, ids in zip(parents, referred_ids.values()))
        )
        return dict(zip(referred_ids, answers))

    async def _write(self, load, missing):
        allowed = self._options.max_errors
        if allowed is None:
            self._add(load, await load.call("write", missing, None))
            return
        # One at a time: each must know how many rejects the others have left it.
        async with self._turn:
            rejects_left = allowed - self._rejected()
            if rejects_left >= 0:
                self._add(load, await load.call("write", missing, rejects_left))
                if self._rejected() > allowed:
                    raise LoadError(
                        f"Gave up: more records were rejected than --max-errors {allowed:,} allows."
                    )

    def _add(self, load, result):
        load.add(result)
        load.seconds = time.perf_counter() - self._started
        if self._on_progress:
            self._on_progress(load.dataset, load.counts, result.bytes_read)

    async def _end_transactions(self):
        """Commit all of the transactions of the load, or none; return why none."""
        if not self._options.one_transaction or self._options.dry_run or self.interrupted():
            return []
        if self._rejected():
            return [LoadError(f"Rolled back: {rejection(self._rejected())}")]
        errors = await _errors(load.call("prepare") for load in self._loads)
        for load in self._parents_first():
            errors = errors or await _errors([load.call("commit")])
            load.is_stored = not errors
        return errors

    def _parents_first(self):
        """The loads in an order in which no record is committed before those it refers to."""
        ordered = {}

        def add(model):
            load = self._all[model]
            for parent in load.dataset.references.values():
                add(parent)
            if load.source:
                ordered[model] = load

        for model in self._all:
            add(model)
        return ordered.values()

    def _is_stopping(self):
        return self._has_failed or self._stopped_by()

    def _rejected(self):
        return sum(load.counts.rejected for load in self._loads)

    def interrupted(self) -> Optional[int]:
        """The signal that cut the load short, if one did."""
        return None if all(load.is_complete for load in self._loads) else self._stopped_by()


async def _errors(jobs):
    """Wait for all jobs, and return their LoadErrors. Any other exception is raised."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, LoadError):
            raise error
    return errors


def rejection(rejected: int) -> str:
    return f"{rejected:,} {'record was' if rejected == 1 else 'records were'} rejected."
