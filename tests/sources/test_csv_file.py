import csv
import gzip
import io
import sys
from unittest import mock, skipIf

from distributed_insert.sources.base import Malformed
from distributed_insert.sources.csv_file import CsvSource
from distributed_insert.sources.text_file import MAX_LINE_LENGTH

from ..cases import FormatTestCase

EXPECTED = "The header must name id, name, price, each once, in any order."


class CsvRecordTests(FormatTestCase):
    def test_records_come_in_batches_with_the_lines_they_begin_on(self):
        source = self.opened('id,name,price\n1,Lamp,1.0\n\n2,"Desk\nlamp",2.0\n3,"a ""b""",3\n')
        self.assertEqual(
            self.records(source, 2), [(2, ["1", "Lamp", "1.0"]), (4, ["2", "Desk\nlamp", "2.0"])]
        )
        self.assertEqual(self.records(source, 2), [(6, ["3", 'a "b"', "3"])])
        self.assertEqual(self.records(source, 2), [])

    def test_columns_stand_in_any_order(self):
        source = self.opened("price,id,name\n9.5,1,Lamp\n")
        [(_, raw)] = self.records(source)
        self.assertEqual(source.columns([raw]), ([("1",), ("Lamp",), ("9.5",)], []))
        self.assertEqual(source.fields(raw), ({"id": "1", "name": "Lamp", "price": "9.5"}, []))
        self.assertEqual(source.data(raw), {"price": "9.5", "id": "1", "name": "Lamp"})

    def test_columns_have_other_names_and_other_columns_are_passed_over(self):
        source = self.opened(
            "colour,id,_note,title,price\nred,1,x,Lamp,9.5\n",
            columns={"name": "title"},
            ignore_unknown=True,
        )
        [(_, raw)] = self.records(source)
        self.assertEqual(source.columns([raw]), ([("1",), ("Lamp",), ("9.5",)], []))
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
                self.assertEqual(self.records(source), [(2, ["1", "Lamp", "1"])])
                self.assertEqual((source.position, source.size), (self.path.stat().st_size,) * 2)

    def test_a_long_line_after_an_unbalanced_quote_costs_no_other_record(self):
        long = f"3,{'z' * MAX_LINE_LENGTH},3"
        for before in ('2,"Bed,2', "2,Bed,2"):
            with self.subTest(before=before):
                source = self.opened(
                    f"id,name,price\n1,Arm,1\n{before}\n{long}\n4,Desk,4\n5,Elk,5\n"
                )
                records = self.records(source)
                self.assertEqual([line for line, _ in records], [2, 3, 4, 5, 6])
                self.assertEqual(records[3:], [(5, ["4", "Desk", "4"]), (6, ["5", "Elk", "5"])])

    def test_a_batch_of_very_long_lines_is_a_short_one(self):
        for line, records in ((f"1,{'x' * 100_000},1\n", 192), ("x," * 400_000 + "\n", 21)):
            source = self.opened("id,name,price\n" + line * 200)
            self.assertEqual(len(self.records(source, 1_000)), records)

    def test_a_byte_order_mark_is_no_part_of_the_header(self):
        source = self.opened("\ufeffid,name,price\r\n1,Lamp,1\r\n")
        self.assertEqual(self.records(source), [(2, ["1", "Lamp", "1"])])

    def test_plain_lines_are_read_as_a_csv_reader_reads_them(self):
        for lines in (
            ["1,Lamp,9.5"],
            ["1,Lamp,", ",,", " , ,\t"],
            ["1,a\u2028b\x85c\x0b,1", "2,Desk,2"],
            ["1,Lamp", "2,Desk,2"],
            ["", "1,Lamp,1", ""],
            ["1,Lamp,1,1"],
            [],
        ):
            for end in ("\n", "\r\n", "\r"):
                for last in ("", end):
                    content = end.join(["id,name,price", *lines]) + last
                    with self.subTest(content=content):
                        plain = self.records(self.opened(content))
                        with mock.patch.object(CsvSource, "_read_plain", return_value=None):
                            self.assertEqual(plain, self.records(self.opened(content)))

    def test_line_ends_of_every_kind(self):
        for end in ("\n", "\r\n", "\r"):
            with self.subTest(end=end):
                source = self.opened(end.join(["id,name,price", "1,Lamp,1", "2,Desk,2"]))
                self.assertEqual(
                    self.records(source), [(2, ["1", "Lamp", "1"]), (3, ["2", "Desk", "2"])]
                )

    def test_unicode_line_separators_end_no_line(self):
        source = self.opened("id,name,price\n1,a\u2028b\x85c,1\n")
        self.assertEqual(self.records(source), [(2, ["1", "a\u2028b\x85c", "1"])])

    def test_too_few_and_too_many_fields_are_explained(self):
        source = self.opened("id,name,price\n1,Lamp\n1,Lamp,1,red,blue\n")
        (_, few), (_, many) = self.records(source)
        whole = ["2", "Desk", "2"]
        self.assertEqual(source.columns([few, whole, many]), ([("2",), ("Desk",), ("2",)], [0, 2]))
        self.assertEqual(source.fields(few), ({"id": "1", "name": "Lamp"}, []))
        self.assertEqual(
            source.fields(many),
            ({"id": "1", "name": "Lamp", "price": "1"}, ["column 4", "column 5"]),
        )
        self.assertEqual(
            source.data(many),
            {"id": "1", "name": "Lamp", "price": "1", "column 4": "red", "column 5": "blue"},
        )

    def test_an_unbalanced_quote_costs_its_own_line_only(self):
        source = self.opened('id,name,price\n1,"Lamp,1\n2,Desk,2\n3,"Chair",3\n4,Sofa,4\n')
        self.assertEqual(
            self.records(source),
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
            self.records(source),
            [
                (2, Malformed('1,"Lamp,1\n', "Malformed CSV: unexpected end of data")),
                (3, ["2", "Desk", "2"]),
                (4, ["3", "Chair", "3"]),
            ],
        )

    def test_a_field_beyond_the_limit_costs_its_own_record_only(self):
        size = csv.field_size_limit() + 1
        source = self.opened(f"id,name,price\n1,{'x' * size},1\n2,Desk,2\n")
        (line, malformed), second = self.records(source)
        self.assertEqual(
            (line, malformed.reason), (2, "Malformed CSV: field larger than field limit (131072)")
        )
        self.assertEqual(second, (3, ["2", "Desk", "2"]))

    def test_a_line_beyond_the_limit_costs_its_own_record_only(self):
        source = self.opened(f"id,name,price\n{',' * MAX_LINE_LENGTH * 3}\n2,Desk,2\n")
        (line, malformed), second = self.records(source)
        self.assertEqual(
            (line, malformed.reason, len(malformed.text)),
            (2, "Malformed CSV: line longer than 1048576 characters", MAX_LINE_LENGTH),
        )
        self.assertEqual(second, (3, ["2", "Desk", "2"]))

    @skipIf(sys.version_info >= (3, 11), "The csv module takes NUL since Python 3.11.")
    def test_a_nul_costs_its_own_line_only(self):
        source = self.opened("id,name,price\n1,a\x00b,1\n2,Desk,2\n")
        self.assertEqual(
            self.records(source),
            [
                (2, Malformed("1,a\x00b,1\n", "Malformed CSV: line contains NUL")),
                (3, ["2", "Desk", "2"]),
            ],
        )


