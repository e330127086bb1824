"""Where a worker does its jobs: on a thread of this process, or in a process of its own.

Either way the jobs are done one by one, in the order in which they were asked for, by one thread
that alone uses the database's connection.

A process that is not forked imports this module before Django is set up: it must know no models.
"""

import gc
import multiprocessing
import os
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Callable, Mapping

import django
from django.db import connections

THREAD, PROCESS = WORKERS = ("thread", "process")

# Bytes of files: processes are forked in no time, and pay from about 60,000 records on; those that
# are not forked have to import Django, and pay from about 500,000 records on.
FORKED_FROM_BYTES = 2_000_000
STARTED_FROM_BYTES = 16_000_000

# Batches are freed by their reference counts; looking for cycles among their tens of thousands of
# records at the usual pace takes a third of the time of reading them.
GC_THRESHOLD = 200_000


class ProcessKilled(Exception):
    """The process of a worker has come to an end before its work had."""


class ThreadHost:
    def __init__(self, worker):
        self._worker = worker
        self.executor = ThreadPoolExecutor(1, thread_name_prefix=f"insert_{worker.using}")

    def job(self, name: str) -> Callable:
        return getattr(self._worker, name)

    def stop(self):
        self.executor.shutdown()


class ProcessHost:
    """A process that ends with the one that made it, even if that is killed.

    A thread of this process puts the jobs to it, one by one. No thread is started before all
    processes are: one that is forked beside a thread could wait for ever for what that had locked.
    """

    def __init__(self, worker):
        self.executor = ThreadPoolExecutor(1, thread_name_prefix=f"insert_{worker.using}")
        self._pipe, other_end = multiprocessing.Pipe()
        # The worker is unpickled when Django is set up: it refers to models.
        arguments = (other_end, pickle.dumps(worker), dict(connections.settings))
        self._process = multiprocessing.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        # So that the pipe breaks when the process ends.
        other_end.close()

    def job(self, name: str) -> Callable:
        return partial(self._put, name)

    def _put(self, *job):
        try:
            self._pipe.send(job)
            error, result = self._pipe.recv()
        except (EOFError, OSError) as broken:
            raise ProcessKilled from broken
        if error:
            raise error
        return result

    def stop(self):
        self.executor.shutdown()
        # A process that was killed hears nothing, and need not.
        with suppress(OSError):
            self._pipe.send(None)
        self._process.join()
        self._pipe.close()


def _serve(pipe, worker: bytes, databases: Mapping[str, Mapping[str, Any]]):
    """Do the jobs that come through the pipe, in the process of a worker."""
    # Ctrl-C reaches every process of the terminal, and SIGTERM those of a service: what is to be
    # done about it is for the coordinator to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.set_threshold(GC_THRESHOLD)
    django.setup()
    # A process that is not forked has read its settings anew: tests run on other databases.
    for alias, settings in databases.items():
        connections.settings[alias].update(settings)
    host = ThreadHost(pickle.loads(worker))
    for name, *arguments in iter(pipe.recv, None):
        done = host.executor.submit(host.job(name), *arguments)
        error = done.exception()
        pipe.send((error, None if error else done.result()))
    host.stop()


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


def choose_workers(sources) -> str:
    """Return which kind of worker loads these sources faster."""
    is_forked = multiprocessing.get_start_method() == "fork"
    enough = FORKED_FROM_BYTES if is_forked else STARTED_FROM_BYTES
    size = sum(source.size or 0 for source in sources)
    return PROCESS if size >= enough and _processors() > 1 else THREAD


def _processors():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def hosts(workers: Mapping[Any, Any], kind: str):
    """Give a host of the kind to each worker, and end them all. Not to be called in an event loop.

    A worker that reads standard input is given a thread: only this process has it.
    """
    made = {}
    usual_pace = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD)
    if kind == PROCESS:
        # A connection must not be inherited. Inside the coordinator's event loop this would close
        # nothing: there, asgiref keeps another set of connections.
        connections.close_all()
    try:
        for key, worker in workers.items():
            is_process = kind == PROCESS and not worker.needs_standard_input
            made[key] = ProcessHost(worker) if is_process else ThreadHost(worker)
        yield made
    finally:
        for host in made.values():
            host.stop()
        gc.set_threshold(*usual_pace)
