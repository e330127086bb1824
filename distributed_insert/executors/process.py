"""One process per model.

A process that is not forked imports this module before Django is set up: it must not import models.
"""

import gc
import multiprocessing
import os
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from traceback import format_exception
from typing import Any, Mapping

import django
from django.db import connections

from .base import Executor, RemoteTraceback, WorkerLost, thread_errors
from .collection import GC_THRESHOLD

SIGNALS = {signal.SIGINT, signal.SIGTERM}

KILLED = "The process that loaded {} was killed. What it had not committed is rolled back."


class ProcessExecutor(Executor):
    """A process that ends with the one that started it, even if that is killed.

    A thread of the starting process passes the jobs on. It starts with the first job, when all
    processes have been started: a process that is forked beside a thread could wait for ever for a
    lock which that thread had.
    """

    def __init__(self, worker, method: str):
        # The worker refers to models: it is unpickled when Django is set up.
        pickled = pickle.dumps(worker)
        context: Any = multiprocessing.get_context(method)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"insert_{worker.using}")
        self._pipe, other_end = context.Pipe()
        # Shared memory without a lock, which a process that is killed would keep.
        self._interrupted = context.RawValue("b")
        arguments = (other_end, pickled, dict(connections.settings), self._interrupted)
        self.process = context.Process(target=_serve, args=arguments, daemon=True)
        try:
            with _blocked_signals(method):
                self.process.start()
        except OSError:
            self._pipe.close()
            raise
        finally:
            # So that the pipe breaks when the process ends.
            other_end.close()

    def submit(self, method, *args):
        with thread_errors():
            return self._thread.submit(self._pass_on, method, *args)

    def _pass_on(self, *job):
        try:
            self._pipe.send(job)
        except OSError as error:
            raise WorkerLost(False, KILLED) from error
        try:
            result, raised, trace = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise WorkerLost(True, KILLED) from error
        if raised:
            raise raised from RemoteTraceback(trace)
        return result

    def interrupt(self):
        self._interrupted.value = True

    def shutdown(self):
        self._thread.shutdown()
        # It fails if the process was killed; then nothing is left to end.
        with suppress(OSError):
            self._pipe.send(None)
        self.process.join()
        self._pipe.close()


@contextmanager
def _blocked_signals(method):
    """Have a process started with blocked signals: it imports Django before it can ignore them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    if method != "fork":
        # Python starts this one beside the first process that is not forked, and then unblocks.
        resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe, pickled: bytes, databases: Mapping[str, Mapping[str, Any]], interrupted):
    """Do the jobs that come through the pipe."""
    # Ctrl-C reaches every process of the terminal, and SIGTERM those of a service: what is to be
    # done about it is for the coordinator to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    parent = multiprocessing.parent_process()
    threading.Thread(target=_end_with, args=[parent], daemon=True).start()
    gc.set_threshold(GC_THRESHOLD)
    django.setup()
    # A process that is not forked has read its settings anew: tests run on other databases.
    for alias, settings in databases.items():
        connections.settings[alias].update(settings)
    worker: Any = pickle.loads(pickled)
    worker.is_interrupted = lambda: bool(interrupted.value)
    for method, *args in iter(pipe.recv, None):
        with _Reply(pipe) as reply:
            reply.result = getattr(worker, method)(*args)


class _Reply:
    """Sends what a job returned, or the exception that it raised, to be raised over there."""

    result: Any = None

    def __init__(self, pipe):
        self._pipe = pipe

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        trace = "".join(format_exception(kind, error, traceback)) if error else ""
        self._pipe.send((self.result, error, trace))
        return True


def _end_with(parent):
    parent.join()
    os._exit(1)
