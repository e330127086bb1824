import csv
import io
import itertools
import random
from unittest import mock

from django.test import SimpleTestCase

from distributed_insert.sources import text_file
from distributed_insert.sources.base import Malformed
from distributed_insert.sources.csv_rows import split_columns
from distributed_insert.sources.text_file import BLOCK_SIZE

from .cases import FormatTestCase


def plainly_read(content):
    """Return what CSV holds behind its header, as (line, raw), read in the plainest way.

    It is the reference for the faster one: every row is read by a reader of its own, from the line
    that it begins on. It takes a time that grows with the square of the size.
    """
    lines = list(io.StringIO(content, newline=""))
    records = []
    first = 0
    while first < len(lines):
        reader = csv.reader(lines[first:], strict=True)
        try:
            row = next(reader)
        except csv.Error as error:
            records.append(
                (first + 1, Malformed(lines[first].rstrip("\r\n"), f"Malformed CSV: {error}"))
            )
            first += 1
        else:
            if row:
                records.append((first + 1, row))
            first += reader.line_num
    return records[1:]


class SplitColumnsTests(SimpleTestCase):
    def test_lines_of_as_many_values_as_columns_are_split(self):
        for end in ("\n", "\r\n", "\r"):
            for last in ("", end):
                with self.subTest(end=end, last=last):
                    self.assertEqual(
                        split_columns(f"1,a,x{end}2,,{end},b,{last}", ",", 3),
                        [["1", "2", ""], ["a", "", "b"], ["x", "", ""]],
                    )

    def test_what_may_be_anything_else_is_left_to_the_csv_module(self):
        for text in (
            '1,"a"\n', "1,a\0\n", "1\n", "\n", "1,a\n\n2,b\n", "1,a,b\n2,c\n", "1\n2,a,b\n",
            "1,a\n2\n", "1,a,b\n", "1,a,2,b\n", "1,a,2\nb\n", f"{'1' * 131_073},a\n",
        ):  # fmt: skip
            with self.subTest(text=text[:20]):
                self.assertIsNone(split_columns(text, ",", 2))

    def test_one_column_is_left_to_the_csv_module(self):
        self.assertIsNone(split_columns("a\n", ",", 1))

    def test_every_text_of_a_few_characters(self):
        """Where there are columns, they are those of the csv module."""
        split = 0
        for length in range(1, 9):
            for characters in itertools.product("a,\n", repeat=length):
                text = "".join(characters)
                columns = split_columns(text, ",", 2)
                if columns is not None:
                    split += 1
                    rows = list(csv.reader(io.StringIO(text, newline="")))
                    self.assertEqual(rows, [list(row) for row in zip(*columns)], text)
        self.assertGreater(split, 100)


class RowReaderTests(FormatTestCase):
    contents = (
        'a","\n' * 30,
        'a","\n' * 30 + '"\n1,b,2\n',
        '"\n' * 21,
        '1,"a\n' * 20 + "2,b,3\n",
        '1,"a\n2,b,3\n4,"c\n5,d,6\n',
        '1,"a"b\n2,"c\nd",3\n4,"e\nf"g\n5,h,6\n',
        '1,"a""\n2,b,3\n"\n4,"c",5\n',
        '"a\n\n\n1,b,2\n\n',
        '1,"a\r\n2,b,3\r4,"c\n\r\n5,d,6',
        '1,"a',
        '"',
        '1,b,2\n"',
        '1,b,"2\n"',
        '1,b,"2\n\n"',
        '1,b,"2\nx"',
        '"a"b\n"c\n"d"e\n"f\n',
    )

    def assert_read(self, content):
        content = f"id,name,price\n{content}"
        expected = plainly_read(content)
        for size in (1, 2, 3, 100):
            source = self.opened(content)
            with self.subTest(content=content, size=size):
                self.assertEqual(self.all_records(source, size), expected)

    def test_rows_are_those_of_the_plainest_reader(self):
        for content in self.contents:
            self.assert_read(content)

    def test_rows_are_those_of_the_plainest_reader_wherever_a_block_ends(self):
        for block_size in (1, 2, 5, 16):
            with mock.patch.object(text_file, "BLOCK_SIZE", block_size):
                for content in self.contents:
                    self.assert_read(content)

    def test_rows_of_random_characters(self):
        chance = random.Random(8)
        for _ in range(200):
            pieces = chance.choices(["a", ",", '"', "\n", '","', '"\n', "1,b,2\n", "\r\n"], k=20)
            self.assert_read("".join(pieces))


class LinearWorkTests(FormatTestCase):
    """Small files on which a reader that starts again and again would take minutes."""

    def assert_linear(self, content, size=10_000):
        """No line is given to the csv module more than a few times."""
        given = 0

        def reader(lines, **options):
            def counted():
                nonlocal given
                for line in lines:
                    given += 1
                    yield line

            return original(counted(), **options)

        original = csv.reader
        source = self.opened(f"id,name,price\n{content}")
        with mock.patch.object(csv, "reader", reader):
            self.all_records(source, size)
        lines = content.count("\n")
        self.assertGreaterEqual(given, lines)
        self.assertLessEqual(given, 6 * lines)

    def test_quotes_that_are_never_balanced(self):
        for line in ('a","\n', '1,"a\n', '"\n', '"a""\n', 'a","b\n', '1,"a",2\n"\n', '"a"b\n'):
            with self.subTest(line=line):
                self.assert_linear(line * 16_001)

    def test_quotes_that_are_never_balanced_in_several_blocks(self):
        self.assert_linear(f'a","{"x" * 70}\n' * (3 * BLOCK_SIZE // 76))

    def test_quotes_that_are_balanced_far_behind(self):
        for begin, line, end in (
            ('1,"', "a\n", '",2\n'),
            ('1,"a"b\n1,"', "a\n", '"b\n'),
            ('1,"\n', "1,b,2\n", '"\n'),
            ("", 'a","\n', '"\n'),
        ):
            with self.subTest(begin=begin, line=line, end=end):
                self.assert_linear(begin + line * 20_000 + end)

    def test_small_batches(self):
        for line in ('a","\n', '1,"a\n', '1,"a\nb",2\n'):
            for size in (1, 7):
                with self.subTest(line=line, size=size):
                    self.assert_linear(line * 3_000, size)

    def test_many_records_that_are_too_long(self):
        self.assert_linear((f'1,"{"x" * 100_000}\n' + f'","{"x" * 100_000}\n' * 11) * 5)
