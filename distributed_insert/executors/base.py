"""The contract of an executor."""

from abc import ABC, abstractmethod
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from ..exceptions import LoadError


class WorkerLost(Exception):
    """The place where a worker ran is gone, and with it what the worker had not committed.

    `may_have_run` says whether the job that met this may have been done, and `what` tells people
    what has happened, with {} for the records that the worker loaded.
    """

    def __init__(self, may_have_run: bool, what: str):
        super().__init__(may_have_run, what)
        self.may_have_run = may_have_run
        self.what = what


class RemoteTraceback(Exception):
    """Where in another process an exception was raised."""


@contextmanager
def thread_errors():
    """Turn what Python raises where a thread cannot be started into a LoadError."""
    try:
        yield
    except RuntimeError as error:
        raise LoadError(f"The workers cannot be started: {error}.") from error


class Executor(ABC):
    """Runs the jobs of one worker, one after the other in the order they were submitted.

    A job is the name of a worker's method and its arguments. Arguments, results and exceptions can
    be pickled, so a worker may be anywhere. Only the worker's jobs use its connection.

    The worker gets a function `is_interrupted`, for jobs that wait to ask.
    """

    batches_ahead = 1
    """How many batches are read ahead of the one that is written.

    Half as many are asked to be written before the answer to that one is there.
    """

    @abstractmethod
    def submit(self, method: str, *args: Any) -> "Future[Any]":
        """Return a future for what the method returns or raises, or WorkerLost if it was killed."""

    @abstractmethod
    def interrupt(self):
        """Have `is_interrupted` of the worker return True from now on; wait for nothing."""

    @abstractmethod
    def shutdown(self):
        """Wait for the jobs submitted so far, and end what the worker ran in."""
