from django.test import SimpleTestCase

from distributed_insert.sources.numbers import TEXT, TYPED
from distributed_insert.validation import explain, order, product, user

SURROGATE = "\ud800"


def errors(rules, numbers, record):
    known = {name for name, _ in rules(numbers)}
    return explain(
        rules(numbers),
        {name: value for name, value in record.items() if name in known},
        [name for name in record if name not in known],
    ).errors


class RuleTests(SimpleTestCase):
    def assert_stored(self, rules, numbers, record, **expected):
        explanation = explain(rules(numbers), record)
        self.assertEqual(explanation.errors, [])
        self.assertEqual(explanation.values, {**record, **expected})
        self.assertEqual(
            [type(explanation.values[name]) for name in expected],
            [type(value) for value in expected.values()],
        )

    def assert_rejected(self, rules, numbers, record, field, values, message):
        for value in values:
            with self.subTest(value=value):
                self.assertEqual(errors(rules, numbers, {**record, field: value}), [message])


USER = {"id": "7", "name": "Ann", "email": "ann@example.com"}
PRODUCT = {"id": "7", "name": "Lamp", "price": "9.5"}
ORDER = {"id": "7", "user_id": "1", "product_id": "2", "quantity": "3"}

NOT_TEXT_INTEGERS = (
    "", " ", "x", "1_000", "١٢", "²", "+5", " 12", "12 ", "3.0", "1e3", "0x10", "True", "--5", "-",
    "9" * 5000,
)  # fmt: skip
NOT_INTEGERS = (None, True, False, 3.0, "5", "", [], {}, float("nan"), 10**400)


class IdTests(RuleTests):
    message = "ID must be a positive integer"

    def test_text_that_is_a_positive_integer_is_stored_as_one(self):
        self.assert_stored(user, TEXT, USER, id=7)
        self.assert_stored(user, TEXT, {**USER, "id": "2147483647"}, id=2147483647)
        self.assert_stored(user, TEXT, {**USER, "id": "007"}, id=7)

    def test_text_that_is_none_is_rejected(self):
        values = (*NOT_TEXT_INTEGERS, "0", "-7", "2147483648")
        for rules, record in ((user, USER), (product, PRODUCT), (order, ORDER)):
            self.assert_rejected(rules, TEXT, record, "id", values, self.message)

    def test_typed_values_must_be_integers(self):
        record = {"id": 7, "name": "Ann", "email": "ann@example.com"}
        self.assert_stored(user, TYPED, record)
        values = (*NOT_INTEGERS, 0, -7, 2147483648)
        self.assert_rejected(user, TYPED, record, "id", values, self.message)


class EmailTests(RuleTests):
    def test_addresses_of_the_world_are_stored(self):
        for value in ("a@b", "stanisław.wójcik@wp.pl", "x" * 250 + "@b.c"):
            self.assert_stored(user, TEXT, {**USER, "email": value}, id=7)
        self.assert_stored(user, TEXT, {**USER, "email": " a@b\t"}, id=7, email="a@b")

    def test_blank(self):
        message = "Email cannot be empty"
        self.assert_rejected(user, TEXT, USER, "email", ("", " ", "\t\n\u3000"), message)
        typed = {**USER, "id": 7}
        self.assert_rejected(user, TYPED, typed, "email", (None, "", " "), message)

    def test_not_valid(self):
        message = "Email is not valid"
        values = (
            "ann", "@", "ann@", "@example.com", "a@b@c", "a b@c", "a@b c", "a@b\u00a0c", "a\x00@b",
            "a@b\x7f", "a\x85@b", f"a{SURROGATE}@b", "x" * 251 + "@b.c",
        )  # fmt: skip
        self.assert_rejected(user, TEXT, USER, "email", values, message)
        self.assert_rejected(user, TYPED, {**USER, "id": 7}, "email", (5, ["a@b"], True), message)


class NameTests(RuleTests):
    def test_names_are_stored_stripped(self):
        for rules, record, numbers in (
            (user, USER, {"id": 7}),
            (product, PRODUCT, {"id": 7, "price": 9.5}),
        ):
            for value in ("x" * 100, "Zoë 👩‍👧", "a\u00a0b", "=SUM(A1)"):
                self.assert_stored(rules, TEXT, {**record, "name": value}, **numbers)
            self.assert_stored(rules, TEXT, {**record, "name": "  Ann\n"}, name="Ann", **numbers)

    def test_blank(self):
        for rules, record in ((user, USER), (product, PRODUCT)):
            values = ("", " ", "\t\n\u3000")
            self.assert_rejected(rules, TEXT, record, "name", values, "Name cannot be empty")
        self.assert_rejected(
            user, TYPED, {**USER, "id": 7}, "name", (None, "", " "), "Name cannot be empty"
        )

    def test_too_long(self):
        message = "Name cannot be longer than 100 characters"
        for rules, record in ((user, USER), (product, PRODUCT)):
            self.assert_rejected(rules, TEXT, record, "name", ("x" * 101, "é" * 101), message)

    def test_invalid_characters(self):
        message = "Name contains invalid characters"
        values = ("a\x00b", "a\nb", "a\tb", "a\x7fb", "a\x9fb", f"a{SURROGATE}b")
        for rules, record in ((user, USER), (product, PRODUCT)):
            self.assert_rejected(rules, TEXT, record, "name", values, message)
        for rules, record in (
            (user, {**USER, "id": 7}),
            (product, {**PRODUCT, "id": 7, "price": 9.5}),
        ):
            self.assert_rejected(rules, TYPED, record, "name", (5, True, ["Ann"]), message)


