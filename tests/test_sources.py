import csv
import shutil
import sys
import tempfile
from pathlib import Path
from unittest import skipIf

from django.test import SimpleTestCase

from distributed_insert.results import LoadError
from distributed_insert.sources import MAX_LINE_LENGTH, CsvSource, Malformed, MemorySource

FIELDS = ["id", "name", "price"]
EXPECTED = "The header must name the fields id, name, price, each once."


class MemorySourceTests(SimpleTestCase):
    def test_records_come_in_batches_without_lines(self):
        records = [{"id": n, "name": "Lamp", "price": 1.0} for n in (1, 2, 3)]
        source = MemorySource(records)
        source.open(FIELDS)
        self.assertEqual(source.read(2), [(None, records[0]), (None, records[1])])
        self.assertEqual(source.read(2), [(None, records[2])])
        self.assertEqual(source.read(2), [])

    def test_a_row_has_the_order_of_the_fields(self):
        source = MemorySource([])
        source.open(FIELDS)
        self.assertEqual(source.row({"price": 1.0, "id": 1, "name": "Lamp"}), [1, "Lamp", 1.0])


class CsvTestCase(SimpleTestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "products.csv"

    def opened(self, content):
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode())
        source = CsvSource(self.path)
        self.addCleanup(source.close)
        source.open(FIELDS)
        return source

    def assert_refused(self, content, message):
        with self.assertRaises(LoadError) as caught:
            self.opened(content)
        self.assertEqual(str(caught.exception), f"{self.path}: {message}")


class CsvRecordTests(CsvTestCase):
    def test_records_come_in_batches_with_the_lines_they_begin_on(self):
        source = self.opened('id,name,price\n1,Lamp,1.0\n\n2,"Desk\nlamp",2.0\n3,"a ""b""",3\n')
        self.assertEqual(
            source.read(2), [(2, ["1", "Lamp", "1.0"]), (4, ["2", "Desk\nlamp", "2.0"])]
        )
        self.assertEqual(source.read(2), [(6, ["3", 'a "b"', "3"])])
        self.assertEqual(source.read(2), [])

    def test_columns_stand_in_any_order(self):
        source = self.opened("price,id,name\n9.5,1,Lamp\n")
        [(_, raw)] = source.read(10)
        self.assertEqual(source.row(raw), ["1", "Lamp", "9.5"])
        self.assertEqual(source.record(raw), {"price": "9.5", "id": "1", "name": "Lamp"})

    def test_a_byte_order_mark_is_no_part_of_the_header(self):
        source = self.opened("\ufeffid,name,price\r\n1,Lamp,1\r\n")
        self.assertEqual(source.read(10), [(2, ["1", "Lamp", "1"])])

    def test_line_ends_of_every_kind(self):
        for end in ("\n", "\r\n", "\r"):
            with self.subTest(end=end):
                source = self.opened(end.join(["id,name,price", "1,Lamp,1", "2,Desk,2"]))
                self.assertEqual(
                    source.read(10), [(2, ["1", "Lamp", "1"]), (3, ["2", "Desk", "2"])]
                )

    def test_unicode_line_separators_end_no_line(self):
        source = self.opened("id,name,price\n1,a\u2028b\x85c,1\n")
        self.assertEqual(source.read(10), [(2, ["1", "a\u2028b\x85c", "1"])])

    def test_too_few_and_too_many_fields_are_explained(self):
        source = self.opened("id,name,price\n1,Lamp\n1,Lamp,1,red,blue\n")
        (_, few), (_, many) = source.read(10)
        for raw in (few, many):
            with self.assertRaises(ValueError):
                source.row(raw)
        self.assertEqual(source.record(few), {"id": "1", "name": "Lamp"})
        self.assertEqual(
            source.record(many),
            {"id": "1", "name": "Lamp", "price": "1", "column 4": "red", "column 5": "blue"},
        )

    def test_an_unbalanced_quote_costs_its_own_line_only(self):
        source = self.opened('id,name,price\n1,"Lamp,1\n2,Desk,2\n3,"Chair",3\n4,Sofa,4\n')
        self.assertEqual(
            source.read(10),
            [
                (2, Malformed('1,"Lamp,1\n', "Malformed CSV: ',' expected after '\"'")),
                (3, ["2", "Desk", "2"]),
                (4, ["3", "Chair", "3"]),
                (5, ["4", "Sofa", "4"]),
            ],
        )

    def test_an_unbalanced_quote_to_the_end_of_the_file_costs_its_own_line_only(self):
        source = self.opened('id,name,price\n1,"Lamp,1\n2,Desk,2\n3,Chair,3\n')
        self.assertEqual(
            source.read(10),
            [
                (2, Malformed('1,"Lamp,1\n', "Malformed CSV: unexpected end of data")),
                (3, ["2", "Desk", "2"]),
                (4, ["3", "Chair", "3"]),
            ],
        )

    def test_a_field_beyond_the_limit_costs_its_own_record_only(self):
        size = csv.field_size_limit() + 1
        source = self.opened(f"id,name,price\n1,{'x' * size},1\n2,Desk,2\n")
        (line, malformed), second = source.read(10)
        self.assertEqual(
            (line, malformed.reason), (2, "Malformed CSV: field larger than field limit (131072)")
        )
        self.assertEqual(second, (3, ["2", "Desk", "2"]))

    def test_a_line_beyond_the_limit_costs_its_own_record_only(self):
        source = self.opened(f"id,name,price\n{',' * MAX_LINE_LENGTH * 3}\n2,Desk,2\n")
        (line, malformed), second = source.read(10)
        self.assertEqual(
            (line, malformed.reason, len(malformed.text)),
            (2, "Malformed CSV: line longer than 1048576 characters", MAX_LINE_LENGTH),
        )
        self.assertEqual(second, (3, ["2", "Desk", "2"]))

    @skipIf(sys.version_info >= (3, 11), "The csv module takes NUL since Python 3.11.")
    def test_a_nul_costs_its_own_line_only(self):
        source = self.opened("id,name,price\n1,a\x00b,1\n2,Desk,2\n")
        self.assertEqual(
            source.read(10),
            [
                (2, Malformed("1,a\x00b,1\n", "Malformed CSV: line contains NUL")),
                (3, ["2", "Desk", "2"]),
            ],
        )


