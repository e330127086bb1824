from django.test import SimpleTestCase

from distributed_insert.sources.csv_header import fault, matched

NAMES = ["id", "name"]


class MatchedTests(SimpleTestCase):
    def test_what_differs_by_case_and_surrounding_blanks_stands_for_a_name(self):
        for header, columns in (
            (["id", "name"], ["id", "name"]),
            (["ID", " Name\t"], ["id", "name"]),
            (["name", "x", "iD"], ["name", "x", "id"]),
            (["\u0130d", "na me"], ["\u0130d", "na me"]),
        ):
            with self.subTest(header=header):
                self.assertEqual(matched(header, NAMES), columns)

    def test_the_name_itself_comes_first(self):
        self.assertEqual(matched(["Id", "id", "name"], NAMES), ["Id", "id", "name"])

    def test_of_two_that_are_alike_neither_stands_for_a_name(self):
        self.assertEqual(matched(["Id", "ID", "name"], NAMES), ["Id", "ID", "name"])

    def test_a_column_that_is_expected_itself_stands_for_no_other(self):
        self.assertEqual(matched(["a", "x"], ["a", "A"]), ["a", "x"])


class FaultTests(SimpleTestCase):
    def fault(self, header, unknown):
        return fault(header, header, {"id": "id", "name": "title"}, unknown, "product")

    def test_no_fault(self):
        self.assertEqual(self.fault(["title", "id"], []), "")

    def test_long_names_and_many_of_them_are_cut(self):
        header = ["id", "x" * 101, *(f"c{n}" for n in range(30))]
        shown = ["'id'", f"'{'x' * 100}...'", *(f"'c{n}'" for n in range(18)), "and 12 more"]
        unknown = [*shown[1:], "'c18'"]
        unknown[-2:] = ["'c18'", "and 11 more"]
        self.assertEqual(
            self.fault(header, header[1:]),
            f"wrong header: missing column 'title'; unknown columns {', '.join(unknown)}. Its "
            f"columns are {', '.join(shown)}; it must name id, title, each once, in any order. If "
            f"a column has another name, say so: --map product.name={'x' * 100}.... To ignore "
            "other columns: --ignore-unknown.",
        )

    def test_an_example_without_another_column(self):
        self.assertEqual(
            self.fault(["id", "_x"], []),
            "wrong header: missing column 'title'. Its columns are 'id', '_x'; it must name id, "
            "title, each once, in any order. If a column has another name, say so: --map "
            "product.name=COLUMN.",
        )

    def test_an_example_can_be_typed(self):
        self.assertIn(
            "--map product.name='the title'.", self.fault(["id", "the title"], ["the title"])
        )
