"""Bad input, kind by kind: the record is rejected with its line and reason; the load goes on."""

import gzip
import sys

from distributed_insert.loading import Options, load
from distributed_insert.models import Product, User
from distributed_insert.sources import open_source

from ..cases import LoadTestCase, stored
from ..datasets import PRODUCTS, USERS


class BadInputTestCase(LoadTestCase):
    def load(self, dataset, name, content, **options):
        return load({dataset: open_source(self.file(name, content), **options)}, Options())

    def assert_rejected(self, outcome, *rejects):
        """Compare (record number, line, errors) of every reject; and the load came to its end."""
        self.assertIsNone(outcome.error)
        [model] = outcome.models
        self.assertEqual([(r.number, r.line, r.errors) for r in model.rejects], list(rejects))


class CsvTests(BadInputTestCase):
    def load_users(self, lines, header="id,name,email"):
        return self.load(USERS, "users.csv", f"{header}\n{lines}")

    def load_products(self, lines):
        return self.load(PRODUCTS, "products.csv", f"id,name,price\n{lines}")

    def test_a_byte_order_mark_is_ignored(self):
        outcome = self.load_users("1,Ann,a@b\n", header="\ufeffid,name,email")
        self.assert_rejected(outcome)
        self.assertEqual(stored(User), [(1, "Ann", "a@b")])

    def test_nul(self):
        outcome = self.load_users("1,A\x00n,a@b\n2,Ben,b\x00@c\n3,Cid,c@d\n")
        errors = ["Name contains invalid characters"], ["Email is not valid"]
        if sys.version_info < (3, 11):
            errors = (["Malformed CSV: line contains NUL"],) * 2
        self.assert_rejected(outcome, (1, 2, errors[0]), (2, 3, errors[1]))
        self.assertEqual(stored(User), [(3, "Cid", "c@d")])

    def test_control_characters(self):
        outcome = self.load_users("1,A\x1bnn,a@b\n2,Ben,b@\x7fc\n3,Cid,c@d\n")
        self.assert_rejected(
            outcome,
            (1, 2, ["Name contains invalid characters"]),
            (2, 3, ["Email is not valid"]),
        )
        self.assertEqual(stored(User), [(3, "Cid", "c@d")])

    def test_too_few_and_too_many_fields(self):
        outcome = self.load_users("1,Ann\n2,Ben,b@c,9,8\n3,Cid,c@d\n")
        self.assert_rejected(
            outcome,
            (1, 2, ["Missing field: email"]),
            (2, 3, ["2 values more than the header has columns"]),
        )
        self.assertEqual(stored(User), [(3, "Cid", "c@d")])

    def test_a_row_that_lacks_only_ignored_columns_is_stored(self):
        outcome = self.load_users("2,Ben,b@c\n3,Cid,c@d,x\n", header="id,name,email,_note")
        self.assert_rejected(outcome)
        self.assertEqual(stored(User), [(2, "Ben", "b@c"), (3, "Cid", "c@d")])

    def test_errors_are_those_of_their_records_behind_malformed_ones(self):
        outcome = self.load_users(
            '1,Ann\n2,"Ben,b@c\n3,,c@d\n4,Dee,d@e\nx,Eve,e@f\n6,Fay,f,1\n4,Gus,g@h\n,,\n',
        )
        self.assert_rejected(
            outcome,
            (1, 2, ["Missing field: email"]),
            (2, 3, ["Malformed CSV: unexpected end of data"]),
            (3, 4, ["Name cannot be empty"]),
            (5, 6, ["ID must be a positive integer"]),
            (6, 7, ["Email is not valid", "1 value more than the header has columns"]),
            (7, 8, ["ID 4 already exists"]),
            (
                8,
                9,
                [
                    "ID must be a positive integer",
                    "Email cannot be empty",
                    "Name cannot be empty",
                ],
            ),
        )
        self.assertEqual(stored(User), [(4, "Dee", "d@e")])

    def test_an_email_of_two_lines(self):
        outcome = self.load_users('1,Ann,"a@b\nc@d"\n2,Ben,b@c\n')
        self.assert_rejected(outcome, (1, 2, ["Email is not valid"]))
        self.assertEqual(stored(User), [(2, "Ben", "b@c")])

    def test_an_empty_id(self):
        outcome = self.load_users("1,Ann,a@b\n,Ben,b@c\n3,Cid,c@d\n")
        self.assert_rejected(outcome, (2, 3, ["ID must be a positive integer"]))
        self.assertEqual(stored(User), [(1, "Ann", "a@b"), (3, "Cid", "c@d")])

    def test_a_million_values(self):
        outcome = self.load_users(f"1,Ann,a@b{',' * 1_000_000}\n2,Ben,b@c\n")
        self.assert_rejected(outcome, (1, 2, ["Malformed CSV: more than 1,000 values"]))
        self.assertEqual(stored(User), [(2, "Ben", "b@c")])

    def test_an_unbalanced_quote(self):
        outcome = self.load_users('1,"Ann,a@b\n2,Ben,b@c\n3,Cid,c@d\n')
        self.assert_rejected(outcome, (1, 2, ["Malformed CSV: unexpected end of data"]))
        self.assertEqual(stored(User), [(2, "Ben", "b@c"), (3, "Cid", "c@d")])

    def test_a_line_break_inside_quotes(self):
        outcome = self.load_products('1,"La\nmp",1\n2,Desk,x\n')
        self.assert_rejected(
            outcome,
            (1, 2, ["Name contains invalid characters"]),
            (2, 4, ["Price must be a number"]),
        )

    def test_a_field_of_more_than_131072_characters(self):
        outcome = self.load_users(f"1,{'x' * 131_073},a@b\n2,Ben,b@c\n")
        self.assert_rejected(
            outcome, (1, 2, ["Malformed CSV: field larger than field limit (131072)"])
        )
        self.assertEqual(stored(User), [(2, "Ben", "b@c")])

    def test_unicode_line_separators_are_part_of_a_value(self):
        self.assert_rejected(self.load_users("1,A\u2028nn,a@b\n"))
        self.assertEqual(stored(User), [(1, "A\u2028nn", "a@b")])

    def test_what_int_and_float_would_take(self):
        numbers = ("1_000", "١٢", "+5", " 12", "True", "3.9", "NaN", "Infinity", "1e400", "9" * 400)
        ids = "".join(f"{number},Ann,a@b\n" for number in numbers)
        self.assert_rejected(
            self.load_users(ids),
            *((n, n + 1, ["ID must be a positive integer"]) for n in range(1, 10)),
            (10, 11, ["ID must be at most 2147483647"]),
        )
        prices = "".join(f"{n},Lamp,{number}\n" for n, number in enumerate(numbers, 1))
        self.assert_rejected(
            self.load_products(prices),
            *((n, n + 1, ["Price must be a number"]) for n in (1, 2, 3, 4, 5, 7, 8, 9, 10)),
        )
        self.assertEqual(stored(Product), [(6, "Lamp", 3.9)])

    def test_the_same_id_twice(self):
        self.assert_rejected(
            self.load_users("7,Ann,a@b\n7,Ben,b@c\n"), (2, 3, ["ID 7 already exists"])
        )
        self.assertEqual(stored(User), [(7, "Ann", "a@b")])

    def test_a_gzip_bomb_is_read_in_bounded_pieces(self):
        bomb = gzip.compress(b"id,name,email\n" + b"0" * (64 << 20) + b"\n1,Ann,a@b\n")
        outcome = self.load(USERS, "users.csv.gz", bomb)
        self.assert_rejected(
            outcome, (1, 2, ["Malformed CSV: record longer than 1,048,576 characters"])
        )
        self.assertEqual(stored(User), [(1, "Ann", "a@b")])


