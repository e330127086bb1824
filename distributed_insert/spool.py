"""Batches that wait, in a temporary file: in order, and in no memory."""

import pickle
import tempfile
from typing import Any, Optional


class Spool:
    """First in, first out: everything is put by before anything is taken."""

    def __init__(self):
        self._file = None
        self._put = self._taken = 0

    def put(self, item: Any):
        if self._file is None:
            self._file = tempfile.TemporaryFile()
        pickle.dump(item, self._file, pickle.HIGHEST_PROTOCOL)
        self._put += 1

    def take(self) -> Optional[Any]:
        """Return the oldest item; None when none is left."""
        if self._taken == self._put:
            return None
        if not self._taken:
            self._file.seek(0)
        self._taken += 1
        return pickle.load(self._file)

    def close(self):
        if self._file is not None:
            self._file.close()
