"""The files of rejected records: in the format of their source, to be mended and loaded again."""

import os
from contextlib import contextmanager

from ..exceptions import LoadError


def rejects_path(folder, dataset, source) -> str:
    return os.path.join(folder, f"{dataset.plural}.{source.format}")


class RejectsFile:
    """One model's rejected records. Made before the load, it is taken away if it stays empty."""

    def __init__(self, path: str, source):
        self.path = path
        self._source = source
        self._file = None
        self._is_empty = True

    def open(self):
        """Make the file, never over one that is there. Raises LoadError."""
        folder = os.path.dirname(self.path)
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise LoadError(f"{folder}: not a folder, as --rejects needs one.")
        with self._errors():
            os.makedirs(folder, exist_ok=True)
            # A load that was killed may have left an empty one.
            is_empty = os.path.exists(self.path) and not os.path.getsize(self.path)
            # Only a lone surrogate from JSON cannot be encoded, and gets JSON's escape.
            encoding = {"encoding": self._source.encoding, "errors": "backslashreplace"}
            self._file = open(self.path, "w" if is_empty else "x", newline="", **encoding)

    def write(self, rejects):
        """Add the (line, raw, errors) of each reject, and hand them to the operating system."""
        with self._errors():
            if rejects and self._is_empty:
                self._source.write_rejects_header(self._file)
                self._is_empty = False
            self._source.write_rejects(self._file, rejects)
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
