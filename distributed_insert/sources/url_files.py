"""Files at URLs. fsspec is imported only where it is used."""

import io
from abc import abstractmethod
from typing import Any, Callable, Optional

from ..exceptions import GivenUp, LoadError
from . import backends
from .backends import Call
from .urls import shown

# What a server is asked for at a time, in bytes. S3 takes no smaller parts of what is written.
PART_SIZE = 5 << 20
READ_SIZE = 1 << 20


class _File(io.RawIOBase):
    """A file whose backend is called in time. After an error it is not called any more."""

    _file: Any = None
    _failure: Optional[str] = None

    def __init__(self, url: str, what: str, is_interrupted: Callable[[], bool]):
        self._url = url
        self._what = what
        self._is_interrupted = is_interrupted
        self._file = self._wait(self._open)

    @abstractmethod
    def _open(self) -> Any:
        """Return the file that the backend opens."""

    def _wait(self, function, *args):
        if self._failure is not None:
            raise LoadError(self._failure)
        try:
            return Call(function, *args).wait(self._url, self._what, self._is_interrupted)
        except (LoadError, GivenUp) as error:
            self._failure = str(error)
            if self._file:
                # For this, too, the server may have to be waited for.
                Call(self._file.close).start()
            raise

    def close(self):
        super().close()
        if self._file and self._failure is None:
            file, self._file = self._file, None
            self._wait(file.close)


class UrlFile(_File):
    """A file to be read from its beginning to its end, in parts. Raises LoadError, GivenUp.

    Its server need not be able to begin in the middle, but where it can it is asked for one part
    after the other: it would not wait as long as a load may take between two of them.
    """

    size: Optional[int] = None

    def __init__(self, url: str, is_interrupted: Callable[[], bool] = lambda: False):
        self._part = io.BytesIO()
        self._read = 0
        super().__init__(url, "", is_interrupted)

    def _open(self):
        self._fs, self._path = _find(self._url)
        info = self._fs.info(self._path)
        if info["type"] == "directory":
            raise LoadError(f"{shown(self._url)}: not a file or a pipe.")
        self.size = info.get("size")
        file = self._fs.open(self._path, "rb", block_size=PART_SIZE)
        if "http" not in self._fs.protocol or self._gives_parts(file):
            return file
        file.close()
        return self._fs.open(self._path, "rb", block_size=0)

    def _gives_parts(self, file):
        if not self.size or self.size <= PART_SIZE:
            return True
        try:
            file.seek(self.size - 1)
            file.read(1)
            file.seek(0)
        except ValueError:
            return False
        return True

    def size_now(self) -> Optional[int]:
        """Ask for the size again."""
        return self._wait(self._fs.info, self._path).get("size")

    def readable(self):
        return True

    def readinto(self, buffer):
        count = self._part.readinto(buffer)
        if not count:
            self._part = io.BytesIO(self._wait(self._file.read, READ_SIZE))
            count = self._part.readinto(buffer)
        self._read += count
        return count

    def tell(self):
        return self._read


class NewUrlFile(_File):
    """A file to be written, in place of another one there. Raises LoadError, which says `what`."""

    def __init__(self, url: str, what: str = ""):
        super().__init__(url, what, lambda: False)

    def _open(self):
        fs, path = _find(self._url)
        return fs.open(path, "wb", block_size=PART_SIZE)

    def writable(self):
        return True

    def write(self, data):
        self._wait(self._file.write, bytes(data))
        return len(data)


def remove(url: str):
    """Remove a file. Raises LoadError."""

    def found_and_removed():
        fs, path = _find(url)
        fs.rm_file(path)

    Call(found_and_removed).wait(url)


def _find(url):
    """Return the file system of a URL, and the path there."""
    import fsspec

    options = {}
    for protocol in ("http", "https"):
        if f"{protocol}://" in url:
            from aiohttp import ClientTimeout

            # Its total would end a large file after five minutes.
            options[protocol] = {"timeout": ClientTimeout(total=None, sock_read=backends.TIMEOUT)}
    return fsspec.core.url_to_fs(url, **options)