class CsvFileTests(CsvTestCase):
    def test_error_for_a_file_that_is_not_there(self):
        with self.assertRaises(LoadError) as caught:
            CsvSource(self.path).open(FIELDS)
        self.assertEqual(str(caught.exception), f"{self.path}: No such file or directory.")

    def test_error_for_a_directory_and_a_device(self):
        for path in (self.folder, Path("/dev/zero")):
            with self.subTest(path=path), self.assertRaises(LoadError) as caught:
                CsvSource(path).open(FIELDS)
            self.assertEqual(str(caught.exception), f"{path}: not a regular file.")

    def test_error_for_other_encodings_wherever_they_show(self):
        header = b"id,name,price\n"
        lines = b"".join(b"%d,Lamp,1\n" % n for n in range(1, 200_001))
        for content, line in ((b"", 2), (lines, 200_002)):
            self.assert_refused(
                header + content + "1,Café,1\n".encode("latin-1"),
                f"not UTF-8 (byte 0xe9 in line {line}). Save the file as UTF-8 and load it again.",
            )

    def test_error_for_an_empty_file(self):
        self.assert_refused("", f"wrong header: missing column id, name, price. {EXPECTED}")

    def test_error_for_missing_unknown_and_duplicate_columns(self):
        self.assert_refused(
            "id,prise,name,name, price\n",
            "wrong header: missing column price; unknown column 'prise', ' price'; "
            f"duplicate column name. {EXPECTED}",
        )

    def test_error_for_a_header_that_is_no_csv(self):
        self.assert_refused(
            'id,"name,price\n1,Lamp,1\n',
            f"wrong header: Malformed CSV: unexpected end of data. {EXPECTED}",
        )
