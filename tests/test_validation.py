import random

from django.test import SimpleTestCase

from distributed_insert.sources.numbers import TEXT, TYPED
from distributed_insert.validation import (
    MAX_EMAIL_LENGTH,
    MAX_FLOAT,
    missing_field,
    order_rules,
    product_rules,
    unknown_field,
    user_rules,
    validate,
)

SURROGATE = "\ud800"


def validated(rules, parser, record):
    """Judge one record; return the values to store, the messages, and the fields at fault."""
    verdict = validate(rules(parser), {name: [value] for name, value in record.items()})
    values = {name: value for name, [value] in verdict.columns.items()}
    broken = [name for name, indexes in verdict.broken.items() if indexes == {0}]
    return values, verdict.errors.get(0, []), broken


class RuleTests(SimpleTestCase):
    def assert_stored(self, rules, parser, record, **expected):
        values, errors, broken = validated(rules, parser, record)
        self.assertEqual((errors, broken), ([], []))
        self.assertEqual(values, {**record, **expected})
        self.assertEqual(
            [type(values[name]) for name in expected],
            [type(value) for value in expected.values()],
        )

    def assert_rejected(self, rules, parser, record, field, values, message):
        for value in values:
            with self.subTest(value=value):
                _, errors, broken = validated(rules, parser, {**record, field: value})
                self.assertEqual((errors, broken), ([message], [field]))


USER = {"id": "7", "name": "Ann", "email": "ann@example.com"}
PRODUCT = {"id": "7", "name": "Lamp", "price": "9.5"}
ORDER = {"id": "7", "user_id": "1", "product_id": "2", "quantity": "3"}

NOT_TEXT_INTEGERS = (
    "", " ", "x", "1_000", "١٢", "²", "+5", " 12", "12 ", "3.0", "1e3", "0x10", "True", "--5", "-",
)  # fmt: skip
NOT_INTEGERS = (None, True, False, 3.0, "5", "", [], {}, float("nan"))
# The first is the least; the text is cut to 20 digits before it is a number.
LARGE_TEXT_INTEGERS = ("2147483648", "99999999999", "9" * 20, "9" * 21, "9" * 500, "9" * 5000)
LARGE_INTEGERS = (2147483648, 99999999999, 10**400)


class IdTests(RuleTests):
    message = "ID must be a positive integer"

    def test_text_that_is_a_positive_integer_is_stored_as_one(self):
        self.assert_stored(user_rules, TEXT, USER, id=7)
        self.assert_stored(user_rules, TEXT, {**USER, "id": "2147483647"}, id=2147483647)
        self.assert_stored(user_rules, TEXT, {**USER, "id": "007"}, id=7)

    def test_other_text_is_rejected(self):
        values = (*NOT_TEXT_INTEGERS, "0", "-7", "-2147483649", "-" + "9" * 500)
        for rules, record in ((user_rules, USER), (product_rules, PRODUCT), (order_rules, ORDER)):
            self.assert_rejected(rules, TEXT, record, "id", values, self.message)

    def test_typed_values_must_be_integers(self):
        record = {"id": 7, "name": "Ann", "email": "ann@example.com"}
        self.assert_stored(user_rules, TYPED, record)
        values = (*NOT_INTEGERS, 0, -7, -2147483649, -(10**400))
        self.assert_rejected(user_rules, TYPED, record, "id", values, self.message)

    def test_an_integer_that_no_column_holds_is_too_large(self):
        message = "ID must be at most 2147483647"
        for rules, record in ((user_rules, USER), (product_rules, PRODUCT), (order_rules, ORDER)):
            self.assert_rejected(rules, TEXT, record, "id", LARGE_TEXT_INTEGERS, message)
            typed = {**record, "id": 7, "price": 9.5, "quantity": 3, "user_id": 1, "product_id": 2}
            typed = {name: typed[name] for name in record}
            self.assert_rejected(rules, TYPED, typed, "id", LARGE_INTEGERS, message)


