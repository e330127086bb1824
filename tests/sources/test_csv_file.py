import csv
import gzip
import io
import os
import sys
from unittest import mock, skipUnless

from distributed_insert.exceptions import LoadError
from distributed_insert.sources import Records, csv_file, files, open_source, text_file
from distributed_insert.sources.base import Malformed
from distributed_insert.sources.files import MAX_RECORD_LENGTH, MAX_VALUES
from distributed_insert.sources.text_file import BLOCK_SIZE

from ..datasets import PRODUCTS
from .cases import FormatTestCase

EXPECTED = "it must name id, name, price, each once, in any order."
IGNORE = "To ignore other columns: --ignore-unknown."
TOO_LONG = "Malformed CSV: record longer than 1,048,576 characters"
TOO_MANY = "Malformed CSV: more than 1,000 values"


class CsvRecordTests(FormatTestCase):
    def test_records_come_in_batches_with_the_lines_they_begin_on(self):
        source = self.opened('id,name,price\n1,Lamp,1.0\n\n2,"Desk\nlamp",2.0\n3,"a ""b""",3\n')
        self.assertEqual(
            self.records(source, 2), [(2, ["1", "Lamp", "1.0"]), (4, ["2", "Desk\nlamp", "2.0"])]
        )
        self.assertEqual(self.records(source, 2), [(6, ["3", 'a "b"', "3"])])
        self.assertIsNone(self.records(source, 2))

    def test_a_file_without_records_is_at_its_end(self):
        for content in ("id,name,price", "id,name,price\n"):
            with self.subTest(content=content):
                self.assertIsNone(self.opened(content).read(10))

    def test_blank_lines_are_not_records(self):
        for end in ("\n", "\r\n", "\r"):
            with self.subTest(end=end):
                lines = ["", "", "id,name,price", "", "", "", "1,Lamp,1", "", "2,Desk,2", ""]
                source = self.opened(end.join(lines))
                self.assertEqual(
                    self.all_records(source, 1),
                    [(7, ["1", "Lamp", "1"]), (9, ["2", "Desk", "2"])],
                )

    def test_columns_stand_in_any_order(self):
        source = self.opened("price,id,name\n9.5,1,Lamp\n8,2,Desk\n")
        records = source.read(10)
        self.assertEqual(records.columns, [["1", "2"], ["Lamp", "Desk"], ["9.5", "8"]])
        raw = records.raw_records[0]
        self.assertEqual(source.fields(raw), ({"id": "1", "name": "Lamp", "price": "9.5"}, []))
        self.assertEqual(source.data(raw), {"price": "9.5", "id": "1", "name": "Lamp"})

    def test_columns_have_other_names_and_other_columns_are_ignored(self):
        source = self.opened(
            "colour,id,_note,title,price\nred,1,x,Lamp,9.5\n",
            renamed={"name": "title"},
            ignore_unknown=True,
        )
        records = source.read(10)
        self.assertEqual(records.columns, [["1"], ["Lamp"], ["9.5"]])
        raw = records.raw_records[0]
        self.assertEqual(raw, ["red", "1", "x", "Lamp", "9.5"])
        self.assertEqual(source.fields(raw), ({"id": "1", "name": "Lamp", "price": "9.5"}, []))
        self.assertEqual(
            source.data(raw), {"colour": "red", "id": "1", "title": "Lamp", "price": "9.5"}
        )

    def test_another_delimiter(self):
        source = self.opened("id;name;price\n1;Lamp, big;9.5\n", delimiter=";")
        self.assertEqual(self.records(source), [(2, ["1", "Lamp, big", "9.5"])])

    def test_another_encoding(self):
        source = self.opened("id,name,price\n1,Café,1\n".encode("latin-1"), encoding="latin-1")
        self.assertEqual(self.records(source), [(2, ["1", "Café", "1"])])

    def test_a_gzip_file(self):
        for name in ("products.csv.gz", "PRODUCTS.CSV.GZ"):
            with self.subTest(name=name):
                self.path = self.folder / name
                source = self.opened(gzip.compress(b"id,name,price\n1,Lamp,1\n"))
                self.assertEqual(self.all_records(source), [(2, ["1", "Lamp", "1"])])
                self.assertEqual((source.share_read, source.size), (1.0, self.path.stat().st_size))

    def test_a_byte_order_mark_is_not_part_of_the_header(self):
        source = self.opened("\ufeffid,name,price\r\n1,Lamp,1\r\n")
        self.assertEqual(self.records(source), [(2, ["1", "Lamp", "1"])])

    def test_plain_lines_are_read_as_a_csv_reader_reads_them(self):
        for lines in (
            ["1,Lamp,9.5"],
            ["1,Lamp,", ",,", " , ,\t"],
            ["1,a\u2028b\x85c\x0b,1", "2,Desk,2"],
            ["1,Lamp", "2,Desk,2"],
            ["1,Lamp,1,1", "2,Desk"],
            ["1,Lamp", "1,1,2,Desk"],
            ["", "1,Lamp,1", ""],
            ["1,Lamp,1,1"],
            ["1,Lamp,1\r", "2,Desk,2"],
            [],
        ):
            for end in ("\n", "\r\n", "\r"):
                for last in ("", end):
                    content = end.join(["id,name,price", *lines]) + last
                    with self.subTest(content=content):
                        plain = self.all_records(self.opened(content))
                        with mock.patch.object(csv_file, "split_columns", return_value=None):
                            self.assertEqual(plain, self.all_records(self.opened(content)))

    def test_line_ends_of_every_kind(self):
        for end in ("\n", "\r\n", "\r"):
            with self.subTest(end=end):
                source = self.opened(end.join(["id,name,price", "1,Lamp,1", "2,Desk,2"]))
                self.assertEqual(
                    self.all_records(source), [(2, ["1", "Lamp", "1"]), (3, ["2", "Desk", "2"])]
                )

    def test_unicode_line_separators_end_no_line(self):
        source = self.opened("id,name,price\n1,a\u2028b\x85c,1\n")
        self.assertEqual(self.records(source), [(2, ["1", "a\u2028b\x85c", "1"])])


