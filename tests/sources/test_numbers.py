from django.test import SimpleTestCase

from distributed_insert.sources.numbers import TEXT, TYPED


class ColumnTests(SimpleTestCase):
    """A column is judged at once where it is sound, and value by value where it is not."""

    def assert_parsed(self, parse, values, expected):
        for index, value in enumerate(values):
            with self.subTest(value=value):
                self.assertEqual(parse([value]), [expected[index]])
        self.assertEqual(parse(values), expected)

    def test_integers_of_text(self):
        self.assert_parsed(TEXT.integers, ["1", "007", "2147483648"], [1, 7, 2147483648])
        self.assert_parsed(TEXT.integers, ["1", "-5", "x", "", "9" * 21], [1, -5, None, None, None])

    def test_reals_of_text(self):
        self.assert_parsed(TEXT.reals, ["1", "-2.5", ".5", "7."], [1.0, -2.5, 0.5, 7.0])
        self.assert_parsed(TEXT.reals, ["1", "1.2.3", "", "--1"], [1.0, None, None, None])
        self.assert_parsed(TEXT.reals, ["1", "1e3", "nan", "9" * 400], [1.0, 1000.0, None, None])

    def test_typed_values(self):
        self.assert_parsed(TYPED.integers, [1, True, 1.0, "1", None], [1, None, None, None, None])
        self.assert_parsed(
            TYPED.reals, [1, 2.5, True, "1", float("nan"), 10**400], [1.0, 2.5, *[None] * 4]
        )
