"""Text files as streams of decoded text: plain, gzip, or standard input."""

import codecs
import gzip
import os
import stat
import zlib
from contextlib import contextmanager
from typing import Any, Optional

from ..exceptions import LoadError

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
        self.is_standard_input = self.path == STANDARD_INPUT
        self.name = "standard input" if self.is_standard_input else self.path
        self.is_gzip = self.path.lower().endswith(".gz")
        self.encoding = encoding
        self._file: Any = None
        self._opened_size: Optional[int] = None

    def open(self):
        with self.errors():
            if self.is_standard_input:
                self._file = open(0, "rb", closefd=False)
            else:
                if not stat.S_ISREG(os.stat(self.path).st_mode):
                    raise LoadError(f"{self.name}: not a regular file.")
                self._file = open(self.path, "rb")
                self._opened_size = os.fstat(self._file.fileno()).st_size
            self._rewind()

    def check(self) -> bool:
        """Decode the next part of the file, and return whether another part follows.

        After the last part the file is at its beginning again. Standard input can be read only
        once: it is not checked.
        """
        if self.is_standard_input:
            return False
        left = CHECK_SIZE
        with self.errors():
            while left > 0:
                text = self.read()
                if not text and self.is_at_end:
                    self._file.seek(0)
                    self._rewind()
                    return False
                self._count_lines(text)
                left -= len(text)
        return True

    def read(self) -> str:
        """Return the next part of the text; "" at the end and, rarely, before it.

        Raises LoadError if the file became shorter or longer while it was read.
        """
        data = self._unpacked.read1(BLOCK_SIZE)
        self.is_at_end = not data
        if self.is_at_end and not self.is_standard_input:
            self._check_size(self._file.tell())
        return self._decode(data, self.is_at_end)

    @property
    def size(self) -> Optional[int]:
        """In bytes, as the file lies on the disk; None of standard input or what is not a file."""
        is_file = not self.is_standard_input and os.path.isfile(self.path)
        return os.path.getsize(self.path) if is_file else None

    @property
    def bytes_read(self) -> int:
        """How many bytes have been read, of `size`."""
        return 0 if self.is_standard_input else self._file.tell()

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
            where = "" if self.is_standard_input else f" in line {self._line}"
            raise LoadError(
                f"{self.name}: not {encoding} (byte 0x{error.object[error.start]:02x}{where}). "
                "Save it as UTF-8, or name the encoding it has with --encoding."
            ) from error
        except UnicodeError as error:
            raise LoadError(f"{self.name}: not {self.encoding} ({error}).") from error
        except (EOFError, zlib.error) as error:
            self._check_size()
            raise LoadError(f"{self.name}: not a whole gzip file ({error}).") from error
        except gzip.BadGzipFile as error:
            self._check_size()
            raise LoadError(f"{self.name}: {error}.") from error
        except OSError as error:
            raise LoadError(f"{self.name}: {error.strerror or error}.") from error

    def _rewind(self):
        self._unpacked = gzip.GzipFile(fileobj=self._file) if self.is_gzip else self._file
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
        if self.is_standard_input:
            return
        size = os.fstat(self._file.fileno()).st_size
        if size != self._opened_size or bytes_read not in (None, self._opened_size):
            raise LoadError(
                f"{self.name}: changed while it was read: it had {self._opened_size:,} bytes, and "
                f"now has {size:,}. Load it again when no program is writing to it."
            )
