"""The load of one model, as the coordinator sees it."""

import asyncio
from collections import Counter
from dataclasses import astuple
from typing import Awaitable, Iterable, List, Optional

from ..exceptions import LoadError, UnconfirmedCommit
from ..executors import Executor, WorkerLost
from .reasons import most_frequent_first
from .results import BatchResult, Counts, ModelResult, Reject


class ModelLoad:
    """What a model's worker is asked to do, and the count of what it has done.

    The worker of a model without a source only answers which ids are missing.
    """

    def __init__(self, dataset, source, options):
        self.dataset = dataset
        self.source = source
        self.counts = Counts()
        self.rejects: List[Reject] = []
        self.reasons: Counter[str] = Counter()
        self.rejects_file: Optional[str] = None
        self.seconds = 0.0
        self.is_stored = not options.one_transaction
        self.is_unconfirmed = False
        self._committing_jobs = {"commit"} if options.one_transaction else {"write"}

    def start(self, executor: Executor):
        """Attach the executor of the worker. To be called inside the running event loop."""
        self._executor = executor
        self.batches_ahead = executor.batches_ahead
        self.finished = asyncio.Event()
        if self.source is None:
            self.finished.set()

    def interrupt(self):
        """Have the job that the worker is at wait no longer: for its input, or for its database."""
        self._executor.interrupt()
        if self.source and self.source.is_stream:
            self.source.give_up()

    async def call(self, job: str, *args):
        """Have the worker do a job. The jobs of a worker are done in order, one after the other."""
        try:
            return await asyncio.wrap_future(self._executor.submit("do", job, *args))
        except UnconfirmedCommit:
            self.is_unconfirmed = True
            raise
        except WorkerLost as lost:
            self.is_unconfirmed |= lost.may_have_run and job in self._committing_jobs
            raise LoadError(lost.what.format(self.dataset.plural)) from lost
        except MemoryError as error:
            self.is_unconfirmed |= job in self._committing_jobs
            raise LoadError(
                f"Not enough memory to load {self.dataset.plural}. Try a smaller --batch-size."
            ) from error

    def add(self, result: BatchResult):
        pairs = zip(astuple(self.counts), astuple(result.counts))
        self.counts = counts = Counts(*map(sum, pairs))
        in_place = counts.inserted + counts.updated + counts.unchanged
        if counts.read != in_place + counts.ignored + counts.rejected:
            raise RuntimeError(f"{self.dataset.name} records were lost or counted twice: {counts}")
        self.rejects += result.rejects
        self.reasons.update(result.reasons)

    def result(self) -> ModelResult:
        return ModelResult(
            model=self.dataset.name,
            source=self.source.name,
            database=self.dataset.using,
            counts=self.counts,
            is_stored=self.is_stored,
            is_unconfirmed=self.is_unconfirmed,
            rejects=tuple(self.rejects),
            rejects_file=self.rejects_file,
            seconds=self.seconds,
            is_stream=self.source.is_stream,
            reasons=most_frequent_first(self.reasons),
        )


async def errors_of(jobs: Iterable[Awaitable]) -> List[LoadError]:
    """Wait for all jobs, and return their LoadErrors. Any other exception is raised."""
    errors: List[LoadError] = []
    for result in await asyncio.gather(*jobs, return_exceptions=True):
        if isinstance(result, LoadError):
            errors.append(result)
        elif isinstance(result, BaseException):
            raise result
    return errors
