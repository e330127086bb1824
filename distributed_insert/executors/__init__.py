"""Where the workers run: one thread per model, or one process per model."""

import gc
import multiprocessing
import os
import threading
from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, Mapping

from django.db import connections

from .base import Executor, WorkerLost
from .process import GC_THRESHOLD, ProcessExecutor
from .thread import ThreadExecutor

__all__ = ["PROCESS", "THREAD", "WORKERS", "Executor", "WorkerLost", "choose", "start"]

THREAD, PROCESS = WORKERS = ("thread", "process")

# Bytes of files: processes are forked in no time, and pay from about 60,000 records on; those that
# are not forked have to import Django, and pay from about 500,000 records on.
FORKED_FROM_BYTES = 2_000_000
STARTED_FROM_BYTES = 16_000_000


def choose(sources) -> str:
    """Return which kind of worker loads these sources faster."""
    enough = FORKED_FROM_BYTES if _start_method() == "fork" else STARTED_FROM_BYTES
    size = sum(source.size or 0 for source in sources)
    return PROCESS if size >= enough and _processors() > 1 else THREAD


@contextmanager
def start(workers: Mapping[Any, Any], kind: str) -> Iterator[Dict[Any, Executor]]:
    """Give each worker an executor of the kind, and end all of them. Raises OSError.

    A worker that reads standard input is given a thread: only this process has that.
    """
    executors: Dict[Any, Executor] = {}
    method = _start_method()
    usual_pace = gc.get_threshold()
    with ExitStack() as ending:
        ending.callback(gc.set_threshold, *usual_pace)
        gc.set_threshold(GC_THRESHOLD)
        for key, worker in workers.items():
            if kind == PROCESS and not worker.needs_standard_input:
                executors[key] = ProcessExecutor(worker, method)
            else:
                executors[key] = ThreadExecutor(worker)
            ending.callback(executors[key].shutdown)
        yield executors


def _start_method():
    """Return how processes are started; with "fork" only where nothing open would be shared.

    What another thread had locked, or a connection, must not be inherited.
    """
    method = multiprocessing.get_start_method()
    is_open = any(c.connection for c in connections.all(initialized_only=True))
    if method == "fork" and (is_open or threading.active_count() > 1):
        return "spawn"
    return method


def _processors():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
