"""What loads change for all of their process, however many of them run at once."""

import threading
from typing import Any, Callable


class SharedChange:
    """A change that the first load makes, and that is undone when the last one has ended.

    `make` makes it and returns what undoes it.
    """

    def __init__(self, make: Callable[[], Callable[[], Any]]):
        self._make = make
        self._lock = threading.Lock()
        self._loads = 0

    def __enter__(self):
        with self._lock:
            if not self._loads:
                self._undo = self._make()
            self._loads += 1

    def __exit__(self, *exception):
        with self._lock:
            self._loads -= 1
            if not self._loads:
                self._undo()
