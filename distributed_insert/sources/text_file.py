"""Text files as streams of lines of bounded length: plain, gzip, or standard input."""

import codecs
import gzip
import io
import os
import stat
import zlib
from contextlib import contextmanager
from functools import partial
from typing import Callable, Optional

from ..exceptions import LoadError

STANDARD_INPUT = "-"
DEFAULT_ENCODING = "utf-8-sig"
# A longer line is no record; the bound keeps a file without line breaks out of memory.
MAX_LINE_LENGTH = 1 << 20
TOO_LONG = f"line longer than {MAX_LINE_LENGTH} characters"
SCAN_SIZE = 1 << 20


class TextFile:
    """A file to be read line by line. Whatever keeps it from being read is a LoadError."""

    def __init__(self, path: str, encoding: str = DEFAULT_ENCODING):
        self.path = str(path)
        self.is_standard_input = self.path == STANDARD_INPUT
        self.name = "standard input" if self.is_standard_input else self.path
        self.is_gzip = self.path.lower().endswith(".gz")
        self.encoding = encoding
        self.readline: Callable[[], str]
        """Returns a line, of a longer one the first MAX_LINE_LENGTH characters; "" at the end."""
        self._bytes = self._text = None

    def open(self):
        """Open the file, once it is known that the whole of it can be decoded.

        Standard input can be read only once, and is not looked at beforehand.
        """
        with self.errors():
            if self.is_standard_input:
                self._bytes = open(0, "rb", closefd=False)
            else:
                if not stat.S_ISREG(os.stat(self.path).st_mode):
                    raise LoadError(f"{self.name}: not a regular file.")
                self._check_encoding()
                self._bytes = open(self.path, "rb")
            self._text = self._decoded(self._bytes)
        self.readline = partial(self._text.readline, MAX_LINE_LENGTH)

    def _decoded(self, binary):
        return io.TextIOWrapper(self._unpacked(binary), encoding=self.encoding, newline="")

    def _unpacked(self, binary):
        return gzip.GzipFile(fileobj=binary) if self.is_gzip else binary

    def _check_encoding(self):
        decode = codecs.getincrementaldecoder(self.encoding)().decode
        lines = 1
        with open(self.path, "rb") as file, self._unpacked(file) as binary:
            try:
                for part in iter(partial(binary.read, SCAN_SIZE), b""):
                    lines += decode(part).count("\n")
                decode(b"", final=True)
            except UnicodeDecodeError as error:
                lines += error.object[: error.start].count(b"\n")
                raise self._undecodable(error, f" in line {lines}") from error

    def _undecodable(self, error, where=""):
        encoding = "UTF-8" if self.encoding == DEFAULT_ENCODING else self.encoding
        byte = error.object[error.start]
        return LoadError(
            f"{self.name}: not {encoding} (byte 0x{byte:02x}{where}). Save it as UTF-8, or name "
            "the encoding it has with --encoding."
        )

    @contextmanager
    def errors(self):
        """Turn what can go wrong while reading into a LoadError that names the file."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise self._undecodable(error) from error
        except UnicodeError as error:
            raise LoadError(f"{self.name}: not {self.encoding} ({error}).") from error
        except (EOFError, zlib.error) as error:
            raise LoadError(f"{self.name}: not a whole gzip file ({error}).") from error
        except OSError as error:
            raise LoadError(f"{self.name}: {error.strerror or error}.") from error

    @property
    def size(self) -> Optional[int]:
        """In bytes, as the file lies on the disk; None of standard input or what is no file."""
        is_file = not self.is_standard_input and os.path.isfile(self.path)
        return os.path.getsize(self.path) if is_file else None

    @property
    def position(self) -> int:
        """How many bytes have been read, of `size`."""
        return 0 if self.is_standard_input else self._bytes.tell()

    def skip_line(self):
        """Pass over the rest of a line of which `readline` gave the beginning."""
        for rest in iter(self.readline, ""):
            if rest[-1] in "\r\n":
                break

    def close(self):
        if self._text:
            self._text.close()
            self._bytes.close()


def is_cut(line):
    """Whether this is a piece of a longer line, and not the last of it."""
    return len(line) == MAX_LINE_LENGTH and line[-1] not in "\r\n"
