import gzip
import io
import json
import math
import os
from unittest import mock

from distributed_insert.exceptions import LoadError
from distributed_insert.sources import Records, files, text_file
from distributed_insert.sources.base import Malformed
from distributed_insert.sources.files import (
    BYTES_PER_RECORD,
    BYTES_PER_VALUE,
    MAX_RECORD_LENGTH,
    MAX_VALUES,
)
from distributed_insert.sources.json_values import BYTES_PER_CONTAINER
from distributed_insert.sources.text_file import BLOCK_SIZE

from .cases import FormatTestCase
from .test_csv_file import TEXTS

LAMP = {"id": 1, "name": "Lamp", "price": 9.5}
DESK = {"id": 2, "name": "Desk", "price": 2}
LAMP_LINE, DESK_LINE = json.dumps(LAMP), json.dumps(DESK)


class JsonLinesTestCase(FormatTestCase):
    file_name = "products.jsonl"


class JsonRecordTests(JsonLinesTestCase):
    def test_records_come_in_batches_with_their_lines(self):
        source = self.opened(f"{LAMP_LINE}\n\n  \n{DESK_LINE}\n{LAMP_LINE}")
        self.assertEqual(
            source.read(2),
            Records([[1, 2], ["Lamp", "Desk"], [9.5, 2]], [LAMP, DESK], range(2), [1, 4]),
        )
        self.assertEqual(self.records(source, 2), [(5, LAMP)])
        self.assertIsNone(source.read(2))

    def test_line_ends_of_every_kind(self):
        for end in ("\n", "\r\n", "\r"):
            for last in ("", end):
                with self.subTest(end=end, last=last):
                    source = self.opened(end.join([LAMP_LINE, "", DESK_LINE]) + last)
                    self.assertEqual(self.all_records(source), [(1, LAMP), (3, DESK)])

    def test_unicode_line_separators_end_no_line(self):
        record = {**LAMP, "name": "a\u2028b\x85c"}
        source = self.opened(json.dumps(record, ensure_ascii=False))
        self.assertEqual(self.records(source), [(1, record)])

    def test_a_file_without_records_is_at_its_end(self):
        self.assertEqual(self.all_records(self.opened("\n")), [])

    def test_error_for_an_empty_file(self):
        for content in ("", "\ufeff"):
            with self.subTest(content=content):
                self.assert_refused(content, "empty, without even a record.")

    def test_a_gzip_file(self):
        self.path = self.folder / "products.jsonl.gz"
        source = self.opened(gzip.compress(LAMP_LINE.encode()))
        self.assertEqual(self.all_records(source), [(1, LAMP)])
        self.assertEqual((source.share_read, source.size), (1.0, self.path.stat().st_size))

    def test_keys_have_other_names_and_other_keys_are_ignored(self):
        raw = {"title": "Lamp", "id": 1, "price": 2, "colour": "red", "_line": 7}
        source = self.opened(json.dumps(raw), renamed={"name": "title"}, ignore_unknown=True)
        self.assertEqual(source.read(9), Records([[1], ["Lamp"], [2]], [raw], range(1), [1]))
        strict = self.opened(json.dumps(raw), renamed={"name": "title"})
        self.assertEqual(strict.read(9), Records([[], [], []], [raw], [0], [1]))
        self.assertEqual(
            strict.fields(raw),
            ({"id": 1, "name": "Lamp", "price": 2}, ["Unknown field: colour"]),
        )
        self.assertEqual(strict.data(raw), {"title": "Lamp", "id": 1, "price": 2, "colour": "red"})

    def test_records_with_other_fields_come_last_and_keep_their_places(self):
        few = {"id": 3, "prise": 1}
        source = self.opened(f"{{x}}\n{LAMP_LINE}\n{json.dumps(few)}\n{DESK_LINE}\n")
        records = source.read(10)
        reason = "Malformed JSON: Expecting property name enclosed in double quotes at character 2"
        malformed = Malformed("{x}", reason)
        self.assertEqual(
            records,
            Records(
                [[1, 2], ["Lamp", "Desk"], [9.5, 2]],
                [LAMP, DESK, malformed, few],
                [1, 3, 0, 2],
                [2, 4, 1, 3],
            ),
        )
        self.assertEqual(
            source.fields(few),
            (
                {"id": 3},
                ["Missing field: name", "Missing field: price", "Unknown field: prise"],
            ),
        )
        self.assertEqual(source.fields(malformed), ({}, [reason]))
        self.assertEqual(source.data(malformed), {"text": "{x}"})


