import ast
import signal

from django.test import SimpleTestCase

from distributed_insert.exceptions import LoadError
from distributed_insert.loading.results import Counts, ModelResult, Reject
from distributed_insert.loading.results import Outcome as AnyOutcome
from distributed_insert.reports.text import conclusion, document, exit_status, report


def model(**changes):
    values = dict(
        model="Product",
        source="products.csv",
        database="products",
        counts=Counts(read=3, inserted=2, rejected=1),
        is_stored=True,
        rejects=(
            Reject(2, 3, {"id": "2", "name": "Łódź", "price": "-1"}, ["Price must be positive"]),
        ),
        rejects_file=None,
        seconds=0.5,
    )
    return ModelResult(**{**values, **changes})


def Outcome(models, seconds, error=None, signal=None):
    return AnyOutcome(models, "thread", seconds, error, signal)


UNREAD = model(counts=Counts(), rejects=())


class ReportTests(SimpleTestCase):
    def test_rejects_are_a_python_list_with_their_places(self):
        lines = list(report(Outcome((model(),), 0.75), {}, dry_run=False))
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
                "Workers: one thread a model.",
            ],
        )
        [reject] = ast.literal_eval("".join(lines[:3]).partition(": ")[2])
        self.assertEqual(reject["data"]["name"], "Łódź")

    def test_more_rejects_more_counts_and_a_dry_run_are_said(self):
        many = model(counts=Counts(read=5005, inserted=2, updated=1000, ignored=2, rejected=4001))
        lines = list(report(Outcome((many,), 1.0), {}, dry_run=True))
        self.assertEqual(
            lines[2:],
            [
                "]",
                "... and 4,000 more",
                "",
                "Model    Database   Read  Inserted  Updated  Ignored  Rejected  Seconds",
                "Product  products  5,005         2    1,000        2     4,001     0.50",
                "Total              5,005         2    1,000        2     4,001     1.00",
                "Workers: one thread a model.",
                "Dry run: nothing was stored.",
            ],
        )

    def test_all_records_are_a_python_list(self):
        records = [{"id": n, "name": "Lamp", "price": 1.0} for n in (1, 2, 3)]
        lines = list(report(Outcome((model(),), 0.5), {"Product": records}, dry_run=False))
        self.assertEqual(
            lines[:5],
            [
                "Product insert results: [",
                "  {'data': {'id': 1, 'name': 'Lamp', 'price': 1.0}, "
                "'success': True, 'errors': None},",
                "  {'data': {'id': 2, 'name': 'Lamp', 'price': 1.0}, "
                "'success': False, 'errors': ['Price must be positive']},",
                "  {'data': {'id': 3, 'name': 'Lamp', 'price': 1.0}, "
                "'success': True, 'errors': None},",
                "]",
            ],
        )

    def test_no_success_is_told_of_what_was_rolled_back(self):
        rolled_back = Outcome((model(is_stored=False),), 0.5, LoadError("Rolled back."))
        lines = list(report(rolled_back, {"Product": [{"id": 1}]}, dry_run=False))
        self.assertEqual(lines[0], "Product rejects: [")
        self.assertEqual(lines[-1], "Rolled back: nothing was stored.")

    def test_very_long_text_is_shortened(self):
        long = Reject(1, 2, {"name": "x" * 5_000}, ["No."])
        lines = list(report(Outcome((model(rejects=(long,)),), 0.5), {}, dry_run=False))
        self.assertIn(f"'{'x' * 1_000}... (5,000 characters)'", lines[1])

    def test_an_interrupt_before_the_first_batch_is_summed_up(self):
        lines = list(report(Outcome((UNREAD,), 0.1, signal=signal.SIGINT), {}, dry_run=False))
        self.assertEqual(lines[-2], "Total                 0         0         0     0.10")

    def test_nothing_is_told_of_a_load_that_never_began(self):
        outcome = Outcome((UNREAD,), 0.1, LoadError("products.csv: No such file or directory."))
        self.assertEqual(list(report(outcome, {}, dry_run=False)), [])

    def test_of_an_empty_file_the_summary_is_told(self):
        lines = list(report(Outcome((UNREAD,), 0.1), {}, dry_run=False))
        self.assertEqual(lines[:2], ["Product rejects: [", "]"])


class EndTests(SimpleTestCase):
    def assert_ends(self, outcome, status, text):
        self.assertEqual((exit_status(outcome), conclusion(outcome)), (status, text))

    def test_everything_went_in(self):
        whole = model(counts=Counts(read=2, inserted=2), rejects=())
        self.assertEqual(exit_status(Outcome((whole,), 0.1)), 0)

    def test_rejects(self):
        self.assert_ends(Outcome((model(),), 0.1), 3, "1 record was rejected.")
        self.assert_ends(Outcome((model(), model()), 0.1), 3, "2 records were rejected.")

    def test_a_failure_before_anything_was_stored(self):
        error = LoadError("products.csv: No such file or directory.")
        text = f"{error}\nNothing was stored."
        self.assert_ends(Outcome((UNREAD,), 0.1, error), 1, text)
        self.assert_ends(Outcome((model(is_stored=False),), 0.1, error), 1, text)

    def test_a_failure_says_what_was_stored_before_it(self):
        self.assert_ends(
            Outcome(
                (
                    model(counts=Counts(read=1, rejected=1)),
                    model(),
                    model(model="User", counts=Counts(read=12_001, inserted=12_000, updated=1)),
                ),
                0.1,
                LoadError("Database 'orders': disk full"),
            ),
            1,
            "Database 'orders': disk full\nStored before that: Product 2, User 12,001. "
            "To go on, load again with --on-conflict ignore.",
        )

    def test_an_interrupt(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            self.assert_ends(
                Outcome((UNREAD,), 0.1, signal=number),
                status,
                f"Stopped by {number.name}.\nNothing was stored.",
            )


class DocumentTests(SimpleTestCase):
    def test_the_document_has_the_whole_outcome(self):
        outcome = Outcome((model(rejects_file="rejects/products.csv"),), 1.23456)
        self.assertEqual(
            document(outcome, 3, {"batch_size": 10}),
            {
                "status": "complete",
                "exit_code": 3,
                "error": None,
                "workers": "thread",
                "seconds": 1.235,
                "options": {"batch_size": 10},
                "models": {
                    "product": {
                        "source": "products.csv",
                        "database": "products",
                        "read": 3,
                        "inserted": 2,
                        "updated": 0,
                        "ignored": 0,
                        "rejected": 1,
                        "stored": True,
                        "rejects_file": "rejects/products.csv",
                        "seconds": 0.5,
                    }
                },
            },
        )

    def test_the_status_says_how_it_ended(self):
        for code, status in (
            (0, "complete"),
            (1, "failed"),
            (3, "complete"),
            (130, "interrupted"),
            (143, "interrupted"),
        ):
            with self.subTest(code=code):
                self.assertEqual(document(Outcome((), 0.0), code, {})["status"], status)