class EmailTests(RuleTests):
    def test_addresses_of_the_world_are_stored(self):
        for value in ("a@b", "stanisław.wójcik@wp.pl", "x" * (MAX_EMAIL_LENGTH - 4) + "@b.c"):
            self.assert_stored(user_rules, TEXT, {**USER, "email": value}, id=7)
        self.assert_stored(user_rules, TEXT, {**USER, "email": " a@b\t"}, id=7, email="a@b")

    def test_blank(self):
        message = "Email cannot be empty"
        self.assert_rejected(user_rules, TEXT, USER, "email", ("", " ", "\t\n\u3000"), message)
        typed = {**USER, "id": 7}
        self.assert_rejected(user_rules, TYPED, typed, "email", (None, "", " "), message)

    def test_not_valid(self):
        message = "Email is not valid"
        values = (
            "a@b\nc@d", "ann", "@", "ann@", "@example.com", "a@b@c", "a b@c", "a@b c", "a@b\u00a0c",
            "a\x00@b", "a@b\x7f", "a\x85@b", f"a{SURROGATE}@b", "x" * 251 + "@b.c",
        )  # fmt: skip
        self.assert_rejected(user_rules, TEXT, USER, "email", values, message)
        self.assert_rejected(
            user_rules, TYPED, {**USER, "id": 7}, "email", (5, ["a@b"], True, 0, False, []), message
        )


class NameTests(RuleTests):
    def test_names_are_stored_stripped(self):
        for rules, record, numbers in (
            (user_rules, USER, {"id": 7}),
            (product_rules, PRODUCT, {"id": 7, "price": 9.5}),
        ):
            for value in ("x" * 100, "Zoë 👩‍👧", "a\u00a0b", "=SUM(A1)"):
                self.assert_stored(rules, TEXT, {**record, "name": value}, **numbers)
            self.assert_stored(rules, TEXT, {**record, "name": "  Ann\n"}, name="Ann", **numbers)

    def test_blank(self):
        for rules, record in ((user_rules, USER), (product_rules, PRODUCT)):
            values = ("", " ", "\t\n\u3000")
            self.assert_rejected(rules, TEXT, record, "name", values, "Name cannot be empty")
        self.assert_rejected(
            user_rules, TYPED, {**USER, "id": 7}, "name", (None, "", " "), "Name cannot be empty"
        )

    def test_too_long(self):
        message = "Name cannot be longer than 100 characters"
        for rules, record in ((user_rules, USER), (product_rules, PRODUCT)):
            self.assert_rejected(rules, TEXT, record, "name", ("x" * 101, "é" * 101), message)

    def test_invalid_characters(self):
        message = "Name contains invalid characters"
        values = ("a\x00b", "a\nb", "a\tb", "a\x7fb", "a\x9fb", f"a{SURROGATE}b")
        for rules, record in ((user_rules, USER), (product_rules, PRODUCT)):
            self.assert_rejected(rules, TEXT, record, "name", values, message)
        for rules, record in (
            (user_rules, {**USER, "id": 7}),
            (product_rules, {**PRODUCT, "id": 7, "price": 9.5}),
        ):
            self.assert_rejected(
                rules, TYPED, record, "name", (5, True, ["Ann"], 0, False, []), message
            )


