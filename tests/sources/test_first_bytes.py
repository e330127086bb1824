import bz2
import gzip
import io
import lzma
import random
import sys
import zipfile
import zlib
from unittest import mock

from django.test import SimpleTestCase

from distributed_insert.sources.first_bytes import UNREADABLE, Unreadable, unpacked

CONTENT = b"".join(b"%d,Lamp,%d\n" % (n, n % 7) for n in range(50_000))


def zipped(name, content="x"):
    """Return a zip archive of one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


class SlowPipe(io.RawIOBase):
    """A pipe whose writer is slow: each read gives a few bytes."""

    def __init__(self, content):
        self._content = io.BytesIO(content)
        self._random = random.Random(1)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._content.readinto(memoryview(buffer)[: self._random.randint(1, 3000)])


class UnpackedTests(SimpleTestCase):
    def content(self, written, is_stream=False):
        """Return what a file holds, read in parts."""
        file = io.BufferedReader(SlowPipe(written) if is_stream else io.BytesIO(written))
        contents = unpacked(file, is_stream)
        return b"".join(iter(lambda: contents.read1(10_000), b""))

    def test_files_and_streams_are_unpacked_whatever_their_names(self):
        for name, compress in (
            ("plain", bytes),
            ("gzip", gzip.compress),
            ("bzip2", bz2.compress),
            ("xz", lzma.compress),
        ):
            for is_stream in (False, True):
                with self.subTest(name=name, is_stream=is_stream):
                    self.assertEqual(self.content(compress(CONTENT), is_stream), CONTENT)
                    self.assertEqual(self.content(compress(b"1"), is_stream), b"1")
                    self.assertEqual(self.content(compress(b""), is_stream), b"")
                    two = compress(CONTENT) + compress(b"end")
                    self.assertEqual(self.content(two, is_stream), CONTENT + b"end")

    def test_error_for_a_later_stream_that_is_damaged(self):
        for compress in (bz2.compress, lzma.compress):
            written = bytearray(compress(CONTENT) + compress(b"end"))
            written[-len(compress(b"end")) + 12] ^= 0xFF
            with self.subTest(compress=compress), self.assertRaises((zlib.error, EOFError)):
                self.content(bytes(written))

    def test_padding_after_and_between_xz_streams(self):
        zeros = b"\0" * 100_000
        written = lzma.compress(b"1") + zeros + lzma.compress(b"2") + zeros
        self.assertEqual(self.content(written), b"12")

    def test_error_for_an_xz_file_that_would_take_much_memory(self):
        written = lzma.compress(b"1", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28}])
        with self.assertRaisesMessage(zlib.error, "Memory usage limit exceeded"):
            self.content(written)
        self.assertEqual(self.content(lzma.compress(b"1", preset=9)), b"1")

    def test_text_that_looks_like_compressed_at_first(self):
        for content in (b"BZh9,name\n", b"BZip", b"\xfd7zX", b"\x1f", b"PAR1,name,price\n"):
            with self.subTest(content=content):
                self.assertEqual(self.content(content), content)

    def test_error_for_what_is_not_text(self):
        for first, what in (
            (zipped("users.csv"), "a zip archive"),
            (b"PK\x05\x06" + bytes(18), "a zip archive"),
            (zipped("[Content_Types].xml"), "a spreadsheet"),
            (zipped("xl/workbook.xml"), "a spreadsheet"),
            (
                zipped("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
                "a spreadsheet",
            ),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "a spreadsheet"),
            (b"PAR1\x15\x04", "a Parquet file"),
            (b"ARROW1\0\0", "an Arrow file"),
            (b"Obj\x01\x04", "an Avro file"),
            (b"SQLite format 3\0", "an SQLite database"),
            (b"\x28\xb5\x2f\xfd\x24", "compressed with zstd"),
            (b"\x04\x22\x4d\x18\x64", "compressed with lz4"),
            (b"7z\xbc\xaf\x27\x1c\0", "an archive"),
            (b"%PDF-1.7", "a PDF document"),
            (b"\xef\xbb\xbf<?xml version", "XML or HTML"),
            (b"<!DOCTYPE html>", "XML or HTML"),
        ):
            [remedy] = {remedy for _, named, remedy in UNREADABLE if named == what}
            for is_stream in (False, True):
                with self.subTest(first=first, is_stream=is_stream):
                    with self.assertRaises(Unreadable) as caught:
                        self.content(first, is_stream)
                    self.assertEqual(str(caught.exception), f"this is {what}. {remedy}")

    def test_error_for_a_python_that_was_built_without_a_compression(self):
        for module, compress in (("bz2", bz2.compress), ("lzma", lzma.compress)):
            with self.subTest(module=module), mock.patch.dict(sys.modules, {module: None}):
                with self.assertRaises(Unreadable) as caught:
                    self.content(compress(b"1"))
                self.assertEqual(
                    str(caught.exception),
                    f"this Python cannot unpack it: import of {module} halted; None in "
                    "sys.modules. Unpack it first.",
                )
