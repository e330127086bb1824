import json
from unittest import mock

from distributed_insert.exceptions import LoadError
from distributed_insert.sources import json_array
from distributed_insert.sources.base import Malformed, Records
from distributed_insert.sources.files import MAX_BATCH_BYTES, MAX_RECORD_LENGTH, MAX_VALUES

from ..datasets import PRODUCTS
from .cases import FormatTestCase

LAMP = {"id": 1, "name": "Lamp", "price": 9.5}
DESK = {"id": 2, "name": "Desk", "price": 2}


def malformed(text, reason):
    return Malformed(text, f"Malformed JSON: {reason}")


class JsonArrayTestCase(FormatTestCase):
    file_name = "products.json"


class RecordTests(JsonArrayTestCase):
    def test_records_come_in_batches_with_the_lines_they_begin_on(self):
        content = (
            f"\n [{json.dumps(LAMP)},\n\n {json.dumps(DESK, indent=1)}\r\n,{json.dumps(LAMP)}]\n"
        )
        source = self.opened(content)
        self.assertEqual(
            source.read(2),
            Records([[1, 2], ["Lamp", "Desk"], [9.5, 2]], [LAMP, DESK], range(2), [2, 4]),
        )
        self.assertEqual(self.records(source, 2), [(9, LAMP)])
        self.assertIsNone(source.read(2))
        self.assertIsNone(source.read(2))

    def test_lines_end_in_every_way(self):
        for end in ("\n", "\r\n", "\r"):
            with self.subTest(end=end):
                lines = ["[", json.dumps(LAMP), ",", "", json.dumps(DESK) + ","]
                source = self.opened(end.join([*lines, "3]"]))
                self.assertEqual([line for line, _ in self.all_records(source)], [2, 5, 6])
                self.assert_refused(
                    end.join([*lines, " x]"]),
                    "not a JSON array: Expecting value in line 6, character 2.",
                )

    def test_an_empty_array_has_no_records(self):
        for content in ("[]", " [ \n ] \n", "\ufeff[]"):
            with self.subTest(content=content):
                self.assertIsNone(self.opened(content).read(9))

    def test_elements_that_are_not_records_are_malformed_and_reading_goes_on(self):
        for element, reason in (
            ("5", "not an object"),
            ("-1.5e3", "not an object"),
            ('"{"', "not an object"),
            ("null", "not an object"),
            ("[1, [2]]", "not an object"),
            ('{"id": 1, "id": 2}', "duplicate key 'id'"),
            ('{"id": ' + "9" * 4301 + "}", "number of more than 4,300 digits"),
            ('{"id": ' + "[" * 100 + "]" * 100 + "}", "nested too deeply"),
            ("[" * 200_000 + "]" * 200_000, "nested too deeply"),
            (json.dumps({str(n): n for n in range(MAX_VALUES + 1)}), "more than 1,000 values"),
        ):
            with self.subTest(element=element[:20]):
                records = self.all_records(self.opened(f"[{element}, {json.dumps(DESK)}]"))
                self.assertEqual(records, [(1, malformed(element, reason)), (1, DESK)])

    def test_too_long_an_element_is_malformed_and_never_in_memory(self):
        limit = "record longer than 1,048,576 characters"
        for begin, piece, end in (
            ('{"name": "', 'x\\"]\\\\', '"}'),
            ('[{"a": "]"}, ', '{"[": ["}", "\\"\\\\"]},', '{"b":0}]'),
            ('"', "x", '"'),
        ):
            for length in (MAX_RECORD_LENGTH, 5 * MAX_RECORD_LENGTH):
                element = begin + piece * (length // len(piece)) + end
                source = self.opened(f"[{element}, \n{json.dumps(DESK)}]")
                with self.subTest(begin=begin, length=length):
                    self.assertEqual(
                        self.all_records(source),
                        [(1, malformed(element[: MAX_RECORD_LENGTH + 1], limit)), (2, DESK)],
                    )

    def test_the_longest_element_is_a_record(self):
        element = '{"x": "%s"}' % ("x" * (MAX_RECORD_LENGTH - 9))
        self.assertEqual(len(element), MAX_RECORD_LENGTH)
        [(line, raw)] = self.all_records(self.opened(f"[{element}]"))
        self.assertEqual((line, raw), (1, json.loads(element)))

    def test_a_batch_of_large_records_has_fewer_of_them(self):
        element = json.dumps({"x": "x" * (MAX_RECORD_LENGTH // 2)})
        source = self.opened("[" + ",".join([element] * 100) + "]")
        sizes = [len(batch) for batch in iter(lambda: self.records(source, 1000), None)]
        self.assertEqual(sum(sizes), 100)
        self.assertLessEqual(max(sizes), MAX_BATCH_BYTES // (MAX_RECORD_LENGTH // 2) + 1)

    def test_rejects_are_json_lines(self):
        self.assertEqual(self.source("[]").format, "jsonl")


class CheckTests(JsonArrayTestCase):
    def test_error_for_what_is_not_an_array_to_its_end(self):
        for content, message in (
            (json.dumps(LAMP), "It is an object. If each line is one, add --format jsonl"),
            ("\n  id,name", "It begins with 'i' in line 2, character 3"),
            ("[", "Expecting value in line 1, character 2"),
            ("[1,]", "Expecting value in line 1, character 4"),
            ("[1,\n", "Expecting value in line 2, character 1"),
            ("[1 2]", "Expecting ',' or ']' in line 1, character 4"),
            ("[1\n", "Expecting ',' or ']' in line 2, character 1"),
            ('[1,\n {"a": 1,\n  "b" 2}]', "Expecting ':' delimiter in line 3, character 7"),
            ('[{"a": "x]', "Unterminated string starting at in line 1, character 8"),
            ("[1] 2", "Something follows the array in line 1, character 5"),
            ("[" * 200_000, "A value is nested too deeply and not ended in line 1, character 2"),
            (
                "[1,\n{" + '"a": "' + "x" * 3 * MAX_RECORD_LENGTH,
                "Unterminated string starting at in line 2, character 7",
            ),
            (
                '[{"a" 1}, ' + "1, " * MAX_RECORD_LENGTH + "1]",
                "Expecting ':' delimiter in line 1, character 7",
            ),
        ):
            with self.subTest(content=content[:20]):
                self.assert_refused(content, f"not a JSON array: {message}.")

    def test_error_for_an_empty_file(self):
        for content in ("", " \n\n"):
            with self.subTest(content=content):
                self.assert_refused(content, "empty, without even an array.")

    def test_error_for_another_encoding(self):
        self.assert_refused(
            b'[\n"\xe9"]',
            "not UTF-8 (byte 0xe9 in line 2). Save it as UTF-8, or name the encoding it has with "
            "--encoding.",
        )

    def test_a_large_file_is_checked_in_parts(self):
        source = self.source("[" + ",\n".join([json.dumps(LAMP)] * 1000) + "]")
        source.open(PRODUCTS)
        with mock.patch.object(json_array, "CHECK_SIZE", 9_000):
            checks = list(iter(source.check, False))
        self.assertEqual(checks, [True] * 4)
        self.assertEqual(self.all_records(source), [(n, LAMP) for n in range(1, 1001)])

    def test_a_pipe_is_not_checked(self):
        source = self.source("[1 2]")
        source.is_stream = True
        source.open(PRODUCTS)
        self.assertIs(source.check(), False)
        with self.assertRaisesMessage(LoadError, "Expecting ',' or ']'"):
            source.read(9)


class FixtureTests(JsonArrayTestCase):
    """What dumpdata writes, as an array or, since Django 3.2, as JSON Lines."""

    def item(self, label="distributed_insert.product", pk=1, **fields):
        return {"model": label, "pk": pk, "fields": {"name": "Lamp", "price": 9.5, **fields}}

    def records_of(self, *items, **options):
        """Return the records of items in a file of either form."""
        self.path = self.folder / "products.json"
        records = self.all_records(self.opened(json.dumps(items), **options))
        self.path = self.folder / "products.jsonl"
        content = "".join(f"{json.dumps(item)}\n" for item in items)
        of_lines = self.all_records(self.opened(content, **options))
        self.assertEqual([raw for _, raw in records], [raw for _, raw in of_lines])
        return [raw for _, raw in records]

    def test_an_item_is_the_record_that_it_describes(self):
        self.assertEqual(
            self.records_of(self.item("shop.Product"), self.item("shop.product", 2, name="Desk")),
            [LAMP, {"id": 2, "name": "Desk", "price": 9.5}],
        )

    def test_decimals_are_numbers(self):
        """dumpdata writes the values of a DecimalField as text."""
        items = [self.item(price=price) for price in ("9.90", "1,5", "", None)]
        self.assertEqual(
            [record["price"] for record in self.records_of(*items)], [9.9, "1,5", "", None]
        )
        item = self.item(cost="9.90")
        del item["fields"]["price"]
        [record] = self.records_of(item, renamed={"price": "cost"})
        self.assertEqual(record, {"id": 1, "name": "Lamp", "cost": 9.9})

    def test_error_for_a_fixture_with_two_models_of_this_name(self):
        items = [self.item("auth.product"), self.item("shop.product", pk=2)]
        message = (
            "it has objects of 'auth.product' and of 'shop.product'. Dump them to files of their "
            "own."
        )
        self.assert_refused(json.dumps(items), message)
        self.path = self.folder / "products.jsonl"
        source = self.opened("\n".join(map(json.dumps, items)))
        with self.assertRaises(LoadError) as caught:
            source.read(9)
        self.assertEqual(str(caught.exception), f"{self.path}: {message}")

    def test_an_item_without_a_key_is_a_record_without_an_id(self):
        item = self.item()
        del item["pk"]
        self.assertEqual(self.records_of(item), [{"name": "Lamp", "price": 9.5}])

    def test_the_key_has_the_name_that_the_id_is_read_from(self):
        items = [self.item()]
        self.assertEqual(
            self.records_of(*items, renamed={"id": "sku"}),
            [{"sku": 1, "name": "Lamp", "price": 9.5}],
        )

    def test_an_item_with_two_ids_is_malformed(self):
        item = self.item(id=3)
        self.assertEqual(self.records_of(item), [malformed(json.dumps(item), "both 'pk' and 'id'")])

    def test_an_item_of_another_model_is_rejected_or_ignored(self):
        user = self.item("distributed_insert.user")
        self.assertEqual(
            self.records_of(user, self.item()),
            [Malformed(json.dumps(user), "Object of another model: distributed_insert.user"), LAMP],
        )
        self.assertEqual(self.records_of(user, self.item(), ignore_unknown=True), [LAMP])

    def test_what_only_looks_like_an_item_is_a_record_of_its_own(self):
        for record in (
            {**self.item(), "x": 1},
            {**self.item(), "fields": 1},
            {**self.item(), "model": 1},
            {"model": "a.product", "pk": 1},
        ):
            with self.subTest(record=record):
                self.assertEqual(self.records_of(record), [record])
