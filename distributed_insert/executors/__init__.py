"""Where the workers run: one thread, one process, or one Dask actor per model."""

import multiprocessing
import os
import threading
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Dict, Iterator, Mapping, Optional

from django.db import connections

from ..exceptions import LoadError
from .base import Executor, WorkerLost, thread_errors
from .collection import slow_collection
from .process import ProcessExecutor
from .thread import ThreadExecutor

__all__ = [
    "DASK",
    "PROCESS",
    "THREAD",
    "WORKERS",
    "Executor",
    "WorkerLost",
    "choose",
    "start",
    "thread_errors",
]

THREAD, PROCESS, DASK = WORKERS = ("thread", "process", "dask")

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
def start(
    workers: Mapping[Any, Any],
    kind: str,
    scheduler: Optional[str] = None,
    wait: int = 0,
    stopped_by: Callable[[], Optional[int]] = lambda: None,
    on_wait: Callable[[str], None] = lambda what: None,
) -> Iterator[Dict[Any, Executor]]:
    """Yield one executor per worker, and shut them all down at the end. Raises OSError.

    A worker that reads a stream is given a thread: only this process has that. Dask actors need the
    address of a `scheduler`: see `placing.start`, which also raises LoadError and Interrupted.
    """
    executors: Dict[Any, Executor] = {}
    method = _start_method()
    remote = {k: w for k, w in workers.items() if kind == DASK and not w.reads_stream}
    with ExitStack() as ending:
        ending.enter_context(slow_collection)
        if remote:
            executors.update(
                ending.enter_context(_dask().start(remote, scheduler, wait, stopped_by, on_wait))
            )
        for key, worker in workers.items():
            if key in remote:
                continue
            if kind == PROCESS and not worker.reads_stream:
                executors[key] = ProcessExecutor(worker, method)
            else:
                executors[key] = ThreadExecutor(worker)
            ending.callback(executors[key].shutdown)
        yield executors


def _dask():
    try:
        from . import placing
    except ImportError as error:
        raise LoadError(
            f"--workers {DASK} needs Dask, which cannot be imported here ({error}). "
            'Run: pip install "dask[distributed]"'
        ) from error
    return placing


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