class MalformedJsonTests(JsonLinesTestCase):
    def test_what_is_not_a_record_rejects_its_own_line_only(self):
        for line, reason in (
            ("{x}", "Expecting property name enclosed in double quotes at character 2"),
            ('{"id": 1}{"id": 2}', "Extra data at character 10"),
            ("[1]", "not an object"),
            ("7", "not an object"),
            ("null", "not an object"),
            ('{"id": 1, "id": 2}', "duplicate key 'id'"),
            ('{"id": {"a": 1, "a": 2}}', "duplicate key 'a'"),
            ('{"id": ' + "[" * 100_000, "nested too deeply"),
            ('{"id": ' + "[" * 500 + "]" * 500 + "}", "nested too deeply"),
            (f'{{"id": {"9" * 4301}}}', "number of more than 4,300 digits"),
            (f'{{"id": -{"9" * 100_000}}}', "number of more than 4,300 digits"),
        ):
            with self.subTest(line=line[:20]):
                source = self.opened(f"{line}\n{LAMP_LINE}\n")
                self.assertEqual(
                    self.records(source),
                    [(1, Malformed(line, f"Malformed JSON: {reason}")), (2, LAMP)],
                )

    def test_brackets_in_text_and_flat_lists_are_not_nested(self):
        raw = {"id": "[" * 500, "name": [[] for _ in range(500)]}
        self.assertEqual(self.records(self.opened(json.dumps(raw))), [(1, raw)])

    def test_a_number_of_4300_digits_is_one(self):
        source = self.opened(f'{{"id": {"9" * 4300}}}')
        self.assertEqual(self.records(source), [(1, {"id": 10**4300 - 1})])

    def test_numbers_beyond_a_float_are_numbers_and_not_text(self):
        source = self.opened('{"id": NaN, "name": -Infinity, "price": 1e999}\n')
        [(_, raw)] = self.records(source)
        self.assertEqual([type(value) for value in raw.values()], [float] * 3)
        self.assertTrue(math.isnan(raw["id"]))
        self.assertEqual([raw["name"], raw["price"]], [-math.inf, math.inf])


