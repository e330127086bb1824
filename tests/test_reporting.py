import ast

from django.test import SimpleTestCase

from distributed_insert.reporting import failure, report
from distributed_insert.results import LoadError, ModelResult, Outcome, Reject


def model(**changes):
    values = dict(
        model="Product",
        source="products.csv",
        database="products",
        read=3,
        inserted=2,
        rejected=1,
        rejects=(
            Reject(2, 3, {"id": "2", "name": "Łódź", "price": "-1"}, ["Price must be positive"]),
        ),
        seconds=0.5,
    )
    return ModelResult(**{**values, **changes})


class ReportTests(SimpleTestCase):
    def test_rejects_are_a_python_list_with_their_places(self):
        lines = list(report(Outcome((model(),), 0.75), {}))
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
            ],
        )
        [reject] = ast.literal_eval("".join(lines[:3]).partition(": ")[2])
        self.assertEqual(reject["data"]["name"], "Łódź")

    def test_how_many_more_rejects_there_are_is_said(self):
        lines = list(report(Outcome((model(read=4003, inserted=2, rejected=4001),), 1.0), {}))
        self.assertEqual(
            lines[2:],
            [
                "]",
                "... and 4,000 more",
                "",
                "Model    Database   Read  Inserted  Rejected  Seconds",
                "Product  products  4,003         2     4,001     0.50",
                "Total              4,003         2     4,001     1.00",
            ],
        )

    def test_all_records_are_a_python_list_as_far_as_they_were_read(self):
        records = [{"id": n, "name": "Lamp", "price": 1.0} for n in (1, 2, 3, 4)]
        lines = list(report(Outcome((model(),), 0.5), {"Product": records}))
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

    def test_nothing_is_told_of_a_load_that_never_began(self):
        unread = model(read=0, inserted=0, rejected=0, rejects=())
        outcome = Outcome((unread,), 0.1, LoadError("products.csv: No such file or directory."))
        self.assertEqual(list(report(outcome, {})), [])
        self.assertEqual(
            failure(outcome), "products.csv: No such file or directory.\nNothing was written."
        )

    def test_a_failure_says_what_was_committed_before_it(self):
        outcome = Outcome(
            (model(model="Order", inserted=0), model(), model(model="User", inserted=12_000)),
            0.1,
            LoadError("Database 'orders': disk full"),
        )
        self.assertEqual(
            failure(outcome),
            "Database 'orders': disk full\nCommitted before that: Product 2, User 12,000.",
        )
