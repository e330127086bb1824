"""One thread per model."""

from concurrent.futures import ThreadPoolExecutor

from .base import Executor, thread_errors


class ThreadExecutor(Executor):
    def __init__(self, worker):
        self._worker = worker
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"insert_{worker.using}")

    def submit(self, method, *args):
        with thread_errors():
            return self._thread.submit(getattr(self._worker, method), *args)

    def shutdown(self):
        self._thread.shutdown()
