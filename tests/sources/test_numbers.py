from django.test import SimpleTestCase

from distributed_insert.sources.numbers import TEXT, TYPED


class ColumnTests(SimpleTestCase):
    """A column is judged at once where it is sound, and value by value where it is not."""

    def assert_parsed(self, parse, values, expected):
        for index, value in enumerate(values):
            with self.subTest(value=value):
                self.assertEqual(repr(parse([value])), repr([expected[index]]))
        self.assertEqual(repr(parse(values)), repr(expected))

    def test_integers_of_text(self):
        self.assert_parsed(TEXT.integers, ["1", "007", "2147483648"], [1, 7, 2147483648])
        self.assert_parsed(TEXT.integers, ["1", "-5", "x", "", "-"], [1, -5, None, None, None])
        self.assert_parsed(TEXT.integers, ["-" + "9" * 20, "9" * 20], [1 - 10**20, 10**20 - 1])

    def test_an_empty_text_among_digits_is_not_an_integer(self):
        self.assert_parsed(TEXT.integers, ["1", "", "2"], [1, None, 2])
        self.assert_parsed(TEXT.integers, ["", ""], [None, None])

    def test_digits_of_other_scripts_are_not_integers(self):
        self.assert_parsed(TEXT.integers, ["1", "١٢", "²", "-٣"], [1, None, None, None])

    def test_zeros_in_front_do_not_count(self):
        values = ["0" * 20 + "1", "-" + "0" * 5000 + "23", "0" * 5000]
        self.assert_parsed(TEXT.integers, values, [1, -23, 0])

    def test_a_very_long_number_is_beyond_every_column(self):
        for digits in ("9" * 21, "1" + "0" * 20, "9" * 5000, "00" + "9" * 100_000):
            for values in ([digits], ["1", digits, ""]):
                with self.subTest(digits=digits[:30], values=len(values)):
                    self.assertGreater(max(filter(None, TEXT.integers(values))), 10**18)
                    negative = [f"-{value}" for value in values]
                    self.assertLess(min(filter(None, TEXT.integers(negative))), -(10**18))

    def test_floats_of_text(self):
        self.assert_parsed(TEXT.floats, ["1", "-2.5", ".5", "7."], [1.0, -2.5, 0.5, 7.0])
        self.assert_parsed(TEXT.floats, ["1", "1.2.3", "", "--1"], [1.0, None, None, None])
        self.assert_parsed(TEXT.floats, ["1", "1e3", "nan", "9" * 400], [1.0, 1000.0, None, None])

    def test_what_else_float_takes_is_not_a_number(self):
        values = ["1", "inf", "-Infinity", "1_000", " 5", "5 ", "+5", "١٢", "1e400", "-1e400"]
        self.assert_parsed(TEXT.floats, values, [1.0, *[None] * 9])

    def test_an_empty_text_among_decimals_is_not_a_number(self):
        self.assert_parsed(TEXT.floats, ["1", "", "2.5"], [1.0, None, 2.5])

    def test_large_floats_are_finite_also_where_their_sum_is_not(self):
        large = "1" + "0" * 308
        self.assert_parsed(TEXT.floats, [large, large, "-" + large], [1e308, 1e308, -1e308])

    def test_typed_values(self):
        self.assert_parsed(TYPED.integers, [1, 2**70], [1, 2**70])
        self.assert_parsed(TYPED.integers, [1, True, 1.0, "1", None], [1, None, None, None, None])
        self.assert_parsed(
            TYPED.floats,
            [1, 2.5, True, "1", None, float("nan"), float("-inf"), 10**400],
            [1.0, 2.5, *[None] * 6],
        )