class JsonLinesTests(BadInputTestCase):
    def load_products(self, *lines):
        return self.load(PRODUCTS, "products.jsonl", "\n".join(lines))

    def test_nul_lone_surrogates_and_control_characters(self):
        names = (r"a\u0000b", r"a\ud800b", r"a\u001bb")
        outcome = self.load_products(
            *(f'{{"id": {n}, "name": "{name}", "price": 1}}' for n, name in enumerate(names, 1)),
            '{"id": 4, "name": "Lamp", "price": 1}',
        )
        self.assert_rejected(
            outcome, *((n, n, ["Name contains invalid characters"]) for n in (1, 2, 3))
        )
        self.assertEqual(stored(Product), [(4, "Lamp", 1.0)])

    def test_a_duplicate_key(self):
        outcome = self.load_products(
            '{"id": 1, "name": "Lamp", "price": 1, "price": 2}',
            '{"id": 2, "name": "Desk", "price": 2}',
        )
        self.assert_rejected(outcome, (1, 1, ["Malformed JSON: duplicate key 'price'"]))
        self.assertEqual(stored(Product), [(2, "Desk", 2.0)])

    def test_missing_and_unknown_fields(self):
        self.assert_rejected(
            self.load_products('{"id": 1, "name": "Lamp", "prise": 1}'),
            (1, 1, ["Missing field: price", "Unknown field: prise"]),
        )

    def test_prices_that_are_not_numbers(self):
        prices = ("NaN", "Infinity", "-Infinity", "1e400", "9" * 400, "true", '"9.5"', "[[1]]")
        outcome = self.load_products(
            *(f'{{"id": {n}, "name": "Lamp", "price": {p}}}' for n, p in enumerate(prices, 1))
        )
        self.assert_rejected(outcome, *((n, n, ["Price must be a number"]) for n in range(1, 9)))

    def test_numbers_are_not_names(self):
        names = ("1e999", "NaN", "Infinity", "-Infinity", "7", "1.5", "9" * 400, "true", "[]", "{}")
        outcome = self.load_products(
            *(f'{{"id": {n}, "name": {name}, "price": 1}}' for n, name in enumerate(names, 1)),
            '{"id": 11, "name": "1e999", "price": 1}',
        )
        self.assert_rejected(
            outcome, *((n, n, ["Name contains invalid characters"]) for n in range(1, 11))
        )
        self.assertEqual(stored(Product), [(11, "1e999", 1.0)])

    def test_80000_keys_of_which_the_last_is_double(self):
        keys = ", ".join(f'"k{number}": 1' for number in [*range(79_999), 0])
        outcome = self.load_products(f"{{{keys}}}", '{"id": 2, "name": "Desk", "price": 2}')
        self.assert_rejected(outcome, (1, 1, ["Malformed JSON: more than 1,000 values"]))
        self.assertEqual(stored(Product), [(2, "Desk", 2.0)])

    def test_deep_nesting(self):
        outcome = self.load_products(
            '{"id": 1, "name": "Lamp", "price": ' + "[" * 200_000,
            '{"id": 2, "name": "Desk", "price": 2}',
        )
        self.assert_rejected(outcome, (1, 1, ["Malformed JSON: nested too deeply"]))
        self.assertEqual(stored(Product), [(2, "Desk", 2.0)])


