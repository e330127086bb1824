import json
import random
from unittest import mock

from django.test import SimpleTestCase

from distributed_insert.exceptions import LoadError
from distributed_insert.sources import json_elements
from distributed_insert.sources.json_elements import Elements, NotAnArray
from distributed_insert.sources.text_file import count_lines


class Parts:
    """A file that gives its text in parts of any length."""

    def __init__(self, text, rng):
        self._left = text
        self._rng = rng
        self.is_at_end = False
        self.name = "parts"

    def read(self):
        size = self._rng.choice([1, 2, 3, 50])
        part, self._left = self._left[:size], self._left[size:]
        self.is_at_end = not part
        return part


class ElementsTests(SimpleTestCase):
    def value(self, rng, depth=0):
        kind = rng.random() if depth < 4 else 1
        if kind < 0.3:
            keys = [rng.choice('abc"\\é{') + str(n) for n in range(rng.randrange(4))]
            return {key: self.value(rng, depth + 1) for key in keys}
        if kind < 0.45:
            return [self.value(rng, depth + 1) for _ in range(rng.randrange(4))]
        return rng.choice(
            [1, -2.5, 1e30, 12345678, 'x"y', "back\\", "{[", None, True, "\u2028\n", ""]
        )

    def elements(self, text, rng):
        """Return the elements of a text, or None if it is not an array."""
        elements = Elements(Parts(text, rng))
        try:
            return list(iter(elements.next, None))
        except (NotAnArray, LoadError):
            return None

    def test_arrays_are_read_as_the_standard_library_reads_them_wherever_parts_end(self):
        rng = random.Random(7)
        for _ in range(2000):
            values = [self.value(rng) for _ in range(rng.randrange(6))]
            text = json.dumps(values, indent=rng.choice([None, 1]), ensure_ascii=rng.random() < 0.5)
            text = text.replace("\n", rng.choice(["\n", "\r\n", "\r"]))
            if rng.random() < 0.5:
                place = rng.randrange(len(text))
                change = rng.choice(["", ",", "]", "{", '"', "\\", "x"])
                text = text[:place] + change + text[place + rng.randrange(2) :]
            try:
                expected = json.loads(text)
                expected = expected if type(expected) is list else None
            except ValueError:
                expected = None
            with self.subTest(text=text):
                found = self.elements(text, rng)
                if found is not None:
                    self.assertEqual([json.loads(element.text) for element in found], expected)
                    at = 0
                    for element in found:
                        at = text.index(element.text, at)
                        self.assertEqual(element.line, count_lines(text[:at]) + 1)
                        at += len(element.text)
                self.assertEqual(found is None, expected is None)

    def test_what_is_too_long_is_passed_wherever_parts_end(self):
        rng = random.Random(8)
        with mock.patch.object(json_elements, "MAX_RECORD_LENGTH", 10):
            for _ in range(1000):
                values = [self.value(rng) for _ in range(6)]
                texts = [json.dumps(value) for value in values]
                found = self.elements(f"[{', '.join(texts)}]", rng)
                with self.subTest(texts=texts):
                    self.assertEqual([e.text for e in found], [text[:11] for text in texts])

    def test_a_slow_writer_does_not_make_it_slow(self):
        """A value that arrives in many parts is decoded a few times, not once for each part."""
        text = "[" + json.dumps({"x": "y" * 5000}) + "]"
        rng = mock.Mock(choice=lambda sizes: 1)
        with mock.patch.object(
            json_elements, "_decoded", side_effect=json_elements._decoded
        ) as decoded:
            [element] = self.elements(text, rng)
        self.assertEqual(element.text, text[1:-1])
        self.assertLess(decoded.call_count, 20)
