"""What a file's first bytes say: how it is compressed, or that it is not text at all."""

import gzip
import re
import zlib
from functools import partial
from typing import Any, Callable, Type

# xz -9 asks for 65 MiB to unpack; a file may ask for 4 GiB.
MAX_XZ_MEMORY = 100 << 20
PACKED_SIZE = 1 << 16

# As the gzip module says it.
CUT_OFF = "Compressed file ended before the end-of-stream marker was reached"

# How many of the first bytes are looked at. An archive's first file is named behind 30 of them.
COUNT = 16
ARCHIVE_COUNT = 64

# What people try to load, and how it becomes a file that can be loaded.
UNREADABLE = (
    (
        rb"(?s)PK\x03\x04.{26}(\[Content_Types\]|_rels/|docProps/|xl/|mimetypeapplication/vnd.oasis)"
        rb"|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "a spreadsheet",
        "Save its sheet as CSV (UTF-8), and load that.",
    ),
    (rb"PK(\x03\x04|\x05\x06)", "a zip archive", "Unzip it, and load what is in it."),
    (
        rb"PAR1[\x00-\x1f]",
        "a Parquet file",
        """Convert it to CSV: duckdb -c "COPY 'FILE' TO 'FILE.csv'".""",
    ),
    (rb"ARROW1\x00", "an Arrow file", "Convert it to CSV."),
    (rb"Obj\x01", "an Avro file", "Convert it to JSON Lines."),
    (
        rb"SQLite format 3\x00",
        "an SQLite database",
        'Export the table: sqlite3 -header -csv FILE "SELECT * FROM table" > table.csv.',
    ),
    (rb"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it: unzstd FILE."),
    (rb"\x04\x22\x4d\x18", "compressed with lz4", "Unpack it: unlz4 FILE."),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", "an archive", "Unpack it."),
    (rb"%PDF-", "a PDF document", "Export its tables as CSV."),
    (rb"(?i)(\xef\xbb\xbf)?<(\?xml|!doctype|html)", "XML or HTML", "Export it as CSV or JSON."),
)


class Unreadable(Exception):
    """What a file holds cannot be read. The message says why, and the remedy."""


def unpacked(file: Any, is_stream: bool) -> Any:
    """Return something whose `read1` gives the content of a binary file, compressed or not.

    The file must be at its beginning; one that `is_stream` cannot go back to it. Raises Unreadable.
    """
    first = part = file.read1(COUNT)
    # What came through a pipe is not to wait for what comes next.
    while part and len(first) < _count(first) and b"\n" not in first:
        part = file.read1(_count(first) - len(first))
        first += part
    if is_stream:
        file = _Stream(first, file)
    else:
        file.seek(0)
    for pattern, what, remedy in UNREADABLE:
        if re.match(pattern, first):
            raise Unreadable(f"this is {what}. {remedy}")
    try:
        if first[:2] == b"\x1f\x8b":
            return gzip.GzipFile(fileobj=file)
        if re.match(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", first):
            from bz2 import BZ2Decompressor

            return _Unpacking(file, BZ2Decompressor, OSError)
        if first[:6] == b"\xfd7zXZ\0":
            from lzma import LZMADecompressor, LZMAError

            return _Unpacking(file, partial(LZMADecompressor, memlimit=MAX_XZ_MEMORY), LZMAError)
    except ImportError as error:
        raise Unreadable(f"this Python cannot unpack it: {error}. Unpack it first.") from error
    return file


def _count(first):
    return ARCHIVE_COUNT if first[:2] == b"PK" else COUNT


class _Stream:
    """A stream of which the first bytes have been read already."""

    def __init__(self, first: bytes, file: Any):
        self._first = first
        self._file = file

    def read1(self, size: int) -> bytes:
        first, self._first = self._first[:size], self._first[size:]
        return first or self._file.read1(size)

    def read(self, size: int) -> bytes:
        # What unpacks needs its small parts whole; of large ones, it is not to wait for the end.
        if size > COUNT:
            return self.read1(size)
        first, self._first = self._first[:size], self._first[size:]
        return first + self._file.read(size - len(first))


class _Unpacking:
    """What bz2.BZ2File and lzma.LZMAFile are, but strict.

    These take a damaged second stream for something to be ignored, and set no bound on the memory
    that a file may ask for.
    """

    def __init__(self, file: Any, new_unpacker: Callable[[], Any], error: Type[Exception]):
        self._file = file
        self._new_unpacker = new_unpacker
        self._unpacker = new_unpacker()
        self._error = error

    def read1(self, size: int) -> bytes:
        data = b""
        while not data:
            packed = b""
            if self._unpacker.eof:
                # Another stream may follow, after any number of zeros.
                packed = self._unpacker.unused_data.lstrip(b"\0")
                while not packed:
                    block = self._file.read(PACKED_SIZE)
                    if not block:
                        return b""
                    packed = block.lstrip(b"\0")
                self._unpacker = self._new_unpacker()
            elif self._unpacker.needs_input:
                packed = self._file.read(PACKED_SIZE)
                if not packed:
                    raise EOFError(CUT_OFF)
            try:
                data = self._unpacker.decompress(packed, size)
            except self._error as error:
                raise zlib.error(str(error)) from error
        return data
