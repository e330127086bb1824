from django.test import SimpleTestCase

from distributed_insert.loading import most_frequent_first
from distributed_insert.loading.reasons import ReasonCounter
from distributed_insert.sources import open_source

from ..cases import LoadTestCase
from ..datasets import ORDERS, PRODUCTS, USERS
from .cases import load

COMMON = {"Name cannot be empty": 2, "ID already exists": 1}


class ReasonCounterTests(SimpleTestCase):
    def test_equal_reasons_are_counted_together(self):
        counter = ReasonCounter()
        for _ in range(2):
            reasons = ["Name cannot be empty", "ID already exists", "Name cannot be empty"]
            self.assertEqual(counter.count(reasons), COMMON)
        self.assertEqual(counter.count([]), {})

    def test_what_a_source_says_is_counted_without_what_differs(self):
        reasons = (
            "Malformed CSV: unexpected end of data",
            "Malformed CSV: more than 1,000 values",
            "Malformed JSON: Expecting ',' delimiter: line 1 column 3 at character 3",
            "1 value more than the header has columns",
            "1,234 values more than the header has columns",
            "Missing field: price",
            "Unknown field: Malformed: 7",
            "Unknown field: ",
            "2nd name cannot be empty",
            "Unknown field: 1 value more than the header has columns",
        )
        self.assertEqual(
            ReasonCounter().count(reasons),
            {
                "Malformed CSV": 2,
                "Malformed JSON": 1,
                "More values than the header has columns": 2,
                "Missing field: price": 1,
                "Unknown field: Malformed: 7": 1,
                "Unknown field: ": 1,
                "2nd name cannot be empty": 1,
                "Unknown field: 1 value more than the header has columns": 1,
            },
        )

    def test_the_first_hundred_reasons_are_named_whatever_the_batches(self):
        names = [f"Unknown field: {number}" for number in range(150)]
        reasons = [*names, *names[50:]]
        expected = {
            **dict.fromkeys(names[:50], 1),
            **dict.fromkeys(names[50:100], 2),
            "Other reasons": 100,
        }
        for size in (1, 7, 99, 100, 101, 1000):
            with self.subTest(size=size):
                counter, counts = ReasonCounter(), {}
                for start in range(0, len(reasons), size):
                    for name, number in counter.count(reasons[start : start + size]).items():
                        counts[name] = counts.get(name, 0) + number
                self.assertEqual(counts, expected)

    def test_long_reasons_are_cut_and_counted_together(self):
        long = "Unknown field: " + "x" * 1000
        self.assertEqual(
            ReasonCounter().count([long, long + "y", long[:100]]),
            {f"{long[:100]}...": 2, long[:100]: 1},
        )

    def test_the_most_frequent_comes_first_and_equal_ones_are_in_the_order_of_their_texts(self):
        counts = most_frequent_first({"b": 1, "c": 2, "a": 1})
        self.assertEqual(list(counts.items()), [("c", 2), ("a", 1), ("b", 1)])


class LoadTests(LoadTestCase):
    def reasons(self, **options):
        sources = {
            USERS: open_source(
                self.file(
                    "users.csv",
                    "id,name,email\n1,Ann,a@b\n1,,a@b\n1,Abe,a@b\n2,,x,y\n3,Ben\n"
                    '4,"Cid,c@d\n99999999999,Dee,d\n,Eve,e@f,1,2\n',
                )
            ),
            PRODUCTS: open_source(
                self.file(
                    "products.jsonl",
                    '{"id": 1, "name": "Lamp", "price": 1}\n{}\n7\n{"id": 2, "x": 1, "y\\n": 2}\n',
                )
            ),
            ORDERS: open_source(
                self.file(
                    "orders.csv",
                    "id,user_id,product_id,quantity\n1,1,1,1\n2,2,1,1\n3,3,2,0\n4,3,1,1\n",
                )
            ),
        }
        outcome = load(sources, **options)
        for model in (each.model for each in sources):
            model.objects.all().delete()
        self.assertEqual([model.counts.rejected for model in outcome.models], [7, 3, 3])
        return [list(model.reasons.items()) for model in outcome.models]

    def test_the_reasons_are_those_of_the_whole_load_whatever_the_batches_and_workers(self):
        expected = [
            [
                ("Email is not valid", 2),
                ("ID already exists", 2),
                ("More values than the header has columns", 2),
                ("Name cannot be empty", 2),
                ("ID must be a positive integer", 1),
                ("ID must be at most 2147483647", 1),
                ("Malformed CSV", 1),
                ("Missing field: email", 1),
            ],
            [
                ("Missing field: name", 2),
                ("Missing field: price", 2),
                ("Malformed JSON", 1),
                ("Missing field: id", 1),
                ("Unknown field: x", 1),
                ("Unknown field: y\n", 1),
            ],
            [
                ("Invalid reference: user does not exist", 3),
                ("Invalid reference: product does not exist", 1),
                ("Quantity must be positive", 1),
            ],
        ]
        for size in (1, 2, 3, 100):
            with self.subTest(batch_size=size):
                self.assertEqual(self.reasons(batch_size=size), expected)
        self.assertEqual(self.reasons(batch_size=2, workers="process"), expected)