class FileTests(BadInputTestCase):
    """What cannot be read as records at all is an error before any write."""

    def test_nothing_is_written_when_one_of_the_files_is_bad(self):
        good = self.file("users.csv", "id,name,email\n1,Ann,a@b\n")
        for content, message in (
            ("", "empty, without even a header."),
            (
                "id,name\n",
                "wrong header: missing column 'price'. Its columns are 'id', 'name'; it must name "
                "id, name, price, each once, in any order. If a column has another name, say so: "
                "--map product.price=COLUMN.",
            ),
            (
                "id,name,price,name\n",
                "wrong header: duplicate column 'name'. Its columns are 'id', 'name', 'price', "
                "'name'; it must name id, name, price, each once, in any order.",
            ),
            (b"PK\x03\x04", "this is a zip archive. Unzip it, and load what is in it."),
            (
                "id,name,price\n1,Café,1\n".encode("latin-1"),
                "not UTF-8 (byte 0xe9 in line 2). "
                "Save it as UTF-8, or name the encoding it has with --encoding.",
            ),
        ):
            with self.subTest(content=content):
                bad = self.file("products.csv", content)
                outcome = load({USERS: open_source(good), PRODUCTS: open_source(bad)}, Options())
                self.assertEqual(str(outcome.error), f"{bad}: {message}")
                self.assertEqual(stored(User), [])
