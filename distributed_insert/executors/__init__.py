"""Where the workers run: one thread per model, or one process per model."""

import gc
import multiprocessing
import os
import threading
from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, Mapping

from django.db import connections

from .base import Executor, WorkerLost, thread_errors
from .process import GC_THRESHOLD, ProcessExecutor
from .thread import ThreadExecutor

__all__ = [
    "PROCESS",
    "THREAD",
    "WORKERS",
    "Executor",
    "WorkerLost",
    "choose",
    "start",
    "thread_errors",
]

THREAD, PROCESS = WORKERS = ("thread", "process")

# Bytes of files. Forking is cheap, and pays off from about 60,000 records; a process that is not
# forked has to import Django, and pays off from about 500,000 records.
FORKED_FROM_BYTES = 2_000_000
STARTED_FROM_BYTES = 16_000_000


def choose(sources) -> str:
    """Return which kind of worker loads these sources faster."""
    if multiprocessing.current_process().daemon:
        return THREAD  # It is not allowed to have children.
    enough = FORKED_FROM_BYTES if _start_method() == "fork" else STARTED_FROM_BYTES
    size = sum(source.size or 0 for source in sources)
    return PROCESS if size >= enough and _processors() > 1 else THREAD


@contextmanager
def start(workers: Mapping[Any, Any], kind: str) -> Iterator[Dict[Any, Executor]]:
    """Yield one executor per worker, and shut them all down at the end. Raises OSError.

    A worker that reads a stream is given a thread: only this process has that.
    """
    executors: Dict[Any, Executor] = {}
    method = _start_method()
    with ExitStack() as ending:
        ending.enter_context(_slow_collection)
        for key, worker in workers.items():
            if kind == PROCESS and not worker.reads_stream:
                executors[key] = ProcessExecutor(worker, method)
            else:
                executors[key] = ThreadExecutor(worker)
            ending.callback(executors[key].shutdown)
        yield executors


class _SlowCollection:
    """Sets the pace of the garbage collector, and sets it back when no load needs it any more."""

    def __init__(self):
        self._lock = threading.Lock()
        self._loads = 0

    def __enter__(self):
        with self._lock:
            if not self._loads:
                self._usual = gc.get_threshold()
                gc.set_threshold(GC_THRESHOLD)
            self._loads += 1

    def __exit__(self, *exception):
        with self._lock:
            self._loads -= 1
            if not self._loads:
                gc.set_threshold(*self._usual)


_slow_collection = _SlowCollection()


def _start_method():
    """Return how processes are started; with "fork" only where nothing open would be shared.

    What another thread had locked, or a connection, must not be inherited.
    """
    # The first of all methods is the default. Asking for that would settle it for the program.
    methods = multiprocessing.get_all_start_methods()
    method = multiprocessing.get_start_method(allow_none=True) or methods[0]
    is_open = any(c.connection for c in connections.all(initialized_only=True))
    if method == "fork" and (is_open or threading.active_count() > 1):
        return "spawn"
    return method


def _processors():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