class FieldErrorTests(FormatTestCase):
    def test_records_with_too_few_and_too_many_values_come_last_and_keep_their_places(self):
        few, many = ["1", "Lamp"], ["1", "Lamp", "1", "red", "blue"]
        one, two = ["2", "Desk", "2"], ["3", "Sofa", "3"]
        source = self.opened("id,name,price\n1,Lamp\n2,Desk,2\n1,Lamp,1,red,blue\n3,Sofa,3\n")
        records = source.read(10)
        self.assertEqual(
            records._replace(raw_records=[*map(records.raw_records.__getitem__, range(4))]),
            Records(
                [["2", "3"], ["Desk", "Sofa"], ["2", "3"]],
                [one, two, few, many],
                [1, 3, 0, 2],
                [3, 5, 2, 4],
            ),
        )
        self.assertEqual(
            source.fields(few), ({"id": "1", "name": "Lamp"}, ["Missing field: price"])
        )
        self.assertEqual(
            source.fields(many),
            (
                {"id": "1", "name": "Lamp", "price": "1"},
                ["2 values more than the header has columns"],
            ),
        )
        self.assertEqual(
            source.data(many),
            {"id": "1", "name": "Lamp", "price": "1", "column 4": "red", "column 5": "blue"},
        )

    def test_extra_values_are_one_error_however_many_they_are(self):
        source = self.opened("id,name,price\n")
        for extra, error in (
            (1, "1 value more than the header has columns"),
            (2, "2 values more than the header has columns"),
            (997, "997 values more than the header has columns"),
        ):
            with self.subTest(extra=extra):
                _, errors = source.fields(["1", "Lamp", "1", *["x"] * extra])
                self.assertEqual(errors, [error])

    def test_every_missing_field_is_named_in_the_order_of_the_fields(self):
        source = self.opened("price,name,id\n9\n")
        [(_, raw)] = self.records(source)
        self.assertEqual(
            source.fields(raw), ({"price": "9"}, ["Missing field: id", "Missing field: name"])
        )

    def test_a_row_that_lacks_only_ignored_columns_is_a_record(self):
        source = self.opened(
            "id,name,price,_note,colour\n1,Lamp,1\n2,Desk,2,x\n3,Sofa,3,y,red\n",
            ignore_unknown=True,
        )
        records = source.read(10)
        self.assertEqual(records.columns, [["1", "2", "3"], ["Lamp", "Desk", "Sofa"], [*"123"]])
        self.assertEqual(
            [*map(records.raw_records.__getitem__, range(3))],
            [
                ["1", "Lamp", "1", "", ""],
                ["2", "Desk", "2", "x", ""],
                ["3", "Sofa", "3", "y", "red"],
            ],
        )

    def test_a_row_that_lacks_a_field_behind_an_ignored_column_is_not_a_record(self):
        source = self.opened("id,name,_note,price\n1,Lamp,x\n")
        records = source.read(10)
        self.assertEqual(records.columns, [[], [], []])
        self.assertEqual(
            source.fields(records.raw_records[0]),
            ({"id": "1", "name": "Lamp"}, ["Missing field: price"]),
        )

    def test_a_malformed_row_has_no_values_and_its_reason(self):
        source = self.opened('id,name,price\n1,"Lamp\n')
        [(_, raw)] = self.records(source)
        reason = "Malformed CSV: unexpected end of data"
        self.assertEqual(source.fields(raw), ({}, [reason]))
        self.assertEqual(source.data(raw), {"text": '1,"Lamp'})