class PriceTests(RuleTests):
    typed = {"id": 7, "name": "Lamp", "price": 9.5}

    def test_numbers_are_stored_as_floats(self):
        for text, price in (("9", 9.0), ("0.01", 0.01), (".5", 0.5), ("1e3", 1000.0)):
            self.assert_stored(product_rules, TEXT, {**PRODUCT, "price": text}, id=7, price=price)
        self.assert_stored(product_rules, TYPED, {**self.typed, "price": 9}, price=9.0)

    def test_not_a_number(self):
        message = "Price must be a number"
        values = (
            "", " ", "x", "1_000", "1,5", "١٢", "+5", " 12", "12 ", "nan", "inf", "-Infinity",
            "1e400", "-1e400", "5-", "e5", "0x1p3", "True",
        )  # fmt: skip
        self.assert_rejected(product_rules, TEXT, PRODUCT, "price", values, message)
        values = (None, True, "9.5", [], float("nan"), float("inf"), 10**400)
        self.assert_rejected(product_rules, TYPED, self.typed, "price", values, message)

    def test_not_positive(self):
        message = "Price must be positive"
        values = ("0", "-0", "-50.00", "0.0")
        self.assert_rejected(product_rules, TEXT, PRODUCT, "price", values, message)
        self.assert_rejected(
            product_rules, TYPED, self.typed, "price", (0, -1, -0.0, -50.0), message
        )


class OrderTests(RuleTests):
    typed = {"id": 7, "user_id": 1, "product_id": 2, "quantity": 3}

    def test_integers_are_stored(self):
        self.assert_stored(order_rules, TEXT, ORDER, **self.typed)
        self.assert_stored(order_rules, TYPED, self.typed)

    def test_quantity_must_be_an_integer(self):
        message = "Quantity must be an integer"
        self.assert_rejected(order_rules, TEXT, ORDER, "quantity", NOT_TEXT_INTEGERS, message)
        self.assert_rejected(order_rules, TYPED, self.typed, "quantity", NOT_INTEGERS, message)

    def test_quantities_and_references_that_no_column_holds_are_too_large(self):
        for field, label in (
            ("quantity", "Quantity"),
            ("user_id", "User ID"),
            ("product_id", "Product ID"),
        ):
            message = f"{label} must be at most 2147483647"
            self.assert_rejected(order_rules, TEXT, ORDER, field, LARGE_TEXT_INTEGERS, message)
            self.assert_rejected(order_rules, TYPED, self.typed, field, LARGE_INTEGERS, message)
            self.assert_stored(order_rules, TYPED, {**self.typed, field: 2147483647})

    def test_quantity_must_be_positive(self):
        message = "Quantity must be positive"
        self.assert_rejected(
            order_rules, TEXT, ORDER, "quantity", ("0", "-1", "-2147483649"), message
        )
        self.assert_rejected(order_rules, TYPED, self.typed, "quantity", (0, -1), message)

    def test_references_must_be_positive_integers(self):
        for field, label in (("user_id", "User ID"), ("product_id", "Product ID")):
            message = f"{label} must be a positive integer"
            values = (*NOT_TEXT_INTEGERS, "0", "-1")
            self.assert_rejected(order_rules, TEXT, ORDER, field, values, message)
            values = (*NOT_INTEGERS, 0, -1)
            self.assert_rejected(order_rules, TYPED, self.typed, field, values, message)


