import ast
import math
import signal

from django.test import SimpleTestCase

from distributed_insert.exceptions import LoadError
from distributed_insert.loading import Counts, ModelResult, Outcome, Reject
from distributed_insert.loading.results import make_reject
from distributed_insert.reports import conclusion, counts_table, exit_status, reject_line, report

COMPLETE = "To complete the load, run the same command again"


def model(**changes):
    values = dict(
        model="Product",
        source="products.csv",
        database="products",
        counts=Counts(read=3, inserted=2, rejected=1),
        is_stored=True,
        is_unconfirmed=False,
        rejects=(
            Reject(2, 3, {"id": "2", "name": "Łódź", "price": "-1"}, ["Price must be positive"]),
        ),
        rejects_file=None,
        seconds=0.5,
    )
    return ModelResult(**{**values, **changes})


def outcome(*models, seconds=0.75, **how):
    return Outcome(models, "thread", seconds, **how)


UNREAD = model(counts=Counts(), rejects=())


class ReportTests(SimpleTestCase):
    maxDiff = None

    def report(self, reported, samples=None, dry_run=False, **options):
        return list(report(reported, samples or {}, dry_run, **options))

    def test_rejects_are_a_python_list_with_their_places(self):
        lines = self.report(outcome(model()))
        self.assertEqual(
            lines,
            [
                "Product rejects: [",
                "  {'data': {'id': '2', 'name': 'Łódź', 'price': '-1'}, 'success': False, "
                "'errors': ['Price must be positive'], "
                "'file': 'products.csv', 'record': 2, 'line': 3},",
                "]",
                "",
                "Model    Database  Read  Inserted  Rejected  Seconds",
                "Product  products     3         2         1     0.50",
                "Total                 3         2         1     0.75",
                "Workers: one thread per model.",
            ],
        )
        [reject] = ast.literal_eval("".join(lines[:3]).partition(": ")[2])
        self.assertEqual(reject["data"]["name"], "Łódź")

    def test_the_rejects_that_are_not_listed_are_counted_and_their_file_is_named(self):
        rejects = tuple(Reject(n, n + 1, {}, ["No."]) for n in range(1, 21))
        many = model(
            counts=Counts(read=5003, inserted=1002, rejected=4001),
            rejects=rejects,
            rejects_file="rejects/products-2.csv",
            reasons={"Name cannot be empty": 3_000, "Price must be positive": 1_001},
        )
        differing = model(
            counts=Counts(read=3, inserted=2, ignored=1, differing=1),
            rejects=(),
            rejects_file="rejects/products.csv",
        )
        self.assertEqual(
            self.report(outcome(many, differing)),
            [
                "Product rejects: [",
                *(
                    "  {'data': {}, 'success': False, 'errors': ['No.'], "
                    f"'file': 'products.csv', 'record': {n}, 'line': {n + 1}}},"
                    for n in range(1, 21)
                ),
                "]",
                "... and 3,981 more, in rejects/products-2.csv",
                "By reason:",
                "  Name cannot be empty: 3,000",
                "  Price must be positive: 1,001",
                "",
                "Product rejects: [",
                "]",
                "Written to rejects/products.csv",
                "",
                "Model    Database   Read  Inserted  Ignored  Differing  Rejected  Seconds",
                "Product  products  5,003     1,002        0          0     4,001     0.50",
                "Product  products      3         2        1          1         0     0.50",
                "Total              5,006     1,004        1          1     4,001     0.75",
                "Workers: one thread per model.",
            ],
        )

    def test_where_no_file_has_the_rejects_that_are_not_listed_it_is_said_how_to_have_one(self):
        many = model(counts=Counts(read=9, inserted=2, rejected=7), reasons={"No.": 7})
        self.assertEqual(
            self.report(outcome(many))[2:6],
            [
                "]",
                "... and 6 more; to have them written to files, add --rejects DIR",
                "By reason:",
                "  No.: 7",
            ],
        )

    def reasons(self, number, **options):
        names = {f"Unknown field: {n}": 9 for n in range(1, number + 1)}
        lines = self.report(outcome(model(reasons=names)), **options)
        return lines[lines.index("By reason:") + 1 : lines.index("")]

    def test_ten_reasons_are_listed_and_the_others_counted(self):
        listed = [f"  Unknown field: {n}: 9" for n in range(1, 11)]
        self.assertEqual(self.reasons(10), listed)
        self.assertEqual(self.reasons(11), [*listed, "  ... and 1 other reason"])
        self.assertEqual(self.reasons(12, verbosity=2), [*listed, "  ... and 2 other reasons"])

    def test_a_reason_has_one_line_whatever_a_field_is_called(self):
        reasons = {"Unknown field: a\nb\x1b[2J": 1, "Unknown field: Größe '\"": 1}
        lines = self.report(outcome(model(reasons=reasons)))
        self.assertEqual(
            lines[lines.index("By reason:") :][1:4],
            ["  Unknown field: a\\nb\\x1b[2J: 1", "  Unknown field: Größe '\": 1", ""],
        )

    def test_verbosity_0_lists_no_records(self):
        rejected = model(rejects_file="rejects/products.csv", reasons={"Price must be positive": 1})
        whole = model(model="User", database="users", counts=Counts(read=2, inserted=2), rejects=())
        table = [
            "Model    Database  Read  Inserted  Rejected  Seconds",
            "User     users        2         2         0     0.50",
            "Product  products     3         2         1     0.50",
            "Total                 5         4         1     0.75",
            "Workers: one thread per model.",
        ]
        self.assertEqual(
            self.report(outcome(whole, rejected), verbosity=0),
            [
                "Written to rejects/products.csv",
                "Product rejects by reason:",
                "  Price must be positive: 1",
                "",
                *table,
            ],
        )
        samples = {"User": [{"id": 1}], "Product": [{"id": 2}]}
        self.assertEqual(self.report(outcome(whole, rejected), samples, verbosity=0), table)

    def test_a_dry_run_is_said(self):
        lines = self.report(outcome(model(is_stored=False)), dry_run=True)
        self.assertEqual(
            lines[-2:], ["Workers: one thread per model.", "Dry run: nothing was stored."]
        )

    def test_all_records_are_a_python_list(self):
        records = [{"id": n, "name": "Lamp", "price": 1.0} for n in (1, 2, 3)]
        self.assertEqual(
            self.report(outcome(model()), {"Product": records})[:6],
            [
                "Product insert results: [",
                "  {'data': {'id': 1, 'name': 'Lamp', 'price': 1.0}, "
                "'success': True, 'errors': None},",
                "  {'data': {'id': 2, 'name': 'Lamp', 'price': 1.0}, "
                "'success': False, 'errors': ['Price must be positive']},",
                "  {'data': {'id': 3, 'name': 'Lamp', 'price': 1.0}, "
                "'success': True, 'errors': None},",
                "]",
                "",
            ],
        )

    def test_no_record_is_a_success_that_was_rolled_back(self):
        rolled_back = outcome(model(is_stored=False), error=LoadError("Rolled back."))
        lines = self.report(rolled_back, {"Product": [{"id": 1}]})
        self.assertEqual(lines[0], "Product rejects: [")
        self.assertEqual(lines[-1], "Rolled back: nothing was stored.")

    def test_what_may_have_been_stored_is_not_said_to_be_rolled_back(self):
        unconfirmed = model(is_stored=False, is_unconfirmed=True)
        lost = outcome(unconfirmed, model(is_stored=False), error=LoadError("Lost."))
        self.assertEqual(self.report(lost)[-1], "Workers: one thread per model.")

    def test_databases_that_cannot_be_committed_together_are_said_so(self):
        rolled_back = model(is_stored=False)
        for models, last in (
            (
                [model()],
                "The databases were committed one after the other: only PostgreSQL servers, and "
                "at most one SQLite file beside them, can be committed together.",
            ),
            ([rolled_back], "Rolled back: nothing was stored."),
        ):
            with self.subTest(last=last):
                self.assertEqual(self.report(outcome(*models, is_atomic=False))[-1], last)

    def test_what_was_recovered_is_said_first_and_also_if_the_load_failed(self):
        recovered = ("Database 'orders': committed what an earlier load had prepared.",)
        self.assertEqual(self.report(outcome(model(), recovered=recovered))[0], recovered[0])
        failed = outcome(UNREAD, recovered=recovered, error=LoadError("Lost."))
        self.assertEqual(self.report(failed), [recovered[0]])

    def test_nothing_is_said_of_a_load_that_never_began(self):
        error = LoadError("products.csv: No such file or directory.")
        for how in ({"error": error}, {"signal": signal.SIGINT}):
            with self.subTest(how=how):
                self.assertEqual(self.report(outcome(UNREAD, **how)), [])

    def test_an_empty_file_has_a_summary(self):
        self.assertEqual(
            self.report(outcome(UNREAD)),
            [
                "Product rejects: [",
                "]",
                "",
                "Model    Database  Read  Inserted  Rejected  Seconds",
                "Product  products     0         0         0     0.50",
                "Total                 0         0         0     0.75",
                "Workers: one thread per model.",
            ],
        )


