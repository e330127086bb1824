from django.test import SimpleTestCase

from distributed_insert.sources.csv_file import CsvSource
from distributed_insert.sources.formats import file_source
from distributed_insert.sources.json_lines import JsonLinesSource


class FileSourceTests(SimpleTestCase):
    def test_the_format_comes_from_the_name(self):
        for name, kind in (
            ("a.csv", CsvSource),
            ("a.csv.gz", CsvSource),
            ("a.txt", CsvSource),
            ("a.jsonl", JsonLinesSource),
            ("a.ndjson", JsonLinesSource),
            ("A.JSONL.GZ", JsonLinesSource),
            ("-", CsvSource),
        ):
            with self.subTest(name=name):
                self.assertIs(type(file_source(name)), kind)

    def test_the_format_that_is_asked_for_wins(self):
        self.assertIs(type(file_source("a.csv", "jsonl")), JsonLinesSource)
        self.assertIs(type(file_source("a.jsonl", "csv")), CsvSource)
