import io
import json

from distributed_insert.sources.text_file import MAX_LINE_LENGTH

from ..cases import FormatTestCase


class JsonLinesTests(FormatTestCase):
    file_name = "products.jsonl"

    def test_records_come_with_their_lines(self):
        lamp = {"id": 1, "name": "Lamp", "price": 9.5}
        source = self.opened(f"{json.dumps(lamp)}\n\n  \n{json.dumps(lamp)}")
        self.assertEqual(self.records(source), [(1, lamp), (4, lamp)])
        self.assertEqual(source.columns([lamp]), ([[1], ["Lamp"], [9.5]], []))

    def test_keys_have_other_names_and_other_keys_are_passed_over(self):
        raw = {"title": "Lamp", "id": 1, "price": 2, "colour": "red", "_line": 7}
        source = self.opened("", columns={"name": "title"}, ignore_unknown=True)
        self.assertEqual(source.columns([raw]), ([[1], ["Lamp"], [2]], []))
        strict = self.opened("", columns={"name": "title"})
        self.assertEqual(strict.columns([raw]), ([[], [], []], [0]))
        self.assertEqual(strict.fields(raw), ({"id": 1, "name": "Lamp", "price": 2}, ["colour"]))

    def test_what_is_no_record_costs_its_own_line_only(self):
        for line, reason in (
            ("{x}", "Expecting property name enclosed in double quotes at character 2"),
            ("[1]", "not an object"),
            ("7", "not an object"),
            ('{"id": 1, "id": 2}', "duplicate key 'id'"),
            ('{"id": ' + "[" * 100_000, "nested too deeply"),
            ('{"id": ' + "[" * 500 + "]" * 500 + "}", "nested too deeply"),
            ('{"name": "' + "x" * MAX_LINE_LENGTH, "line longer than 1048576 characters"),
        ):
            with self.subTest(line=line[:20]):
                source = self.opened(f'{line}\n{{"id": 2}}\n')
                first, second = self.records(source)
                self.assertEqual(first[0], 1)
                self.assertEqual(first[1].reason, f"Malformed JSON: {reason}")
                self.assertEqual(second, (2, {"id": 2}))

    def test_brackets_in_text_and_flat_lists_nest_nothing(self):
        raw = {"id": "[" * 500, "name": [[] for _ in range(500)]}
        self.assertEqual(self.records(self.opened(json.dumps(raw))), [(1, raw)])

    def test_what_is_no_json_number_stays_text(self):
        source = self.opened('{"id": NaN, "name": -Infinity, "price": 1e400}\n')
        self.assertEqual(
            self.records(source), [(1, {"id": "NaN", "name": "-Infinity", "price": "1e400"})]
        )

    def test_a_batch_of_very_long_records_is_a_short_one(self):
        line = json.dumps({"name": "x" * 1_000_000})
        source = self.opened("\n".join([line] * 40))
        self.assertEqual(len(self.records(source, 100)), 17)

    def test_a_number_of_very_many_digits_costs_its_own_line_only(self):
        source = self.opened(f'{{"id": {"9" * 5000}}}\n{{"id": 2}}\n')
        first, second = self.records(source)
        self.assertRegex(first[1].reason, "^Malformed JSON: Exceeds the limit")
        self.assertEqual(second, (2, {"id": 2}))

    def test_rejects_are_records_with_a_line_and_errors(self):
        source = self.opened('{"name": "Zoë \\ud800", "_line": 1, "_errors": ["Old."]}\n{\n')
        file = io.StringIO()
        source.write_rejects(file, [(line, raw, ["No."]) for line, raw in self.records(source)])
        self.assertEqual(
            file.getvalue().splitlines(keepends=True),
            [
                '{"name": "Zoë \ud800", "_line": 1, "_errors": ["No."]}\n',
                '{"_text": "{\\n", "_line": 2, "_errors": ["No."]}\n',
            ],
        )