class BoundTests(JsonLinesTestCase):
    def test_a_batch_is_charged_for_records_values_and_what_nests_them(self):
        for line, bytes_per_record in (
            ("{}", BYTES_PER_RECORD + BYTES_PER_CONTAINER),
            ('{"id": [' + "[]," * 99 + "[]]}", 102 * BYTES_PER_CONTAINER + 99 * BYTES_PER_VALUE),
            ('{"id": ' + '{"a": ' * 90 + "1" + "}" * 91, 91 * BYTES_PER_CONTAINER),
        ):
            with self.subTest(line=line[:20]):
                # Small blocks, since a batch ends with the block that fills it.
                with mock.patch.object(text_file, "BLOCK_SIZE", 1024):
                    source = self.opened(f"{line}\n" * 3000)
                    with mock.patch.object(files, "MAX_BATCH_BYTES", 1000 * bytes_per_record):
                        count = len(source.read(100_000).raw_records)
                self.assertGreater(count, 500)
                self.assertLess(count, 1000 + 1024 // len(line))

    def test_a_record_of_more_than_1048576_characters_is_rejected_alone(self):
        reason = "Malformed JSON: record longer than 1,048,576 characters"
        for end in ("\n", "\r\n", "\r"):
            for length in (MAX_RECORD_LENGTH, MAX_RECORD_LENGTH + 1, MAX_RECORD_LENGTH * 3):
                with self.subTest(end=end, length=length):
                    line = json.dumps({"name": "x" * (length - 12)})
                    self.assertEqual(len(line), length)
                    source = self.opened(f"{line}{end}{LAMP_LINE}{end}")
                    (number, first), second = self.all_records(source)
                    self.assertEqual((number, second), (1, (2, LAMP)))
                    if length == MAX_RECORD_LENGTH:
                        self.assertEqual(first, {"name": "x" * (length - 12)})
                    else:
                        self.assertEqual(first.reason, reason)
                        self.assertLessEqual(len(first.text), MAX_RECORD_LENGTH + 1 + len(end))

    def test_a_record_of_more_than_1000_values_is_rejected_alone(self):
        for count in (MAX_VALUES, MAX_VALUES + 1, 50_000):
            with self.subTest(count=count):
                record = {f"_{number}": 0 for number in range(count)}
                source = self.opened(f"{json.dumps(record)}\n{LAMP_LINE}\n")
                first, second = self.all_records(source)
                self.assertEqual(second, (2, LAMP))
                if count == MAX_VALUES:
                    self.assertEqual(first, (1, record))
                else:
                    self.assertEqual(first[1].reason, "Malformed JSON: more than 1,000 values")

    def test_a_batch_of_large_records_has_fewer_of_them(self):
        most = 4 << 20
        for line, needed in (
            (json.dumps({"name": "x" * 100_000}), 100_000),
            (json.dumps({f"_{number}": "" for number in range(999)}), 999 * 64),
            ("x" * 3 * MAX_RECORD_LENGTH, MAX_RECORD_LENGTH),
        ):
            with self.subTest(line=line[:20]):
                lines = max(3 * most // needed, 3 * BLOCK_SIZE // len(line))
                source = self.opened(f"{line}\n" * lines)
                with mock.patch.object(files, "MAX_BATCH_BYTES", most):
                    count = len(source.read(100_000).raw_records)
                block = (BLOCK_SIZE // len(line) + 1) * needed
                self.assertLessEqual(count * needed, most + block)
                self.assertLess(count, lines)
                self.assertGreaterEqual(count * needed, most // 4)

    def test_lines_are_numbered_rightly_behind_lines_about_as_long_as_allowed(self):
        for end in ("\n", "\r\n", "\r"):
            for length in range(MAX_RECORD_LENGTH - 2, MAX_RECORD_LENGTH + 3):
                with self.subTest(end=end, length=length):
                    source = self.opened(end.join(["x" * length, LAMP_LINE, "", DESK_LINE]))
                    (line, _), *others = self.all_records(source)
                    self.assertEqual((line, others), (1, [(2, LAMP), (4, DESK)]))


class ChangeTests(JsonLinesTestCase):
    def test_the_last_line_of_a_file_that_is_cut_off_is_not_a_record(self):
        """What is left of the line would be a record of its own."""
        line = "1" + " " * 98 + "\n"
        content = line * (BLOCK_SIZE // 40) + "123456"
        source = self.opened(content)
        count = len(source.read(10_000).raw_records)
        os.truncate(self.path, len(content) - 3)
        with self.assertRaises(LoadError) as caught:
            while True:
                records = self.records(source, 10_000)
                self.assertEqual({raw.text for _, raw in records}, {line})
                count += len(records)
        self.assertEqual(
            str(caught.exception),
            f"{self.path}: changed while it was read: it had {len(content):,} bytes, and now has "
            f"{len(content) - 3:,}. Load it again when no program is writing to it.",
        )
        self.assertLessEqual(count, BLOCK_SIZE // 40)


class JsonRejectTests(JsonLinesTestCase):
    def rejected(self, source):
        """Return the file of rejects of a source of nothing but rejects."""
        file = io.StringIO()
        records = self.all_records(source)
        source.write_rejects(file, [(line, raw, ["No.", "Not so."]) for line, raw in records], True)
        return file.getvalue()

    def test_rejects_are_records_with_a_line_and_errors(self):
        source = self.opened('{"name": "Zoë \\ud800", "_line": 7, "_errors": ["Old."]}\n{\n')
        self.assertEqual(
            self.rejected(source).splitlines(keepends=True),
            [
                '{"name": "Zoë \ud800", "_line": 1, "_errors": ["No.", "Not so."]}\n',
                '{"_text": "{", "_line": 2, "_errors": ["No.", "Not so."]}\n',
            ],
        )

    def test_other_encodings_have_escapes(self):
        source = self.opened('{"name": "Zoë"}\n'.encode("latin-1"), encoding="latin-1")
        self.assertEqual(
            self.rejected(source),
            '{"name": "Zo\\u00eb", "_line": 1, "_errors": ["No.", "Not so."]}\n',
        )

    def test_every_string_is_loaded_again_as_it_was(self):
        records = [{"id": [text], "name": text, text: None} for text in TEXTS]
        content = "\n".join(json.dumps(record) for record in records)
        for _ in range(2):
            source = self.opened(content)
            content = self.rejected(source)
            self.assertEqual(
                [source.data(raw) for _, raw in self.all_records(self.opened(content))],
                [
                    {key: value for key, value in record.items() if key[:1] != "_"}
                    for record in records
                ],
            )

    def test_numbers_are_loaded_again_as_they_were(self):
        content = '{"id": 1e999, "name": NaN, "price": 12345678901234567890, "x": -Infinity}\n'
        [(_, raw)] = self.all_records(self.opened(self.rejected(self.opened(content))))
        self.assertEqual(
            repr(raw),
            "{'id': inf, 'name': nan, 'price': 12345678901234567890, 'x': -inf, '_line': 1, "
            "'_errors': ['No.', 'Not so.']}",
        )
