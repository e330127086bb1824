from django.test import SimpleTestCase

from distributed_insert.sources import open_source
from distributed_insert.sources.csv_file import CsvSource
from distributed_insert.sources.json_array import JsonArraySource
from distributed_insert.sources.json_lines import JsonLinesSource


class OpenSourceTests(SimpleTestCase):
    def test_the_format_comes_from_the_name(self):
        for name, kind in (
            ("a.csv", CsvSource),
            ("a.csv.gz", CsvSource),
            ("a.txt", CsvSource),
            ("a.jsonl", JsonLinesSource),
            ("a.ndjson", JsonLinesSource),
            ("a.json", JsonArraySource),
            ("a.JSON.xz", JsonArraySource),
            ("a.jsonl.bz2", JsonLinesSource),
            ("a.tsv", CsvSource),
            ("a.json.csv", CsvSource),
            (".json/a", CsvSource),
            ("A.JSONL.GZ", JsonLinesSource),
            ("jsonl", CsvSource),
            ("-", CsvSource),
        ):
            with self.subTest(name=name):
                self.assertIs(type(open_source(name)), kind)

    def test_the_format_that_is_asked_for_wins(self):
        self.assertIs(type(open_source("a.csv", "jsonl")), JsonLinesSource)
        self.assertIs(type(open_source("a.jsonl", "csv")), CsvSource)

    def test_error_for_a_format_that_does_not_exist(self):
        with self.assertRaisesMessage(ValueError, "format cannot be 'xml'"):
            open_source("a.csv", "xml")

    def test_sources_have_the_name_of_their_file(self):
        for path, name, is_stream in (
            ("users.csv", "users.csv", False),
            ("-", "standard input", True),
        ):
            for format in ("csv", "jsonl"):
                source = open_source(path, format)
                with self.subTest(path=path, format=format):
                    self.assertEqual(
                        (source.name, source.is_stream, source.format),
                        (name, is_stream, format),
                    )

    def test_a_file_of_rejects_has_the_encoding_of_the_source(self):
        for encoding, expected in (("utf-8-sig", "utf-8"), ("utf-16", "utf-16")):
            with self.subTest(encoding=encoding):
                self.assertEqual(open_source("a.csv", encoding=encoding).encoding, expected)

    def test_nothing_is_opened_yet(self):
        source = open_source("nowhere/users.csv")
        self.assertIsNone(source.size)
        source.close()
