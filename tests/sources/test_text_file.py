import bz2
import gzip
import lzma
import os
import shutil
import tempfile
import threading
from pathlib import Path
from unittest import mock

from django.test import SimpleTestCase

from distributed_insert.exceptions import LoadError
from distributed_insert.sources import text_file
from distributed_insert.sources.text_file import BLOCK_SIZE, TextFile

REMEDY = "Save it as UTF-8, or name the encoding it has with --encoding."


class TextFileTestCase(SimpleTestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "users.csv"

    def opened(self, path=None, **options):
        file = TextFile(path or self.path, **options)
        self.addCleanup(file.close)
        file.open()
        return file

    def read(self, file):
        """Return the parts of the text up to the end of the file."""
        parts = []
        with file.errors():
            while not file.is_at_end:
                parts.append(file.read())
        return parts

    def assert_refused(self, message, path=None, **options):
        """Opening and checking a file raises LoadError with the message, behind the path."""
        path = path or self.path
        with self.assertRaises(LoadError) as caught:
            file = self.opened(path, **options)
            while file.check():
                pass
        self.assertEqual(str(caught.exception), f"{path}: {message}")


class OpenTests(TextFileTestCase):
    def test_error_for_a_file_that_does_not_exist(self):
        self.assert_refused("No such file or directory.")

    def test_error_for_a_directory_and_a_device(self):
        for path in (self.folder, Path("/dev/zero")):
            with self.subTest(path=path):
                self.assert_refused("not a file or a pipe.", path)

    def test_closing_twice_does_no_harm(self):
        self.path.write_bytes(b"a")
        file = self.opened()
        file.close()
        file.close()

    def test_the_share_read_goes_from_0_to_1(self):
        self.path.write_bytes(b"a\n" * BLOCK_SIZE)
        file = self.opened()
        self.assertEqual((file.share_read, file.size), (0.0, 2 * BLOCK_SIZE))
        file.read()
        self.assertEqual(file.share_read, 0.5)
        self.read(file)
        self.assertEqual(file.share_read, 1.0)

    def test_the_share_of_a_gzip_file_is_that_of_its_bytes_on_the_disk(self):
        path = self.folder / "users.csv.gz"
        path.write_bytes(gzip.compress(b"a\n" * BLOCK_SIZE))
        file = self.opened(path)
        self.assertEqual("".join(self.read(file)), "a\n" * BLOCK_SIZE)
        self.assertEqual((file.share_read, file.size), (1.0, path.stat().st_size))

    def test_a_character_that_spans_two_blocks(self):
        text = "x" * (BLOCK_SIZE - 1) + "é" * 3
        self.path.write_text(text, encoding="utf-8")
        self.assertEqual("".join(self.read(self.opened())), text)


class CheckTests(TextFileTestCase):
    def test_a_file_is_checked_in_parts_and_is_then_at_its_beginning(self):
        content = "0123456789abcde\n" * (BLOCK_SIZE * 3 // 16)
        for name, written in (
            ("users.csv", content.encode()),
            ("users.csv.gz", gzip.compress(content.encode())),
        ):
            with self.subTest(name=name):
                path = self.folder / name
                path.write_bytes(written)
                file = self.opened(path)
                with mock.patch.object(text_file, "CHECK_SIZE", BLOCK_SIZE):
                    checks = list(iter(file.check, False))
                self.assertGreaterEqual(len(checks), 2)
                self.assertEqual(set(checks), {True})
                self.assertLess(file.share_read, 0.1)
                self.assertEqual("".join(self.read(file)), content)

    def test_a_small_file_has_one_part(self):
        self.path.write_bytes(b"a\n")
        self.assertIs(self.opened().check(), False)

    def test_error_for_other_encodings_wherever_they_show(self):
        lines = b"".join(b"%d,Lamp,1\n" % n for n in range(2, 200_001))
        for content, line in ((b"", 1), (lines, 200_000)):
            content += "1,Café,1\n".encode("latin-1")
            for path, written in (
                (self.path, content),
                (self.folder / "users.csv.gz", gzip.compress(content)),
            ):
                path.write_bytes(written)
                self.assert_refused(f"not UTF-8 (byte 0xe9 in line {line}). {REMEDY}", path)
        self.path.write_text("Zoë", encoding="utf-8")
        self.assert_refused(f"not ascii (byte 0xc3 in line 1). {REMEDY}", encoding="ascii")

    def test_error_for_utf_16_names_it(self):
        for encoding, byte in (("utf-16-le", "ff"), ("utf-16-be", "fe")):
            with self.subTest(encoding=encoding):
                self.path.write_bytes("\ufeffid\tname\n".encode(encoding))
                self.assert_refused(
                    f"not UTF-8 (byte 0x{byte} in line 1). It begins like UTF-16: add --encoding "
                    "utf-16."
                )
        self.path.write_bytes(b"id\n\xff\xfe")
        self.assert_refused(f"not UTF-8 (byte 0xff in line 2). {REMEDY}")

    def test_the_line_of_a_wrong_byte_is_counted_over_all_parts(self):
        self.path.write_bytes(b"1,Lamp\n" * BLOCK_SIZE + b"\xe9\n")
        with mock.patch.object(text_file, "CHECK_SIZE", BLOCK_SIZE):
            self.assert_refused(f"not UTF-8 (byte 0xe9 in line {BLOCK_SIZE + 1}). {REMEDY}")

    def test_line_ends_of_every_kind_are_counted_also_those_that_two_parts_share(self):
        for end in (b"\n", b"\r\n", b"\r"):
            for length in (0, BLOCK_SIZE - 2, BLOCK_SIZE - 1, BLOCK_SIZE):
                with self.subTest(end=end, length=length):
                    self.path.write_bytes(b"x" * length + end + end + b"y" + end + b"\xe9" + end)
                    self.assert_refused(f"not UTF-8 (byte 0xe9 in line 4). {REMEDY}")

    def test_error_for_a_character_that_is_cut_off_at_the_end(self):
        self.path.write_bytes("1,Caf\n2,é".encode()[:-1])
        self.assert_refused(f"not UTF-8 (byte 0xc3 in line 2). {REMEDY}")

    def test_error_for_a_compressed_file_that_breaks_off_or_is_damaged(self):
        ended = "Compressed file ended before the end-of-stream marker was reached"
        for name, compress, cut_off, damaged in (
            ("gz", gzip.compress, ended, "Error -3 while decompressing data: invalid block type"),
            ("bz2", bz2.compress, ended, "Invalid data stream"),
            ("xz", lzma.compress, ended, "Corrupt input data"),
        ):
            packed = compress(os.urandom(2000).hex().encode())
            with self.subTest(name=name):
                self.path.write_bytes(packed[:-10])
                self.assert_refused(f"cannot be unpacked: {cut_off}.")
                self.path.write_bytes(packed[:10] + b"\xff" * 900 + packed[910:])
                self.assert_refused(f"cannot be unpacked: {damaged}.")

    def test_a_pipe_is_read_once_and_not_checked(self):
        for name, written in (("plain", b"a\nb\n"), ("gzip", gzip.compress(b"a\nb\n"))):
            path = self.folder / name
            os.mkfifo(path)
            writer = threading.Thread(target=path.write_bytes, args=[written])
            with self.subTest(name=name):
                writer.start()
                file = self.opened(path)
                self.assertTrue(file.is_stream)
                self.assertIs(file.check(), False)
                self.assertEqual("".join(self.read(file)), "a\nb\n")
                self.assertEqual((file.size, file.share_read), (None, 0.0))
                writer.join()

    def test_standard_input_is_not_checked(self):
        reading, writing = os.pipe()
        before = os.dup(0)
        self.addCleanup(os.close, before)
        self.addCleanup(os.dup2, before, 0)
        os.write(writing, b"\xe9\n")
        os.close(writing)
        os.dup2(reading, 0)
        os.close(reading)
        file = self.opened("-")
        self.assertIs(file.check(), False)
        self.assertEqual((file.size, file.share_read), (None, 0.0))
        with self.assertRaises(LoadError) as caught:
            self.read(file)
        self.assertEqual(
            str(caught.exception), f"standard input: not UTF-8 (byte 0xe9 in line 1). {REMEDY}"
        )
        file.close()
        self.assertEqual(os.fstat(0).st_size, 0)


class ChangeTests(TextFileTestCase):
    """A file that becomes shorter or longer while it is read is an error."""

    content = b"".join(b"%08d\n" % n for n in range(BLOCK_SIZE // 3))

    def assert_noticed(self, file, path, before, after):
        self.assert_noticed_as(file, path, before, f"now has {after:,}")

    def assert_noticed_as(self, file, path, before, now):
        with self.assertRaises(LoadError) as caught:
            self.read(file)
        self.assertEqual(
            str(caught.exception),
            f"{path}: changed while it was read: it had {before:,} bytes, and {now}. "
            "Load it again when no program is writing to it.",
        )

    def test_a_file_that_is_cut_off(self):
        size = len(self.content)
        for after in (0, 9, BLOCK_SIZE + 9, BLOCK_SIZE + 5, size - 1):
            with self.subTest(after=after):
                self.path.write_bytes(self.content)
                file = self.opened()
                file.check()
                file.read()
                os.truncate(self.path, after)
                self.assert_noticed(file, self.path, size, after)

    def test_a_file_that_is_cut_off_and_has_its_size_again_after_its_end_was_read(self):
        size = len(self.content)
        self.path.write_bytes(self.content)
        file = self.opened()
        before = os.stat(self.path)
        os.truncate(self.path, size - 9)
        with mock.patch.object(text_file.os, "fstat", return_value=before):
            self.assert_noticed_as(file, self.path, size, f"{size - 9:,} were read")

    def test_a_file_that_is_cut_off_within_a_character(self):
        content = "é\n".encode() * BLOCK_SIZE
        self.path.write_bytes(content)
        file = self.opened()
        file.read()
        os.truncate(self.path, BLOCK_SIZE * 2 + 1)
        self.assert_noticed(file, self.path, len(content), BLOCK_SIZE * 2 + 1)

    def test_a_file_that_grows(self):
        self.path.write_bytes(self.content)
        file = self.opened()
        file.check()
        file.read()
        with open(self.path, "ab") as writer:
            writer.write(b"12")
        self.assert_noticed(file, self.path, len(self.content), len(self.content) + 2)

    def test_a_file_that_changes_while_it_is_checked(self):
        self.path.write_bytes(self.content)
        file = self.opened()
        os.truncate(self.path, 9)
        with self.assertRaisesMessage(LoadError, "changed while it was read"):
            file.check()

    def test_a_gzip_file_that_is_cut_off_or_grows(self):
        path = self.folder / "users.csv.gz"
        packed = gzip.compress(os.urandom(BLOCK_SIZE).hex().encode())
        before = len(packed)
        for written in (packed[: before // 2], packed[:-1], packed + packed):
            with self.subTest(bytes=len(written)):
                path.write_bytes(packed)
                file = self.opened(path)
                file.read()
                # Written where it lies: a file of the same name would be another one.
                with open(path, "r+b") as writer:
                    writer.write(written)
                    writer.truncate()
                self.assert_noticed(file, path, before, len(written))


class ErrorsTests(TextFileTestCase):
    def test_an_error_of_the_system_names_the_file(self):
        self.path.write_bytes(b"a")
        file = self.opened()
        with self.assertRaises(LoadError) as caught, file.errors():
            raise OSError(5, "Input/output error")
        self.assertEqual(str(caught.exception), f"{self.path}: Input/output error.")
