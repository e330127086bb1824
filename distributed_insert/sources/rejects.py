"""Files of rejected records: in the format of their source, to be fixed and loaded again."""

import io
import os
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from typing import IO, Any, Dict, Iterable, Optional

from ..exceptions import LoadError
from . import urls
from .base import RejectedRecord, Source
from .url_files import NewUrlFile, remove


def rejects_file(folder: str, name: str, source: Source, load_id: str) -> "RejectsFile":
    """Return the file of rejects of a source, not yet open, in a folder or at its URL."""
    if urls.is_url(folder):
        return RejectsAtUrl(folder, f"{name}-{load_id}", source)
    return RejectsFile(folder, name, source)


class RejectsFile:
    """The rejected records of one load of one model, in a file that this load created."""

    def __init__(self, folder: str, name: str, source: Source):
        self.path = folder
        self._folder = folder
        self._name = name
        self._source = source
        self._file: Optional[IO[str]] = None
        self._is_empty = True

    def open(self) -> Optional[str]:
        """Create the file and return its path: NAME.csv, or the first free of NAME-2.csv ...

        A file that exists is another load's, or the user's. Raises LoadError.
        """
        if os.path.exists(self._folder) and not os.path.isdir(self._folder):
            raise LoadError(f"{self._folder}: --rejects needs a folder, and this is not one.")
        with self._errors():
            os.makedirs(self._folder, exist_ok=True)
            name = self._name
            for number in count(2):
                self.path = os.path.join(self._folder, f"{name}.{self._source.format}")
                with suppress(FileExistsError):
                    self._file = self._created()
                    break
                name = f"{self._name}-{number}"
        return self.path

    def _created(self) -> IO[str]:
        return open(
            self.path,
            "x",
            opener=partial(os.open, mode=0o600),
            **self._text,
        )

    @property
    def _text(self) -> Dict[str, Any]:
        # Only a lone surrogate from JSON cannot be encoded, and gets JSON's escape.
        return dict(newline="", encoding=self._source.encoding, errors="backslashreplace")

    def write(self, rejects: Iterable[RejectedRecord]):
        """Add records, and hand them to the operating system. Raises LoadError."""
        with self._errors():
            assert self._file
            is_first, self._is_empty = self._is_empty, False
            self._source.write_rejects(self._file, rejects, is_first)
            self._file.flush()

    @property
    def written_path(self) -> Optional[str]:
        """The path of the file if anything was written to it."""
        return None if self._is_empty else self.path

    def close(self):
        """Close the file, and remove it if nothing was written. Raises LoadError."""
        if self._file:
            file, self._file = self._file, None
            with self._errors():
                created = os.fstat(file.fileno())
                file.close()
                # Another load may have put its own file there, if this one was moved away.
                if self._is_empty and os.path.lexists(self.path):
                    if os.path.samestat(created, os.lstat(self.path)):
                        os.remove(self.path)

    @contextmanager
    def _errors(self):
        try:
            yield
        except OSError as error:
            raise LoadError(f"{self.path}: {error.strerror}.") from error


class RejectsAtUrl(RejectsFile):
    """The same at a URL: where files are created as a whole, it appears when it is closed.

    The name must be one that no other load uses.
    """

    def __init__(self, folder: str, name: str, source: Source):
        super().__init__(folder, name, source)
        self._url = urls.join(folder, f"{name}.{source.format}")
        self.path = urls.shown(self._url)

    def open(self):
        """Make sure that the file can be written, and return None. Raises LoadError."""
        NewUrlFile(self._url).close()
        remove(self._url)
        return None

    def write(self, rejects):
        if not self._file:
            self._file = io.TextIOWrapper(io.BufferedWriter(NewUrlFile(self._url)), **self._text)
        super().write(rejects)

    def close(self):
        if self._file:
            file, self._file = self._file, None
            file.close()
