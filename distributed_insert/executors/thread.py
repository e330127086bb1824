"""One thread per model."""

import threading
from concurrent.futures import ThreadPoolExecutor

from .base import Executor, thread_errors


class ThreadExecutor(Executor):
    def __init__(self, worker):
        self._interrupted = threading.Event()
        self._worker = worker
        worker.is_interrupted = self._interrupted.is_set
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"insert_{worker.using}")

    def submit(self, method, *args):
        with thread_errors():
            return self._thread.submit(getattr(self._worker, method), *args)

    def interrupt(self):
        self._interrupted.set()

    def shutdown(self):
        self._thread.shutdown()