class SummaryTests(SimpleTestCase):
    def test_counts_that_are_zero_have_no_column_unless_they_always_have_one(self):
        counts = Counts(read=9_352, inserted=2, updated=1, unchanged=6, ignored=9_343, differing=4)
        self.assertEqual(
            list(
                counts_table(
                    outcome(model(model="Item", database="items", counts=counts)),
                    ("read", "rejected"),
                )
            ),
            [
                "Model  Database   Read  Inserted  Updated  Unchanged  Ignored  Differing  "
                "Rejected  Seconds",
                "Item   items     9,352         2        1          6    9,343          4  "
                "       0     0.50",
                "Total            9,352         2        1          6    9,343          4  "
                "       0     0.75",
            ],
        )
        counts = Counts(read=2, inserted=2)
        self.assertEqual(
            list(counts_table(outcome(model(counts=counts)), ("read", "rejected")))[:2],
            [
                "Model    Database  Read  Inserted  Rejected  Seconds",
                "Product  products     2         2         0     0.50",
            ],
        )


class RejectLineTests(SimpleTestCase):
    """A line is short whatever the record holds, and Python reads it back."""

    def line(self, data, errors=("No.",)):
        """Return the line for a record, and the data and errors that Python reads from it."""
        line = reject_line("a.csv", make_reject(1, 2, data, list(errors)))
        self.assertEqual((line[:2], line[-1:]), ("  ", ","))
        read = ast.literal_eval(line.strip().rstrip(","))
        self.assertEqual(
            list(read.items())[1::2][:1] + list(read.items())[3:],
            [("success", False), ("file", "a.csv"), ("record", 1), ("line", 2)],
        )
        return line, read["data"], read["errors"]

    def test_long_text_is_cut(self):
        _, data, errors = self.line({"name": "x" * 1_000, "n" * 1_001: "x" * 1_001}, ["e" * 5_000])
        self.assertEqual(
            data,
            {
                "name": "x" * 1_000,
                "n" * 1_000 + "... (1,001 characters)": "x" * 1_000 + "... (1,001 characters)",
            },
        )
        self.assertEqual(errors, ["e" * 1_000 + "... (5,000 characters)"])

    def test_twenty_fields_and_errors_are_shown_and_the_others_counted(self):
        names = [f"column {number}" for number in range(1, 1_025)]
        _, data, errors = self.line(dict.fromkeys(names, "x"), names)
        self.assertEqual(data, {**dict.fromkeys(names[:20], "x"), "...": "1,004 more"})
        self.assertEqual(errors, [*names[:20], "... and 1,004 more"])
        _, data, errors = self.line(dict.fromkeys(names[:20], "x"), names[:20])
        self.assertEqual((data, errors), (dict.fromkeys(names[:20], "x"), names[:20]))

    def test_huge_values_are_cut_and_small_ones_keep_their_type(self):
        small = {"a": [1, {"b": None}], "c": True, "d": 1.5, "e": {"f": []}}
        self.assertEqual(self.line(small)[1], small)
        numbers = list(range(5_000))
        _, data, _ = self.line({"a": numbers, "b": {"c": numbers}})
        for name, text in (("a", repr(numbers)), ("b", repr({"c": numbers}))):
            self.assertEqual(data[name], f"{text[:1_000]}... ({len(text):,} characters)")

    def test_a_line_has_a_bound(self):
        names = [str(number) * 3_000 for number in range(1_000)]
        line, _, _ = self.line(dict.fromkeys(names, "\U000e0001" * 3_000), names)
        self.assertLess(len(line), 300_000)

    def test_numbers_that_are_not_finite_are_text(self):
        _, data, _ = self.line({"a": math.inf, "b": -math.inf, "c": math.nan})
        self.assertEqual(data, {"a": "inf", "b": "-inf", "c": "nan"})

    def test_numbers_that_are_not_finite_are_read_back_from_within_other_values(self):
        _, data, _ = self.line({"a": [1, math.inf], "b": {"c": [-math.inf, math.nan]}})
        self.assertEqual(data, {"a": "[1, inf]", "b": "{'c': [-inf, nan]}"})

    def test_an_integer_of_many_digits_is_cut(self):
        _, data, _ = self.line({"a": 10**4_200})
        self.assertEqual(data, {"a": f"1{'0' * 999}... (4,201 characters)"})


