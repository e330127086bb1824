import io
import itertools
import shutil
import tempfile
from pathlib import Path
from unittest import mock

from django.test import SimpleTestCase

from distributed_insert.sources import lines as lines_module
from distributed_insert.sources import text_file
from distributed_insert.sources.lines import MAX_LINE_LENGTH, Lines
from distributed_insert.sources.text_file import BLOCK_SIZE, TextFile


class LinesTestCase(SimpleTestCase):
    def setUp(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        self.path = folder / "users.csv"

    def opened(self, text):
        self.path.write_bytes(text.encode())
        file = TextFile(self.path)
        self.addCleanup(file.close)
        file.open()
        return Lines(file)

    def assert_read(self, text, most, longest):
        """Every line of the text comes once, whole or, if it is longer than `longest`, cut."""
        lines = self.opened(text)
        left = list(io.StringIO(text, newline=""))
        for part in iter(lambda: lines.peek(most), None):
            if not part:
                continue
            self.assertTrue(left, "more than the file has")
            if lines.is_cut:
                self.assertGreater(len(left[0].rstrip("\r\n")), longest)
                self.assertEqual(part, left[0][: longest + 1])
                lines.skip_line()
                del left[0]
            else:
                count = len(list(io.StringIO(part, newline="")))
                self.assertLessEqual(count, most)
                self.assertEqual(part, "".join(left[:count]))
                lines.advance(len(part))
                del left[:count]
        self.assertEqual(left, [])


class SmallLinesTests(LinesTestCase):
    """Blocks of a few bytes and lines of a few characters, so that all can be tried."""

    def test_every_text_of_a_few_characters(self):
        texts = [
            "".join(characters)
            for length in range(6)
            for characters in itertools.product("a\r\n", repeat=length)
        ]
        for block_size, longest, most in ((1, 2, 9), (2, 1, 1), (3, 2, 2)):
            with mock.patch.object(text_file, "BLOCK_SIZE", block_size):
                with mock.patch.object(lines_module, "MAX_LINE_LENGTH", longest):
                    for text in texts:
                        with self.subTest(text=text, block_size=block_size):
                            self.assert_read(text, most, longest)

    def test_as_many_lines_as_asked_for_at_most(self):
        for end in ("\n", "\r\n", "\r"):
            for most in (1, 2, 63, 64, 65, 66, 130, 999, 1000, 1001):
                with self.subTest(end=end, most=most):
                    text = "".join(f"{number}{end}" for number in range(1100))
                    lines = self.opened(text)
                    part = lines.peek(most)
                    self.assertEqual(part.splitlines(), [str(n) for n in range(most)])
                    self.assertEqual(lines.peek(most), part)
                    self.assert_read(text, most, MAX_LINE_LENGTH)

    def test_other_line_ends_end_no_line(self):
        lines = self.opened("a\u2028b\x85c\x0bd\x0ce\x1c\nf")
        self.assertEqual(lines.peek(1), "a\u2028b\x85c\x0bd\x0ce\x1c\n")

    def test_an_empty_file_is_at_its_end(self):
        self.assertIsNone(self.opened("").peek(1))

    def test_peeking_further_returns_about_twice_as_much_of_whole_lines(self):
        text = "".join(f"{number}\n" for number in range(100, 200))
        lines = self.opened(text)
        part = lines.peek(1)
        sizes = []
        while True:
            longer = lines.peek_further(part)
            self.assertTrue(longer.startswith(part) and longer.endswith("\n"))
            self.assertTrue(text.startswith(longer))
            if longer == part:
                break
            part = longer
            sizes.append(len(part))
        self.assertEqual(part, text)
        self.assertLess(len(sizes), 10)

    def test_peeking_further_reads_on(self):
        text = "".join(f"{number:06}\n" for number in range(BLOCK_SIZE // 2))
        lines = self.opened(text)
        part = lines.peek(BLOCK_SIZE)
        self.assertLess(len(part), BLOCK_SIZE)
        longer = lines.peek_further(part)
        self.assertGreater(len(longer), len(part))
        self.assertTrue(text.startswith(longer))


class LongLinesTests(LinesTestCase):
    """Lines about as long as allowed, of which a line end may be the last that fits."""

    def test_a_line_as_long_as_allowed_is_whole(self):
        for end in ("\n", "\r\n", "\r", ""):
            for length in (MAX_LINE_LENGTH - 1, MAX_LINE_LENGTH):
                with self.subTest(end=end, length=length):
                    lines = self.opened("x" * length + end)
                    self.assertEqual(lines.peek(1), "x" * length + end)
                    self.assertIs(lines.is_cut, False)

    def test_lines_that_follow_a_long_one_are_not_lost_or_doubled(self):
        for end in ("\n", "\r\n", "\r"):
            for length in range(MAX_LINE_LENGTH - 2, MAX_LINE_LENGTH + 4):
                for before in ("", "a"):
                    with self.subTest(end=end, length=length, before=before):
                        text = f"{before}{end}{'x' * length}{end}b{end}{end}c"
                        self.assert_read(text, 10, MAX_LINE_LENGTH)

    def test_line_ends_that_two_blocks_share(self):
        for end in ("\n", "\r\n", "\r"):
            for length in range(BLOCK_SIZE - 3, BLOCK_SIZE + 1):
                with self.subTest(end=end, length=length):
                    self.assert_read(f"{'x' * length}{end}{end}b{end}c", 10, MAX_LINE_LENGTH)

    def test_a_line_of_many_blocks_is_never_wholly_in_memory(self):
        lines = self.opened("x" * (MAX_LINE_LENGTH * 6) + "\nb\n")
        self.assertEqual(lines.peek(5), "x" * (MAX_LINE_LENGTH + 1))
        self.assertIs(lines.is_cut, True)
        lines.skip_line()
        parts = list(iter(lambda: lines.peek(5), "b\n"))
        self.assertEqual(set(parts), {""})
        lines.advance(2)
        self.assertIsNone(lines.peek(5))
