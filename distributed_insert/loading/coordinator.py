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
from collections import deque
from typing import Any, Deque, Dict, List, Mapping, Optional, Set

from ..exceptions import GivenUp, Interrupted, LoadError
from ..executors import Executor
from ..sources import PATIENCE
from ..two_phase import Ended
from .all_or_nothing import AllOrNothing, recover_earlier
from .model_load import ModelLoad, errors_of


class Coordinator:
    def __init__(self, loads: Dict[type, ModelLoad], options, stopped_by, on_progress, load_id):
        self._all = loads
        self._loads = [each for each in loads.values() if each.source]
        self._options = options
        self._stopped_by = stopped_by
        self._on_progress = on_progress
        self._has_failed = self._cannot_begin = False
        self._transactions = AllOrNothing(loads, options.dry_run, load_id)
        self.is_atomic = not options.all_or_nothing or self._transactions.is_atomic
        self.recovered: List[Ended] = []
        self.signal: Optional[int] = None
        """The signal that cut the load short: it is asked for only while there is more to do."""

    async def run(self, executors_of: Mapping[type, Executor]) -> List[LoadError]:
        """Take all models through their jobs, and return why the load stopped before its end."""
        self._started = time.perf_counter()
        self._turn = asyncio.Lock()
        for model, model_load in self._all.items():
            model_load.start(executors_of[model])
        errors = []
        try:
            errors += await self._interruptible(self._open())
            if not errors and not self._is_stopping():
                errors += await self._interruptible(self._load()) or await self._end_transactions()
        finally:
            if errors or self.signal:
                self._interrupt()
            errors += await errors_of(self._close(each) for each in self._all.values())
        errors = self._transactions.settle(errors)
        told = [error for error in errors if not isinstance(error, Interrupted)]
        if len(told) < len(errors):
            # A signal that came when all was being written has cut the load short after all.
            self._is_stopping()
        return told

    async def _interruptible(self, phase):
        """Await a phase; when the load is to stop, interrupt the jobs that wait."""
        task = asyncio.ensure_future(phase)
        while not task.done():
            await asyncio.wait([task], timeout=PATIENCE)
            if not task.done() and (self._has_failed or self._cannot_begin or self._stopped_by()):
                self._interrupt()
        return await task

    def _interrupt(self):
        for model_load in self._all.values():
            model_load.interrupt()

    async def _open(self):
        """Return why the load cannot begin: every reason, of every worker."""
        errors = await errors_of(self._open_model(each) for each in self._all.values())
        if not errors and not self._is_stopping():
            self.recovered, errors = await recover_earlier(self._all.values(), self._stopped_by)
        if self._options.one_transaction and not errors and not self._is_stopping():
            errors = await self._transactions.begin()
        return errors

    async def _open_model(self, model_load):
        try:
            model_load.rejects_file = await model_load.call("open")
            while model_load.source and not self._is_stopping():
                if not await self._read(model_load, "check"):
                    break
        except GivenUp:
            # A server that does not answer is not waited for when the load stops.
            pass
        except LoadError:
            self._cannot_begin = True
            raise

    async def _close(self, model_load):
        model_load.rejects_file = await model_load.call("close")

    async def _load(self):
        """Return why the load stopped before its end."""
        tasks = [asyncio.ensure_future(self._load_model(each)) for each in self._loads]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        self._has_failed = any(task.done() and task.exception() for task in tasks)
        for model_load in self._loads:
            model_load.finished.set()
        return await errors_of(tasks)

    async def _load_model(self, model_load):
        # A batch of a stream is not to wait for the next one, which may never come.
        batches_ahead = 0 if model_load.source.is_stream else model_load.batches_ahead
        ahead: Deque[asyncio.Future] = deque()
        writing: Deque[asyncio.Future] = deque()
        missing = await self._next_missing(model_load)
        try:
            while missing is not None and not self._is_stopping():
                # While a batch is written, the parents are asked about those after it.
                while len(ahead) < batches_ahead:
                    ahead.append(asyncio.ensure_future(self._next_missing(model_load)))
                writing.append(asyncio.ensure_future(self._write(model_load, missing)))
                # Of several that are read ahead, half may be written before the answers are here.
                while len(writing) > batches_ahead // 2:
                    await writing.popleft()
                missing = await (ahead.popleft() if ahead else self._next_missing(model_load))
            while writing:
                await writing.popleft()
        finally:
            await asyncio.gather(*ahead, *writing, return_exceptions=True)
        model_load.finished.set()
        if missing is None and self._on_progress:
            self._on_progress(model_load.dataset, model_load.counts, None)

    async def _next_missing(self, model_load) -> Optional[Dict[str, Set[int]]]:
        """Have the next batch read, and return the ids it refers to that do not exist, by field.

        The parents are asked when they have finished: what they do not have then, they never will.
        None at the end.
        """
        referred_ids = await self._read(model_load, "read")
        if referred_ids is None:
            return None
        parents = [self._all[model_load.dataset.references[name]] for name in referred_ids]
        for parent in parents:
            await parent.finished.wait()
        if self._is_stopping():
            return dict.fromkeys(referred_ids, set())
        answers = await asyncio.gather(
            *(parent.call("missing", ids) for parent, ids in zip(parents, referred_ids.values()))
        )
        return dict(zip(referred_ids, answers))

    async def _read(self, model_load, job) -> Any:
        """Have a job done that may wait for input, until the load stops; return {} then."""
        try:
            return await model_load.call(job)
        except GivenUp:
            return {}
        except LoadError:
            # The signal that stops this load may have ended the program that writes to the pipe.
            if model_load.source.is_stream and self._is_stopping() and self.signal:
                return {}
            raise

    async def _write(self, model_load, missing):
        allowed = self._options.max_errors
        if allowed is None:
            self._add(model_load, await model_load.call("write", missing, None))
            return
        # One at a time: each must know how many rejects the others have left it.
        async with self._turn:
            rejects_left = allowed - self._rejected()
            if rejects_left >= 0:
                self._add(model_load, await model_load.call("write", missing, rejects_left))
                if self._rejected() > allowed:
                    raise LoadError(
                        f"Gave up: more records were rejected than --max-errors {allowed:,} "
                        "allows. Fix them or allow more before you run it again."
                    )

    def _add(self, model_load, result):
        model_load.add(result)
        model_load.seconds = time.perf_counter() - self._started
        if self._on_progress:
            self._on_progress(model_load.dataset, model_load.counts, result.share_read)

    async def _end_transactions(self):
        """Commit all of the transactions of the load, or none; return why none."""
        if not self._options.one_transaction or self._options.dry_run or self._is_stopping():
            return []
        if self._rejected():
            return [LoadError(f"Rolled back: {rejection(self._rejected())}")]
        return await self._transactions.commit()

    def _is_stopping(self):
        self.signal = self._stopped_by()
        return self._has_failed or self.signal

    def _rejected(self):
        return sum(each.counts.rejected for each in self._loads)


def rejection(rejected: int) -> str:
    return f"{rejected:,} {'record was' if rejected == 1 else 'records were'} rejected."
