"""The files of rejected records: in the format of their source, to be mended and loaded again."""

import os
from contextlib import contextmanager

from .results import LoadError


class RejectsFile:
    """One model's rejected records. Made before the load, it is taken away if it stays empty."""

    def __init__(self, path: str, source):
        self.path = path
        self._source = source
        self._file = None
        self._is_empty = True

    def open(self):
        """Make the file, never over one that is there. Raises LoadError."""
        with self._errors():
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            # Lone surrogates, which JSON escapes, are the only characters no encoding has.
            encoding = {"encoding": self._source.encoding, "errors": "backslashreplace"}
            self._file = open(self.path, "x", newline="", **encoding)

    def write(self, rejects):
        """Add the (line, raw, errors) of each reject, and hand them to the operating system."""
        with self._errors():
            if rejects and self._is_empty:
                self._file.write(self._source.reject_header())
                self._is_empty = False
            self._file.writelines(self._source.reject(*reject) for reject in rejects)
            self._file.flush()

    def close(self):
        if self._file:
            with self._errors():
                self._file.close()
                if self._is_empty:
                    os.remove(self.path)

    @contextmanager
    def _errors(self):
        try:
            yield
        except FileExistsError as error:
            raise LoadError(
                f"{self.path}: is there already. Move it away, or name another folder for rejects."
            ) from error
        except OSError as error:
            raise LoadError(f"{self.path}: {error.strerror}.") from error