class ValidateTests(SimpleTestCase):
    def test_every_error_is_reported_in_the_order_of_the_rules(self):
        for rules, record, expected in (
            (
                user_rules,
                {"name": "\x00" * 101, "email": "", "id": "x"},
                [
                    "ID must be a positive integer",
                    "Email cannot be empty",
                    "Name cannot be longer than 100 characters",
                    "Name contains invalid characters",
                ],
            ),
            (
                product_rules,
                {"id": "0", "name": "x" * 101, "price": "-1"},
                [
                    "ID must be a positive integer",
                    "Name cannot be longer than 100 characters",
                    "Price must be positive",
                ],
            ),
            (
                product_rules,
                {"id": "0", "name": "", "price": "x"},
                [
                    "ID must be a positive integer",
                    "Price must be a number",
                    "Name cannot be empty",
                ],
            ),
            (
                order_rules,
                {"id": "x", "user_id": "0", "product_id": "", "quantity": "1.5"},
                [
                    "ID must be a positive integer",
                    "Quantity must be an integer",
                    "User ID must be a positive integer",
                    "Product ID must be a positive integer",
                ],
            ),
        ):
            with self.subTest(record=record):
                _, errors, broken = validated(rules, TEXT, record)
                self.assertEqual((errors, broken), (expected, list(record)))

    def test_errors_have_the_index_of_their_record(self):
        verdict = validate(
            user_rules(TEXT),
            {
                "id": ["1", "x", "3", "", "5"],
                "name": ["Ann", " Ben ", "", "", "Eve"],
                "email": ["a@b", "b@c", "c@d", "d", "a@b\nc@d"],
            },
        )
        self.assertEqual(verdict.columns["id"], [1, None, 3, None, 5])
        self.assertEqual(verdict.columns["name"], ["Ann", "Ben", "", "", "Eve"])
        self.assertEqual(verdict.broken, {"id": {1, 3}, "name": {2, 3}, "email": {3, 4}})
        self.assertEqual(
            verdict.errors,
            {
                1: ["ID must be a positive integer"],
                2: ["Name cannot be empty"],
                3: [
                    "ID must be a positive integer",
                    "Email is not valid",
                    "Name cannot be empty",
                ],
                4: ["Email is not valid"],
            },
        )

    def test_a_field_without_a_column_is_not_judged(self):
        self.assertEqual(
            validate(product_rules(TEXT), {"price": ["9.5", "0"]}),
            ({"price": [9.5, 0.0]}, {1: ["Price must be positive"]}, {"price": {1}}),
        )

    def test_columns_without_values_have_no_errors(self):
        for rules in (user_rules, product_rules, order_rules):
            for parser in (TEXT, TYPED):
                columns = {"id": [], "name": [], "email": [], "price": [], "quantity": []}
                nothing_broken = dict.fromkeys(columns, set())
                self.assertEqual(validate(rules(parser), columns), (columns, {}, nothing_broken))
                self.assertEqual(validate(rules(parser), {}), ({}, {}, {}))

    def test_the_messages_of_records_are_not_mixed_up(self):
        """One rule has the same list of messages for all of its records."""
        ids = ["x", "y", "9" * 20, "9" * 20]
        names = ["", "Ann", "", "Ben"]
        verdict = validate(user_rules(TEXT), {"id": ids, "name": names})
        self.assertEqual(
            verdict.errors,
            {
                0: ["ID must be a positive integer", "Name cannot be empty"],
                1: ["ID must be a positive integer"],
                2: ["ID must be at most 2147483647", "Name cannot be empty"],
                3: ["ID must be at most 2147483647"],
            },
        )

    def test_the_columns_that_were_given_are_left_as_they_are(self):
        columns = {"id": ["1"], "name": [" Ann "], "email": [" a@b "]}
        validate(user_rules(TEXT), columns)
        self.assertEqual(columns, {"id": ["1"], "name": [" Ann "], "email": [" a@b "]})

    def test_messages_of_missing_and_unknown_fields(self):
        self.assertEqual(
            [missing_field("price"), unknown_field("prise")],
            ["Missing field: price", "Unknown field: prise"],
        )


