import json
import signal

from django.test import SimpleTestCase

from distributed_insert.exceptions import LoadError
from distributed_insert.loading import Counts
from distributed_insert.reports import document, running

from .test_text import model, outcome


class DocumentTests(SimpleTestCase):
    def test_the_document_has_the_whole_outcome(self):
        counts = Counts(
            read=12, inserted=2, updated=1, unchanged=3, ignored=5, differing=4, rejected=1
        )
        ended = outcome(
            model(
                counts=counts,
                rejects_file="rejects/products.csv",
                reasons={"Price must be positive": 1, "Missing field: name": 1},
            ),
            seconds=1.23456,
        )
        self.assertEqual(
            document(ended, 3, {"batch_size": 10}),
            {
                "status": "complete",
                "exit_code": 3,
                "error": None,
                "workers": "thread",
                "seconds": 1.235,
                "options": {"batch_size": 10},
                "atomic": True,
                "recovered": [],
                "models": {
                    "product": {
                        "source": "products.csv",
                        "database": "products",
                        "read": 12,
                        "inserted": 2,
                        "updated": 1,
                        "unchanged": 3,
                        "ignored": 5,
                        "differing": 4,
                        "rejected": 1,
                        "reasons": {"Price must be positive": 1, "Missing field: name": 1},
                        "stored": True,
                        "unconfirmed": False,
                        "rejects_file": "rejects/products.csv",
                        "seconds": 0.5,
                    }
                },
            },
        )

    def test_a_failure_has_its_reason_and_what_is_not_confirmed(self):
        lost = model(is_stored=False, is_unconfirmed=True)
        failed = document(outcome(lost, error=LoadError("Lost.")), 1, {})
        product = failed["models"]["product"]
        self.assertEqual(
            (failed["status"], failed["error"], product["stored"], product["unconfirmed"]),
            ("failed", "Lost.", False, True),
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
                self.assertEqual(document(outcome(), code, {})["status"], status)

    def test_every_document_begins_with_its_status(self):
        stopped = document(outcome(signal=signal.SIGTERM), 143, {})
        for each in (running({"batch_size": 10}), stopped):
            self.assertEqual(json.dumps(each, indent=2)[:13], '{\n  "status":')

    def test_a_load_that_has_not_ended_is_running(self):
        self.assertEqual(
            running({"batch_size": 10}), {"status": "running", "options": {"batch_size": 10}}
        )