class PriceTests(RuleTests):
    typed = {"id": 7, "name": "Lamp", "price": 9.5}

    def test_numbers_are_stored_as_floats(self):
        for text, price in (("9", 9.0), ("0.01", 0.01), (".5", 0.5), ("1e3", 1000.0)):
            self.assert_stored(product, TEXT, {**PRODUCT, "price": text}, id=7, price=price)
        self.assert_stored(product, TYPED, {**self.typed, "price": 9}, price=9.0)

    def test_not_a_number(self):
        message = "Price must be a number"
        values = (
            "", " ", "x", "1_000", "1,5", "١٢", "+5", " 12", "12 ", "nan", "inf", "-Infinity",
            "1e400", "-1e400", "5-", "e5", "0x1p3", "True",
        )  # fmt: skip
        self.assert_rejected(product, TEXT, PRODUCT, "price", values, message)
        values = (None, True, "9.5", [], float("nan"), float("inf"), 10**400)
        self.assert_rejected(product, TYPED, self.typed, "price", values, message)

    def test_not_positive(self):
        message = "Price must be positive"
        values = ("0", "-0", "-50.00", "0.0")
        self.assert_rejected(product, TEXT, PRODUCT, "price", values, message)
        self.assert_rejected(product, TYPED, self.typed, "price", (0, -1, -0.0, -50.0), message)


class OrderTests(RuleTests):
    typed = {"id": 7, "user_id": 1, "product_id": 2, "quantity": 3}

    def test_integers_are_stored(self):
        self.assert_stored(order, TEXT, ORDER, **self.typed)
        self.assert_stored(order, TYPED, self.typed)

    def test_quantity_must_be_an_integer(self):
        message = "Quantity must be an integer"
        values = (*NOT_TEXT_INTEGERS, "2147483648")
        self.assert_rejected(order, TEXT, ORDER, "quantity", values, message)
        values = (*NOT_INTEGERS, 2147483648)
        self.assert_rejected(order, TYPED, self.typed, "quantity", values, message)

    def test_quantity_must_be_positive(self):
        message = "Quantity must be positive"
        self.assert_rejected(order, TEXT, ORDER, "quantity", ("0", "-1", "-2147483649"), message)
        self.assert_rejected(order, TYPED, self.typed, "quantity", (0, -1), message)

    def test_references_must_be_positive_integers(self):
        for field, label in (("user_id", "User ID"), ("product_id", "Product ID")):
            message = f"{label} must be a positive integer"
            values = (*NOT_TEXT_INTEGERS, "0", "-1", "2147483648")
            self.assert_rejected(order, TEXT, ORDER, field, values, message)
            values = (*NOT_INTEGERS, 0, -1, 2147483648)
            self.assert_rejected(order, TYPED, self.typed, field, values, message)


class ExplanationTests(SimpleTestCase):
    def test_every_error_is_told_in_the_order_of_the_rules(self):
        self.assertEqual(
            errors(user, TEXT, {"age": "9", "name": "\x00" * 101, "email": "", "id": "x"}),
            [
                "ID must be a positive integer",
                "Email cannot be empty",
                "Name cannot be longer than 100 characters",
                "Name contains invalid characters",
                "Unknown field: age",
            ],
        )
        self.assertEqual(
            errors(product, TEXT, {"id": "0", "name": "x" * 101, "price": "-1"}),
            [
                "ID must be a positive integer",
                "Name cannot be longer than 100 characters",
                "Price must be positive",
            ],
        )
        self.assertEqual(
            errors(product, TEXT, {"id": "0", "name": "", "price": "x"}),
            ["ID must be a positive integer", "Price must be a number", "Name cannot be empty"],
        )
        self.assertEqual(
            errors(order, TEXT, {"id": "x", "user_id": "0", "product_id": "", "quantity": "1.5"}),
            [
                "ID must be a positive integer",
                "Quantity must be an integer",
                "User ID must be a positive integer",
                "Product ID must be a positive integer",
            ],
        )

    def test_missing_and_unknown_fields_are_named(self):
        self.assertEqual(
            errors(product, TYPED, {"id": 1, "name": "Lamp", "prise": 9.5}),
            ["Missing field: price", "Unknown field: prise"],
        )

    def test_the_values_are_those_that_met_their_rules(self):
        explanation = explain(product(TEXT), {"id": "7", "name": "x" * 101, "price": "9.5"})
        self.assertEqual(explanation.values, {"id": 7, "price": 9.5})