class MalformedCsvTests(FormatTestCase):
    """What is malformed is rejected alone; every other record is read."""

    def test_an_unbalanced_quote_rejects_its_own_line_only(self):
        source = self.opened('id,name,price\n1,"Lamp,1\n2,Desk,2\n3,"Chair",3\n4,Sofa,4\n')
        self.assertEqual(
            self.records(source),
            [
                (2, Malformed('1,"Lamp,1', "Malformed CSV: ',' expected after '\"'")),
                (3, ["2", "Desk", "2"]),
                (4, ["3", "Chair", "3"]),
                (5, ["4", "Sofa", "4"]),
            ],
        )

    def test_an_unbalanced_quote_to_the_end_of_the_file_rejects_its_own_line_only(self):
        source = self.opened('id,name,price\n1,"Lamp,1\n2,Desk,2\n3,Chair,3\n')
        self.assertEqual(
            self.records(source),
            [
                (2, Malformed('1,"Lamp,1', "Malformed CSV: unexpected end of data")),
                (3, ["2", "Desk", "2"]),
                (4, ["3", "Chair", "3"]),
            ],
        )

    def test_a_value_beyond_the_limit_rejects_its_own_record_only(self):
        size = csv.field_size_limit() + 1
        for value in ("x" * size, f'"{"x" * size}"'):
            source = self.opened(f"id,name,price\n1,{value},1\n2,Desk,2\n")
            (line, malformed), second = self.records(source)
            self.assertEqual(
                (line, malformed.reason),
                (2, "Malformed CSV: field larger than field limit (131072)"),
            )
            self.assertEqual(second, (3, ["2", "Desk", "2"]))

    def test_a_value_as_long_as_the_limit_is_one(self):
        value = "x" * csv.field_size_limit()
        source = self.opened(f"id,name,price\n1,{value},1\n2,Desk,2\n")
        self.assertEqual(
            self.all_records(source), [(2, ["1", value, "1"]), (3, ["2", "Desk", "2"])]
        )

    def test_a_nul_concerns_its_own_line_only(self):
        source = self.opened("id,name,price\n1,a\x00b,1\n2,Desk,2\n")
        record = ["1", "a\x00b", "1"]
        if sys.version_info < (3, 11):
            record = Malformed("1,a\x00b,1", "Malformed CSV: line contains NUL")
        self.assertEqual(self.records(source), [(2, record), (3, ["2", "Desk", "2"])])

    def test_a_long_line_after_an_unbalanced_quote_is_rejected_alone(self):
        long = f"3,{'z' * MAX_RECORD_LENGTH},3"
        for before in ('2,"Bed,2', "2,Bed,2"):
            with self.subTest(before=before):
                source = self.opened(
                    f"id,name,price\n1,Arm,1\n{before}\n{long}\n4,Desk,4\n5,Elk,5\n"
                )
                records = self.all_records(source)
                self.assertEqual([line for line, _ in records], [2, 3, 4, 5, 6])
                self.assertEqual(records[3:], [(5, ["4", "Desk", "4"]), (6, ["5", "Elk", "5"])])


