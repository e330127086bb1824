"""Files as streams of decoded text: compressed or not, pipes, and standard input."""

import codecs
import io
import os
import stat
import zlib
from contextlib import contextmanager
from typing import Any, Callable, Optional

from ..exceptions import LoadError
from .first_bytes import Unreadable, unpacked
from .stream import Stream
from .url_files import UrlFile
from .urls import is_url, shown

STANDARD_INPUT = "-"
DEFAULT_ENCODING = "utf-8-sig"
BLOCK_SIZE = 1 << 19
# How much of a file `check` decodes at a time: what the caller waits for is to be short.
CHECK_SIZE = 32 << 20


def count_lines(text: str) -> int:
    """Return how many line ends a text has."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


class TextFile:
    """A file to be read from its beginning to its end.

    Whatever keeps it from being read as text is a LoadError, raised within `errors`.
    """

    def __init__(self, path: str, encoding: str = DEFAULT_ENCODING):
        self.path = str(path)
        is_standard_input = self.path == STANDARD_INPUT
        self.name = "standard input" if is_standard_input else shown(self.path)
        self._is_url = is_url(self.path)
        self.is_stream = is_standard_input or (not self._is_url and _is_pipe(self.path))
        """Whether it can be read only once."""
        self.encoding = encoding
        self._file: Any = None
        self._unpacked: Any = None
        self._opened_size: Optional[int] = None

    def open(self, is_interrupted: Callable[[], bool] = lambda: False):
        """Open the file. A server is waited for no longer once `is_interrupted` returns True."""
        self._is_interrupted = is_interrupted
        with self.errors():
            if self.is_stream:
                raw = Stream.of(None if self.path == STANDARD_INPUT else self.path)
                self._file = io.BufferedReader(raw)
            elif self._is_url:
                self._open_url()
                self._opened_size = self._file.raw.size
            elif stat.S_ISREG(os.stat(self.path).st_mode):
                self._file = open(self.path, "rb")
                self._opened_size = os.fstat(self._file.fileno()).st_size
            else:
                raise LoadError(f"{self.name}: not a file or a pipe.")
            self._begin()

    def _open_url(self):
        self._file = io.BufferedReader(UrlFile(self.path, self._is_interrupted))

    def check(self) -> bool:
        """Decode the next part of the file, and return whether another part follows.

        After the last part the file is at its beginning again. A stream is not checked.
        """
        if self.is_stream:
            return False
        left = CHECK_SIZE
        with self.errors():
            while left > 0:
                text = self.read()
                if not text and self.is_at_end:
                    self.rewind()
                    return False
                left -= len(text)
        return True

    def rewind(self):
        """Go to the beginning again. The file must not be a stream."""
        if self._is_url:
            # Not every server can be asked for the beginning again.
            self.close()
            self._open_url()
            self._check_size()
        else:
            self._file.seek(0)
        self._begin()

    def read(self) -> str:
        """Return the next part of the text; "" at the end and, rarely, before it.

        Raises LoadError if the file became shorter or longer while it was read.
        """
        if self._unpacked is None:
            self._unpacked = self._unpack()
        data = self._unpacked.read1(BLOCK_SIZE)
        self.is_at_end = not data
        if self.is_at_end and self._opened_size is not None:
            self._check_size(self._file.tell())
        text = self._decode(data, self.is_at_end)
        self._count_lines(text)
        return text

    def give_up(self):
        """Have another thread that reads a stream raise GivenUp rather than wait for it."""
        if self.is_stream and self._file:
            self._file.raw.is_given_up = True

    @property
    def size(self) -> Optional[int]:
        """In bytes, as the file lies on the disk; None of any other: a server is not asked here."""
        is_file = not self.is_stream and not self._is_url and os.path.isfile(self.path)
        return os.path.getsize(self.path) if is_file else None

    @property
    def share_read(self) -> float:
        """How much has been read, from 0.0 to 1.0; 0.0 where the size is not known."""
        return self._file.tell() / self._opened_size if self._opened_size else 0.0

    def close(self):
        if self._file:
            self._file.close()
            self._file = None

    @contextmanager
    def errors(self):
        """Turn what can go wrong while reading into a LoadError that names the file."""
        try:
            yield
        except UnicodeDecodeError as error:
            self._check_size()
            encoding = "UTF-8" if self.encoding == DEFAULT_ENCODING else self.encoding
            self._count_lines(error.object[: error.start].decode(self.encoding, "ignore"))
            remedy = "Save it as UTF-8, or name the encoding it has with --encoding."
            if error.start == 0 and error.object[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                remedy = "It begins like UTF-16: add --encoding utf-16."
            raise LoadError(
                f"{self.name}: not {encoding} (byte 0x{error.object[error.start]:02x} in line "
                f"{self._line}). {remedy}"
            ) from error
        except UnicodeError as error:
            raise LoadError(f"{self.name}: not {self.encoding} ({error}).") from error
        except (EOFError, zlib.error) as error:
            self._check_size()
            raise LoadError(f"{self.name}: cannot be unpacked: {error}.") from error
        except OSError as error:
            if error.errno is None:
                self._check_size()
                raise LoadError(f"{self.name}: cannot be unpacked: {error}.") from error
            raise LoadError(f"{self.name}: {error.strerror}.") from error

    def _unpack(self):
        try:
            return unpacked(self._file, self.is_stream or self._is_url)
        except Unreadable as error:
            raise LoadError(f"{self.name}: {error}") from error

    def _begin(self):
        # Not before it is read: a stream may be silent.
        self._unpacked = None
        self._decode = codecs.getincrementaldecoder(self.encoding)().decode
        self._line = 1
        self._last = ""
        self.is_at_end = False

    def _count_lines(self, text):
        # A "\r" and the "\n" after it end one line, also where a part ends between them.
        counted = "\r" if self._last == "\r" else ""
        text = counted + text
        self._line += count_lines(text) - len(counted)
        self._last = text[-1:]

    def _check_size(self, bytes_read=None):
        """Raise LoadError if the file does not have, or did not give, the bytes it began with."""
        if self._opened_size is None or self._file is None:
            return
        if self._is_url:
            size = self._file.raw.size_now()
        else:
            size = os.fstat(self._file.fileno()).st_size
        now = ""
        if size not in (None, self._opened_size):
            now = f"now has {size:,}"
        elif bytes_read not in (None, self._opened_size):
            now = f"{bytes_read:,} were read"
        if now:
            raise LoadError(
                f"{self.name}: changed while it was read: it had {self._opened_size:,} bytes, and "
                f"{now}. Load it again when no program is writing to it."
            )


def _is_pipe(path):
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False