class RulesTestCase(SimpleTestCase):
    """For tests that a rule says of a column what it says of each of its values."""

    texts = (
        "1", "7", "007", "2147483647", "2147483648", "0", "-1", "-0", "+1", "", " ", " 1", "1 ",
        "\n", "1\n", "1.5", "9.", ".5", ".", "-", "--1", "1-", "1e3", "1e400", "-1e400", "1e-400",
        "5e-324", "1.7976931348623157e308", "nan", "inf", "1_0", "1,5", "0x1", "١٢", "²", "½",
        "9" * 20, "9" * 21, "9" * 5000, "x", "Ann", " Ann\t", "Zoë", "x" * 100, "x" * 101,
        " " * 101, "a\x00b", "a\nb", "a\x7fb", "a\x85b", "a\u2028b", "a\u00a0b", f"a{SURROGATE}",
        "é" * 101, "\x1f", "\u3000", "a@b", " a@b ", "a@b\nc@d", "a@b\n", "a@b@c", "@", "a@", "@b",
        "a b@c", "a@b\u00a0c", "a@\x00", "x" * 250 + "@b.c", "x" * 251 + "@b.c", "stanisław@wp.pl",
        f"{SURROGATE}@b", "a@b\x1e", "True",
    )  # fmt: skip
    values = (
        *texts, 1, 7, 0, -1, 2147483647, 2147483648, 10**400, -(10**400), True, False, None, 1.0,
        1.5, 0.0, -0.0, -2.5, 1e308, MAX_FLOAT, 5e-324, float("nan"), float("inf"), float("-inf"),
        [], {}, ["Ann"], {"a": 1}, b"a@b",
    )  # fmt: skip

    def rules(self):
        """Return (name, rule, values to try, values without fault) of every rule."""
        for rules in (user_rules, product_rules, order_rules):
            for parser, values in ((TEXT, self.texts), (TYPED, self.values)):
                for number, (name, rule) in enumerate(rules(parser)):
                    name = (
                        f"{rules.__name__} {number} {name} {'TEXT' if parser is TEXT else 'TYPED'}"
                    )
                    yield name, rule, values, [v for v in values if not rule([v])[1]]

    def assert_same(self, rule, column):
        columns, errors = rule(column)
        self.assertEqual(len(columns), len(column))
        self.assertLessEqual(set(errors), set(range(len(column))))
        for index, value in enumerate(column):
            [single], single_errors = rule([value])
            self.assertEqual(
                (repr(columns[index]), errors.get(index)),
                (repr(single), single_errors.get(0)),
                column,
            )


class ColumnTests(RulesTestCase):
    def test_of_values_without_fault(self):
        for name, rule, _, valid in self.rules():
            with self.subTest(rule=name):
                self.assertEqual(rule(valid)[1], {})
                self.assert_same(rule, valid)
                self.assert_same(rule, valid * 50)

    def test_of_all_values_at_once(self):
        for name, rule, values, _ in self.rules():
            with self.subTest(rule=name):
                self.assert_same(rule, values)
                self.assert_same(rule, values[::-1])

    def test_of_a_single_fault_anywhere(self):
        for name, rule, values, valid in self.rules():
            with self.subTest(rule=name):
                for value in values:
                    for column in ([value, *valid[:3]], [*valid[:3], value], [value, value]):
                        self.assert_same(rule, column)
                    self.assert_same(rule, [*valid[-2:], value, *valid[:2]])

    def test_of_faults_that_make_up_for_each_other(self):
        for column in (
            ["a@b@c", "x"],
            ["a@b", "a@b@c", "x"],
            ["a@b", "", "a@b@c"],
            ["a@b\nc@d", "x"],
            ["a@", "@b"],
            ["12", ""],
            ["1-", "2"],
            ["1.2.3", "4"],
            ["1", "-"],
        ):
            for name, rule, _, _ in self.rules():
                with self.subTest(rule=name, column=column):
                    self.assert_same(rule, column)

    def test_of_random_columns(self):
        chance = random.Random(7)
        for name, rule, values, _ in self.rules():
            with self.subTest(rule=name):
                for _ in range(100):
                    self.assert_same(rule, chance.choices(values, k=chance.randint(1, 6)))

    def test_no_value_without_fault_is_stored_as_another_kind(self):
        kinds = {"id": int, "user_id": int, "product_id": int, "quantity": int, "price": float}
        for rules in (user_rules, product_rules, order_rules):
            for parser, values in ((TEXT, self.texts), (TYPED, self.values)):
                given = rules(parser)
                for name in dict.fromkeys(name for name, _ in given):
                    for value in values:
                        verdict = validate(given, {name: [value]})
                        if not verdict.errors:
                            [stored] = verdict.columns[name]
                            self.assertIs(type(stored), kinds.get(name, str), value)
