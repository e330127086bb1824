"""A model's worker as the coordinator sees it."""

import asyncio
from dataclasses import astuple
from typing import List

from django.db import Error as DatabaseError

from ..exceptions import LoadError
from ..executors.hosts import ProcessKilled
from .results import Counts, ModelResult, Reject, Written


class Lane:
    """A model's worker as the coordinator sees it, and the count of what it has done.

    A lane without a source is there to be asked for missing ids.
    """

    def __init__(self, dataset, source, worker, host, options):
        self.dataset = dataset
        self.source = source
        self.counts = Counts()
        self.rejects: List[Reject] = []
        self.seconds = 0.0
        self.is_complete = False
        self.is_stored = not options.is_held
        self._rejects_file = worker.rejects_file
        self._host = host

    def prepare(self):
        """Make what belongs to an event loop, in the one that is running."""
        self.settled = asyncio.Event()
        if self.source is None:
            self.settled.set()

    async def call(self, job, *args):
        """Have the worker do a job. The jobs of a worker are done one by one, in order."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._host.executor, self._host.job(job), *args)
        except DatabaseError as error:
            raise LoadError(f"Database '{self.dataset.using}': {error}") from error
        except ProcessKilled as error:
            raise LoadError(
                f"The process that loaded {self.dataset.plural} was killed. What it had not "
                "committed is rolled back."
            ) from error

    def count(self, written: Written):
        pairs = zip(astuple(self.counts), astuple(written.counts))
        self.counts = counts = Counts(*map(sum, pairs))
        if counts.read != counts.inserted + counts.updated + counts.ignored + counts.rejected:
            raise RuntimeError(f"{self.dataset.name} records were lost or counted twice: {counts}")
        self.rejects += written.rejects

    def result(self):
        rejects_file = self._rejects_file
        return ModelResult(
            model=self.dataset.name,
            source=self.source.name,
            database=self.dataset.using,
            counts=self.counts,
            is_stored=self.is_stored,
            rejects=tuple(self.rejects),
            rejects_file=rejects_file.path if rejects_file and self.counts.rejected else None,
            seconds=self.seconds,
        )