class CsvHeaderTests(FormatTestCase):
    def test_error_for_an_empty_file(self):
        self.assert_refused("", f"wrong header: missing column 'id', 'name', 'price'. {EXPECTED}")

    def test_error_for_missing_unknown_and_duplicate_columns(self):
        self.assert_refused(
            "id,prise,name,name, price\n",
            "wrong header: missing column 'price'; unknown column 'prise', ' price'; "
            f"duplicate column 'name'. {EXPECTED}",
        )

    def test_error_names_the_columns_that_were_asked_for(self):
        self.assert_refused(
            "id,name,price\n",
            "wrong header: missing column 'title'; unknown column 'name'. "
            "The header must name id, title, price, each once, in any order.",
            columns={"name": "title"},
        )

    def test_error_for_a_header_that_is_no_csv(self):
        self.assert_refused(
            'id,"name,price\n1,Lamp,1\n',
            f"wrong header: Malformed CSV: unexpected end of data. {EXPECTED}",
        )


class CsvRejectTests(FormatTestCase):
    def rejected(self, content, errors=("No.",), **options):
        """Return the file of rejects that a file of nothing but rejects makes."""
        source = self.opened(content, **options)
        file = io.StringIO()
        source.write_rejects_header(file)
        rejects = [(line, raw, list(errors)) for line, raw in self.records(source, 100)]
        source.write_rejects(file, rejects)
        return file.getvalue()

    def test_the_source_comes_behind_its_lines_and_errors(self):
        self.assertEqual(
            self.rejected('price,name,id\n1,"Lamp, ""big""",x\n', ["No.", "Not so."]),
            '_line,_errors,price,name,id\n2,No.; Not so.,1,"Lamp, ""big""",x\n',
        )

    def test_records_of_any_length_and_malformed_ones_are_kept(self):
        self.assertEqual(
            self.rejected('id,name,price\n1\n1,Lamp,1,red\n2,"x\n'),
            '_line,_errors,id,name,price\n2,No.,1\n3,No.,1,Lamp,1,red\n4,No.,"2,""x\n"\n',
        )

    def test_rejects_of_rejects_have_one_line_and_one_reason(self):
        once = self.rejected("id,name,price\n1,Lamp,1\n")
        self.assertEqual(
            self.rejected(once, ["Again."]), "_line,_errors,id,name,price\n2,Again.,1,Lamp,1\n"
        )

    def test_no_cell_runs_as_a_formula_and_all_come_back_as_they_were(self):
        names = ["=1+1", "+1", "-1", "-x", "@x", "'=1", "''@", "'Til", "x=1", "'"]
        content = "id,name,price\n" + "".join(f"1,{name},-5\n" for name in names)
        rejects = self.rejected(content)
        self.assertEqual(
            [line.split(",")[3] for line in rejects.splitlines()[1:]],
            ["'=1+1", "'+1", "-1", "'-x", "'@x", "''=1", "'''@", "'Til", "x=1", "'"],
        )
        source = self.opened(rejects)
        self.assertEqual(
            [raw[2:] for _, raw in self.records(source, 100)],
            [["1", name, "-5"] for name in names],
        )
