"""The pace of the garbage collector while batches are loaded."""

import gc
import threading

# Batches are freed by their reference counts; looking for cycles among their tens of thousands of
# values at the usual pace takes a third of the time of reading them.
GC_THRESHOLD = 200_000


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


slow_collection = _SlowCollection()
