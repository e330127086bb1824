import ast
from dataclasses import FrozenInstanceError
from datetime import date

from django.test import SimpleTestCase

from distributed_insert.loading import Counts, Options, Outcome, Reject
from distributed_insert.loading.results import make_reject


class ResultTests(SimpleTestCase):
    def test_counts_begin_at_nothing(self):
        self.assertEqual(Counts(), Counts(0, 0, 0, 0, 0, 0, 0))

    def test_results_cannot_be_changed(self):
        for result in (Counts(), Reject(1, None, {}, []), Outcome((), "thread", 0.0), Options()):
            with self.subTest(result=result), self.assertRaises(FrozenInstanceError):
                result.read = 7


class RejectTests(SimpleTestCase):
    def reject(self, data, errors=("No.",)):
        return make_reject(3, 7, data, list(errors))

    def test_a_small_record_is_shown_as_it_is(self):
        data = {"id": 1, "name": "é\0", "price": 9.5, "x": None, "y": [True, {"a": (1, b"")}]}
        self.assertEqual(self.reject(data), Reject(3, 7, data, ["No."]))

    def test_long_texts_are_cut_wherever_they_are(self):
        cut = "x" * 1000 + "... (1,001 characters)"
        self.assertEqual(
            self.reject({"x" * 1001: "x" * 1001, "name": "x" * 1000}, ["x" * 1001, "x" * 1000]),
            Reject(3, 7, {cut: cut, "name": "x" * 1000}, [cut, "x" * 1000]),
        )

    def test_only_the_first_values_and_errors_are_shown(self):
        data = {f"column {number}": "x" for number in range(25)}
        errors = [f"Error {number}." for number in range(1_025)]
        reject = self.reject(data, errors)
        self.assertEqual(reject.data, {**dict(list(data.items())[:20]), "...": "5 more"})
        self.assertEqual(reject.errors, [*errors[:20], "... and 1,005 more"])
        reject = self.reject(dict(list(data.items())[:20]), errors[:20])
        self.assertEqual((len(reject.data), len(reject.errors)), (20, 20))

    def test_values_that_are_not_literals_are_shown_as_text(self):
        data = {
            "id": float("inf"),
            "name": date(2026, 1, 2),
            "price": [float("nan")],
            "x": list(range(1000)),
        }
        self.assertEqual(
            self.reject(data).data,
            {
                "id": "inf",
                "name": "datetime.date(2026, 1, 2)",
                "price": "[nan]",
                "x": f"{str(list(range(1000)))[:1000]}... (4,890 characters)",
            },
        )

    def test_what_is_shown_is_a_literal(self):
        for value in ("é\0\ud800", 10**500, -0.0, {1, 2}, {"a": [None]}, float("-inf"), object):
            with self.subTest(value=value):
                data = self.reject({"name": value}).data
                self.assertEqual(ast.literal_eval(repr(data)), data)


class OptionsTests(SimpleTestCase):
    def test_all_or_nothing_and_a_dry_run_have_one_transaction_for_each_database(self):
        for options, one_transaction in (
            (Options(), False),
            (Options(all_or_nothing=True), True),
            (Options(dry_run=True), True),
        ):
            with self.subTest(options=options):
                self.assertIs(options.one_transaction, one_transaction)