class BoundTests(FormatTestCase):
    def values(self, length):
        """Return as many values of 100,000 characters as fit, and one more up to the length."""
        values = ["x" * 100_000] * (length // 100_001)
        return ",".join([*values, "y" * (length - 100_001 * len(values))])

    def test_a_record_of_more_than_1048576_characters_is_rejected_alone(self):
        for end in ("\n", "\r\n", "\r"):
            for length in (MAX_RECORD_LENGTH, MAX_RECORD_LENGTH + 1, MAX_RECORD_LENGTH * 3):
                with self.subTest(end=end, length=length):
                    source = self.opened(
                        end.join(["id,name,price", self.values(length), "2,Desk,2", ""])
                    )
                    (line, first), second = self.all_records(source)
                    self.assertEqual((line, second), (2, (3, ["2", "Desk", "2"])))
                    if length == MAX_RECORD_LENGTH:
                        self.assertEqual(",".join(first), self.values(length))
                    else:
                        self.assertEqual(first.reason, TOO_LONG)
                        # More than that of it is in no case in memory.
                        self.assertLessEqual(len(first.text), MAX_RECORD_LENGTH + 1 + len(end))

    def test_a_record_of_many_lines_has_the_same_bound(self):
        line = "x" * 999
        value = "\n".join([line] * 50)
        for count, is_record in ((20, True), (21, False)):
            with self.subTest(count=count):
                values = ",".join([f'"{value}"'] * count)
                source = self.opened(f"id,name,price\n{values}\n2,Desk,2\n")
                (number, first), *others = self.all_records(source, 500)
                self.assertEqual(number, 2)
                if is_record:
                    self.assertEqual(first, [value] * count)
                    self.assertEqual(others, [(3 + 49 * count, ["2", "Desk", "2"])])
                else:
                    self.assertEqual(first, Malformed(f'"{line}', TOO_LONG))
                    self.assertEqual(others[-1], (3 + 49 * count, ["2", "Desk", "2"]))

    def test_a_quote_that_is_open_for_too_long_rejects_its_own_line_only(self):
        lines = [f"{number},Desk,{'2' * 90}" for number in range(12_000)]
        content = "\n".join(["id,name,price", '1,"Lamp,1', *lines]) + "\n"
        self.assertGreater(len(content), MAX_RECORD_LENGTH)
        (line, first), *others = self.all_records(self.opened(content), 1000)
        # One value of all these lines is longer than the csv module allows.
        self.assertEqual(
            (line, first),
            (
                2,
                Malformed('1,"Lamp,1', "Malformed CSV: field larger than field limit (131072)"),
            ),
        )
        self.assertEqual(
            others, [(number, line.split(",")) for number, line in enumerate(lines, 3)]
        )

    def test_a_record_of_more_than_1000_values_is_rejected_alone(self):
        for value in ("", "x", '"x"', '"x\ny"'):
            for count in (MAX_VALUES, MAX_VALUES + 1, MAX_VALUES * 100):
                with self.subTest(value=value, count=count):
                    row = ",".join([value] * count)
                    source = self.opened(f"id,name,price\n{row}\n2,Desk,2\n")
                    (line, first), (_, second) = self.all_records(source)
                    self.assertEqual((line, second), (2, ["2", "Desk", "2"]))
                    if count == MAX_VALUES:
                        self.assertEqual(first, [value.strip('"')] * MAX_VALUES)
                    else:
                        self.assertEqual(first, Malformed(row, TOO_MANY))

    def test_lines_are_numbered_rightly_behind_lines_about_as_long_as_allowed(self):
        for end in ("\n", "\r\n", "\r"):
            for length in range(MAX_RECORD_LENGTH - 2, MAX_RECORD_LENGTH + 3):
                with self.subTest(end=end, length=length):
                    source = self.opened(
                        end.join(["id,name,price", "x" * length, "2,Desk,2", "", "3,Sofa,3"])
                    )
                    (line, _), *others = self.all_records(source)
                    self.assertEqual(line, 2)
                    self.assertEqual(others, [(3, ["2", "Desk", "2"]), (5, ["3", "Sofa", "3"])])

    def test_a_batch_of_large_records_has_fewer_of_them(self):
        most = 4 << 20
        for line, needed in (
            (f"1,{'x' * 100_000},1\n", 100_000),
            (f"1,{'x' * 100_000},1,2\n", 100_000),
            (f'1,"{"x" * 100_000}",1\n', 100_000),
            # Every value needs more than its characters.
            (f"{',' * 999}\n", 999 * 64),
            (f"{'x' * MAX_RECORD_LENGTH * 2}\n", MAX_RECORD_LENGTH),
        ):
            with self.subTest(line=line[:9], length=len(line)):
                lines = max(3 * most // needed, 3 * BLOCK_SIZE // len(line))
                source = self.opened("id,name,price\n" + line * lines)
                with mock.patch.object(files, "MAX_BATCH_BYTES", most):
                    count = len(source.read(100_000).raw_records)
                # All of the block that was read last may belong to it.
                block = (BLOCK_SIZE // len(line) + 1) * needed
                self.assertLessEqual(count * needed, most + block)
                self.assertLess(count, lines)
                self.assertGreaterEqual(count * needed, most // 4)

    def test_many_short_lines_are_a_batch_as_large_as_asked_for(self):
        source = self.opened("id,name,price\n" + "1,Lamp,1\n" * 30_000)
        self.assertEqual(len(source.read(29_999).raw_records), 29_999)
        self.assertEqual(len(source.read(29_999).raw_records), 1)

    def test_blank_lines_without_end_are_not_read_in_one_go(self):
        source = self.opened("id,name,price\n" + "\n" * (BLOCK_SIZE * 4) + "1,Lamp,1\n")
        with mock.patch.object(files, "MAX_BATCH_BYTES", BLOCK_SIZE):
            batches = list(iter(lambda: self.records(source, 10_000), None))
        self.assertGreater(len(batches), 2)
        self.assertEqual(sum(batches, []), [(2 + BLOCK_SIZE * 4, ["1", "Lamp", "1"])])

    def test_a_line_without_end_is_not_read_in_one_go(self):
        source = self.opened(f"id,name,price\n{'x' * BLOCK_SIZE * 8}\n1,Lamp,1\n")
        with mock.patch.object(files, "MAX_BATCH_BYTES", BLOCK_SIZE):
            batches = list(iter(lambda: self.records(source), None))
        self.assertGreater(len(batches), 4)
        (line, malformed), record = sum(batches, [])
        self.assertEqual((line, malformed.reason), (2, TOO_LONG))
        self.assertEqual(record, (3, ["1", "Lamp", "1"]))


class CsvHeaderTests(FormatTestCase):
    def test_error_for_an_empty_file(self):
        for content in ("", "\n\n", "\ufeff"):
            with self.subTest(content=content):
                self.assert_refused(content, "empty, without even a header.")

    def test_error_for_missing_unknown_and_duplicate_columns(self):
        self.assert_refused(
            "id,prise,name,name\n",
            "wrong header: missing column 'price'; unknown column 'prise'; duplicate column "
            f"'name'. Its columns are 'id', 'prise', 'name', 'name'; {EXPECTED} If a column has "
            f"another name, say so: --map product.price=prise. {IGNORE}",
        )

    def test_error_names_the_columns_that_were_asked_for(self):
        self.assert_refused(
            "id,name,price\n",
            "wrong header: missing column 'title'; unknown column 'name'. Its columns are 'id', "
            "'name', 'price'; it must name id, title, price, each once, in any order. If a column "
            f"has another name, say so: --map product.name=name. {IGNORE}",
            renamed={"name": "title"},
        )

    def test_error_for_a_header_that_is_not_csv(self):
        self.assert_refused(
            'id,"name,price\n1,Lamp,1\n',
            "wrong header: Malformed CSV: unexpected end of data.",
        )

    def test_error_for_a_header_of_too_many_columns_or_too_long_a_line(self):
        self.assert_refused("id,name,price" + ",x" * 40_000, f"wrong header: {TOO_MANY}.")
        self.assert_refused("x" * MAX_RECORD_LENGTH * 3, f"wrong header: {TOO_LONG}.")

    def test_names_match_but_for_case_and_surrounding_blanks(self):
        source = self.opened(" ID ,Name,PRICE\n1,Lamp,9.5\n2,Desk\n")
        records = source.read(10)
        self.assertEqual(records.columns, [["1"], ["Lamp"], ["9.5"]])
        self.assertEqual(
            source.data(["1", "Lamp", "9.5"]), {" ID ": "1", "Name": "Lamp", "PRICE": "9.5"}
        )
        self.assertEqual(
            source.fields(["2", "Desk"]), ({"id": "2", "name": "Desk"}, ["Missing field: price"])
        )

    def test_the_delimiter_is_the_one_that_makes_the_expected_columns(self):
        for delimiter in ",;\t|":
            with self.subTest(delimiter=delimiter):
                lines = ["id,name,price", "1,Lamp,9.5", '2,"a ""b""",x']
                source = self.opened("\n".join(lines).replace(",", delimiter))
                self.assertEqual(
                    self.all_records(source), [(2, ["1", "Lamp", "9.5"]), (3, ["2", 'a "b"', "x"])]
                )
                file = io.StringIO()
                source.write_rejects(file, [(3, ["2", "b", "x"], ["No."])], True)
                self.assertEqual(
                    file.getvalue(),
                    "_line,_errors,id,name,price\n3,No.,2,b,x\n".replace(",", delimiter),
                )

    def test_values_may_hold_more_of_other_delimiters(self):
        source = self.opened(
            "id;name;price\n1;a,b,c,d;9.5\n",
        )
        self.assertEqual(self.records(source), [(2, ["1", "a,b,c,d", "9.5"])])

    def test_other_columns_may_hold_other_delimiters(self):
        source = self.opened("a,b,c;id;name;price;d,e\nx;1;Lamp;9.5;y\n", ignore_unknown=True)
        self.assertEqual(source.read(9).columns, [["1"], ["Lamp"], ["9.5"]])

    def test_error_for_a_header_with_an_unusual_delimiter(self):
        self.assert_refused(
            "id:name:price\n1:Lamp:1\n",
            "wrong header: missing columns 'id', 'name', 'price'; unknown column 'id:name:price'. "
            f"Its columns are 'id:name:price'; {EXPECTED} For each with another name, say so: "
            f"--map product.id=id:name:price. {IGNORE} If another character separates the columns: "
            "--delimiter.",
        )

    def test_of_a_header_without_any_expected_name_all_columns_are_shown(self):
        self.assert_refused(
            "Artikel;Bezeichnung, kurz;Preis\n",
            "wrong header: missing columns 'id', 'name', 'price'; unknown columns 'Artikel', "
            "'Bezeichnung, kurz', 'Preis'. Its columns are 'Artikel', 'Bezeichnung, kurz', "
            f"'Preis'; {EXPECTED} For each with another name, say so: --map product.id=Artikel. "
            f"{IGNORE}",
        )

    def test_error_for_a_file_without_a_header(self):
        self.assert_refused(
            "1,Lamp,9.5\n",
            "wrong header: missing columns 'id', 'name', 'price'; unknown columns '1', 'Lamp', "
            f"'9.5'. Its columns are '1', 'Lamp', '9.5'; {EXPECTED} If it has no header, add one: "
            f"id,name,price. {IGNORE}",
        )

    def test_error_for_json(self):
        for content, format in (
            ('{"id": 1, "name": "Lamp", "price": 1}\n', "jsonl"),
            ('[{"id": 1}]', "json"),
            ("\n [\n", "json"),
        ):
            with self.subTest(content=content):
                message = f"it looks like JSON: add --format product={format}."
                self.assert_refused(content, message)

    def test_a_delimiter_that_is_given_decides(self):
        self.assert_refused(
            "id;name;price\n",
            "wrong header: missing columns 'id', 'name', 'price'; unknown column 'id;name;price'. "
            f"Its columns are 'id;name;price'; {EXPECTED} For each with another name, say so: "
            f"--map product.id='id;name;price'. {IGNORE} If another character separates the "
            "columns: --delimiter.",
            delimiter=",",
        )

    def test_a_header_may_follow_blank_lines_but_not_without_end(self):
        self.assertEqual(
            self.all_records(self.opened("\n" * 9_000 + "id,name,price\n1,Lamp,1\n")),
            [(9_002, ["1", "Lamp", "1"])],
        )
        self.assert_refused(
            "\n" * 30_000 + "id,name,price\n", "no header in its first 10,000 lines."
        )

    @skipUnless(hasattr(os, "mkfifo"), "This system has no FIFOs.")
    def test_a_header_does_not_wait_for_the_line_after_it(self):
        path = self.folder / "pipe.csv"
        os.mkfifo(path)
        source = open_source(path)
        self.addCleanup(source.close)
        source.open(PRODUCTS)
        with open(path, "w") as writer:
            writer.write("id,name,price\n")
            writer.flush()
            self.assertIs(source.check(), False)
            writer.write("1,Lamp,1\n")
        self.assertEqual(self.records(source), [(2, ["1", "Lamp", "1"])])

    def test_a_header_of_many_lines(self):
        source = self.opened('id,name,"_a\nb",price\n1,Lamp,x,1\n')
        self.assertEqual(self.records(source), [(3, ["1", "Lamp", "x", "1"])])

    def test_the_whole_file_is_decoded_before_the_header_is_judged(self):
        self.assert_refused(
            b"id\n\xe9",
            "not UTF-8 (byte 0xe9 in line 2). "
            "Save it as UTF-8, or name the encoding it has with --encoding.",
        )

    def test_a_large_file_is_checked_in_parts(self):
        content = "id,name,price\n" + "1,Lamp,1\n" * BLOCK_SIZE
        source = self.source(content)
        source.open(PRODUCTS)
        with mock.patch.object(text_file, "CHECK_SIZE", BLOCK_SIZE):
            checks = list(iter(source.check, False))
        self.assertEqual(checks, [True] * (len(content) // BLOCK_SIZE))
        self.assertEqual(source.read(1).columns, [["1"], ["Lamp"], ["1"]])


class ChangeTests(FormatTestCase):
    lines = [f"{number:06},Lamp,1" for number in range(100_000)]
    content = "\n".join(["id,name,price", *lines]) + "\n"

    def assert_noticed(self, source, after):
        """Records are read until the change is noticed, and all of them are whole."""
        before = len(self.content)
        records = []
        with self.assertRaises(LoadError) as caught:
            while True:
                records += self.records(source, 1000)
        self.assertEqual(
            str(caught.exception),
            f"{self.path}: changed while it was read: it had {before:,} bytes, and now has "
            f"{after:,}. Load it again when no program is writing to it.",
        )
        self.assertEqual(
            [",".join(raw) for _, raw in records], self.lines[1000 : 1000 + len(records)]
        )

    def test_the_last_line_of_a_file_that_is_cut_off_is_not_a_record(self):
        for after in (len(self.content) - 5, 1_000_000, 1_000_007):
            with self.subTest(after=after):
                source = self.opened(self.content)
                self.records(source, 1000)
                os.truncate(self.path, after)
                self.assert_noticed(source, after)

    def test_a_file_that_grows(self):
        source = self.opened(self.content)
        self.records(source, 1000)
        with open(self.path, "ab") as file:
            file.write(b"100000,Lamp,1\n")
        self.assert_noticed(source, len(self.content) + 14)


class CsvRejectTests(FormatTestCase):
    def rejected(self, content, errors=("No.",), **options):
        """Return the file of rejects that a file of nothing but rejects makes."""
        source = self.opened(content, **options)
        file = io.StringIO()
        for is_first, batch in zip([True, False, False], iter(lambda: self.records(source), None)):
            rejects = [(line, raw, list(errors)) for line, raw in batch]
            source.write_rejects(file, rejects, is_first)
        return file.getvalue()

    def test_the_record_stands_behind_its_line_and_errors(self):
        self.assertEqual(
            self.rejected('price,name,id\n1,"Lamp, ""big""",x\n', ["No.", "Not so."]),
            '_line,_errors,price,name,id\n2,No.; Not so.,1,"Lamp, ""big""",x\n',
        )

    def test_the_header_is_written_once(self):
        self.assertEqual(
            self.rejected("id,name,price\n" + "1,Lamp,1\n" * 11),
            "_line,_errors,id,name,price\n"
            + "".join(f"{line},No.,1,Lamp,1\n" for line in range(2, 13)),
        )

    def test_records_of_any_length_and_malformed_ones_are_kept(self):
        self.assertEqual(
            self.rejected('id,name,price\n1\n1,Lamp,1,red\n2,"x\n'),
            '_line,_errors,id,name,price\n2,No.,1\n3,No.,1,Lamp,1,red\n4,No.,"2,""x"\n',
        )

    def test_ignored_columns_are_kept(self):
        self.assertEqual(
            self.rejected("id,colour,name,price,_note\n1,red,Lamp,1,x\n", ignore_unknown=True),
            "_line,_errors,id,colour,name,price,_note\n2,No.,1,red,Lamp,1,x\n",
        )

    def test_rejects_of_rejects_have_one_line_and_one_reason(self):
        once = self.rejected("id,name,price\n1,Lamp,1\n")
        self.assertEqual(
            self.rejected(once, ["Again."]), "_line,_errors,id,name,price\n2,Again.,1,Lamp,1\n"
        )

    def test_columns_of_a_source_that_rejects_files_have_too_are_left_out(self):
        rejects = self.rejected("id,_line,name,_errors,price\n1,x,Lamp,y,1\n")
        self.assertEqual(rejects, "_line,_errors,id,name,price\n2,No.,1,Lamp,1\n")
        self.assertEqual(
            self.all_records(self.opened(rejects)), [(2, ["2", "No.", "1", "Lamp", "1"])]
        )

    def test_another_delimiter_and_columns_of_other_names(self):
        self.assertEqual(
            self.rejected("id;title;price\n1;a;1\n", delimiter=";", renamed={"name": "title"}),
            "_line;_errors;id;title;price\n2;No.;1;a;1\n",
        )

    def test_no_cell_runs_as_a_formula_and_all_are_loaded_as_they_were(self):
        names = ["=1+1", "+1", "-1", "-x", "@x", "'=1", "''@", "'Til", "x=1", "'", "\t=1", "\tx"]
        content = "id,name,price\n" + "".join(f"1,{name},-5\n" for name in names)
        rejects = self.rejected(content)
        self.assertEqual(
            [line.split(",")[3] for line in rejects.splitlines()[1:]],
            [
                "'=1+1", "'+1", "-1", "'-x", "'@x", "''=1", "'''@", "'Til", "x=1", "'", "'\t=1",
                "'\tx",
            ],
        )  # fmt: skip
        source = self.opened(rejects)
        self.assertEqual(
            [raw[2:] for _, raw in self.all_records(source)], [["1", name, "-5"] for name in names]
        )

    def test_cells_that_begin_with_a_line_end_are_quoted(self):
        self.assertEqual(
            self.rejected('id,name,price\n1,"\r=1",1\n1,"\n=1",1\n1,"\r\n=1",1\n'),
            "_line,_errors,id,name,price\n"
            '2,No.,1,"\'\r=1",1\n4,No.,1,"\'\n=1",1\n6,No.,1,"\'\r\n=1",1\n',
        )

    def test_a_malformed_line_that_begins_like_a_formula_is_quoted(self):
        self.assertEqual(
            self.rejected('id,name,price\n=1,"x\n'),
            '_line,_errors,id,name,price\n2,No.,"\'=1,""x"\n',
        )

    def test_the_header_is_quoted_too_and_its_columns_are_found_again(self):
        options = {"renamed": {"name": "=title", "price": "\tprice"}, "ignore_unknown": True}
        rejects = self.rejected("id,=title,\tprice,@x,-y\n1,Lamp,1,2,3\n", **options)
        self.assertEqual(rejects, "_line,_errors,id,'=title,'\tprice,'@x,'-y\n2,No.,1,Lamp,1,2,3\n")
        self.assertEqual(self.opened(rejects, **options).read(10).columns, [["1"], ["Lamp"], ["1"]])
        self.assertEqual(
            self.rejected(rejects, **options),
            "_line,_errors,id,'=title,'\tprice,'@x,'-y\n2,No.,1,Lamp,1,2,3\n",
        )

    def test_only_cells_of_files_of_rejects_are_unquoted(self):
        source = self.opened("id,name,price\n1,'=1,1\n")
        self.assertEqual(self.records(source), [(2, ["1", "'=1", "1"])])


TEXTS = (
    "", " ", "x", "\r", "\n", "\r\n", "\n\r", "a\rb", "a\nb", "a\r\nb", "a\r", "a\n", "a\r\n",
    "\ra", "x\r=HYPERLINK(1)", "\r=1", "\n=1", "\r\n=1", "\t=1", "\t", "=1", "+1", "-1", "-1.5",
    "-1.", "-x", "-1\n", "-\r", "@x", "'", "''", "'=1", "''=1", "'\r", "'\t", "'\n", "'-1", "'x",
    '"', '""', '"x"', "a,b", ",", ";", "a;b", "a\tb", "\\", "\\n", "x\u2028y", "\x85", "\x0b",
    "\x0c=1", "\x1c", "é😀", "\ufeff", "\ufeff=1", " =1", "_errors", "_line", "#", "\x7f", "null",
)  # fmt: skip


class RoundTripTests(FormatTestCase):
    """What is rejected is loaded again as it was, whatever the string."""

    def test_every_string(self):
        for delimiter in (",", ";", "\t"):
            for encoding in ("utf-8-sig", "utf-16"):
                options = {"delimiter": delimiter, "encoding": encoding}
                with self.subTest(**options):
                    rows = [["1", text, text] for text in TEXTS]
                    file = io.StringIO()
                    writer = csv.writer(file, delimiter=delimiter)
                    writer.writerows([["id", "name", "price"], *rows])
                    for _ in range(3):
                        source = self.opened(file.getvalue().encode(encoding), **options)
                        records = self.all_records(source, 7)
                        self.assertEqual([raw[-3:] for _, raw in records], rows)
                        file = io.StringIO()
                        source.write_rejects(file, [(*r, ["No."]) for r in records], True)

    def test_records_of_too_many_and_too_few_values(self):
        rows = [["1", text] for text in TEXTS] + [["1", "Lamp", "1", text] for text in TEXTS]
        file = io.StringIO()
        csv.writer(file).writerows([["id", "name", "price"], *rows])
        source = self.opened(file.getvalue())
        records = self.all_records(source, 1000)
        self.assertEqual([raw for _, raw in records], rows)
        file = io.StringIO()
        source.write_rejects(file, [(*r, ["No."]) for r in records], True)
        again = self.all_records(self.opened(file.getvalue()), 1000)
        self.assertEqual([raw[2:] for _, raw in again], rows)

    def test_columns_of_any_name(self):
        names = [text for text in TEXTS if text not in ("_errors", "_line")]
        file = io.StringIO()
        csv.writer(file).writerows([["id", "name", "price", *names], range(len(names) + 3)])
        source = self.opened(file.getvalue(), ignore_unknown=True)
        [(line, raw)] = self.all_records(source)
        file = io.StringIO()
        source.write_rejects(file, [(line, raw, ["No."])], True)
        again = self.opened(file.getvalue(), ignore_unknown=True)
        [(_, raw_again)] = self.all_records(again)
        self.assertEqual(raw_again, [str(line), "No.", *raw])
        self.assertEqual(
            list(again.data(raw_again)), [name for name in ["id", "name", "price", *names]]
        )

    def test_a_malformed_line_stands_in_one_cell(self):
        for text in ('1,"x', '=1,"x', '\t,"x', '"', "'=1,\"x", '"a"b'):
            with self.subTest(text=text):
                source = self.opened(f"id,name,price\n{text}\n")
                [(line, malformed)] = self.all_records(source)
                self.assertEqual(malformed.text, text)
                file = io.StringIO()
                source.write_rejects(file, [(line, malformed, [malformed.reason])], True)
                [(_, raw)] = self.all_records(self.opened(file.getvalue()))
                self.assertEqual(raw, ["2", malformed.reason, text])