class ConclusionTests(SimpleTestCase):
    def assert_ends(self, ended, status, text, on_conflict="error"):
        self.assertEqual((exit_status(ended), conclusion(ended, on_conflict)), (status, text))

    def test_everything_was_stored(self):
        whole = model(counts=Counts(read=2, inserted=2), rejects=())
        self.assertEqual(exit_status(outcome(whole)), 0)

    def test_rejects(self):
        self.assert_ends(outcome(model()), 3, "1 record was rejected.")
        self.assert_ends(outcome(model(), model()), 3, "2 records were rejected.")

    def test_a_failure_before_anything_was_stored(self):
        error = LoadError("products.csv: No such file or directory.")
        text = f"{error}\nNothing was stored."
        self.assert_ends(outcome(UNREAD, error=error), 1, text)
        self.assert_ends(outcome(model(is_stored=False), error=error), 1, text)

    def test_a_failure_says_what_was_stored_before_it_and_what_completes_the_load(self):
        failed = outcome(
            model(counts=Counts(read=1, rejected=1)),
            model(),
            model(model="User", counts=Counts(read=12_001, inserted=12_000, updated=1)),
            error=LoadError("Database 'orders': disk full"),
        )
        for on_conflict, option in (
            ("error", " with --on-conflict ignore"),
            ("ignore", " with --on-conflict ignore"),
            ("update", ""),
        ):
            with self.subTest(on_conflict=on_conflict):
                self.assert_ends(
                    failed,
                    1,
                    "Database 'orders': disk full\nStored before that: Product 2, User 12,001. "
                    f"{COMPLETE}{option}.",
                    on_conflict,
                )

    def test_what_is_not_confirmed_is_at_least_what_is_counted(self):
        self.assert_ends(
            outcome(model(is_unconfirmed=True), model(model="User"), error=LoadError("Lost.")),
            1,
            "Lost.\nStored before that: Product at least 2, User 2. "
            "More Product records may have been stored. "
            f"{COMPLETE} with --on-conflict ignore.",
        )

    def test_what_is_not_confirmed_may_have_been_stored(self):
        for lost in (
            model(counts=Counts(), is_unconfirmed=True),
            model(is_stored=False, is_unconfirmed=True),
        ):
            self.assert_ends(
                outcome(lost, error=LoadError("Lost.")),
                1,
                f"Lost.\nProduct records may have been stored. {COMPLETE}.",
                "update",
            )

    def test_an_interrupt(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            self.assert_ends(
                outcome(UNREAD, signal=number),
                status,
                f"Stopped by {number.name}. Nothing was stored.",
            )

    def test_a_failure_after_an_interrupt_is_a_failure(self):
        failed = outcome(UNREAD, error=LoadError("Disk full."), signal=signal.SIGINT)
        self.assert_ends(failed, 1, "Disk full.\nNothing was stored.")
