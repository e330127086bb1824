"""What holds of any input: found by Hypothesis, which requirements-dev.txt installs."""

import gzip
import io
import sys
import unittest

from django.core.management import CommandError, call_command

from distributed_insert.datasets import DATASETS
from distributed_insert.loading.coordinator import load
from distributed_insert.loading.options import Options
from distributed_insert.models import Order, Product, User
from distributed_insert.sources.base import MemorySource

from .cases import LoadTestCase, stored

try:
    from hypothesis import HealthCheck, example, given, settings
    from hypothesis import strategies as st
    from hypothesis.extra.django import TransactionTestCase
except ImportError as error:
    raise unittest.SkipTest(
        "Hypothesis is not installed. To enable these tests: pip install -r requirements-dev.txt"
    ) from error

ORDERS, USERS, PRODUCTS = DATASETS

relaxed = settings(
    deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), derandomize=True
)

cells = st.one_of(
    st.text(alphabet="0159-+.eE_ \"',;\r\n\t\x00=@aé\u2028\ud7ff", max_size=6),
    st.integers(-1, 12).map(str),
    st.sampled_from(["Ann", "a@b", "9.5", "NaN", "1e400", "9" * 400, "2147483648"]),
)
csv_like = st.lists(st.lists(cells, max_size=5).map(",".join), max_size=8).map(
    lambda lines: "\n".join(["id,name,email", *lines]).encode()
)
json_like = st.lists(
    st.one_of(
        st.sampled_from(['{"id": 1, "name": "Ann", "email": "a@b"}', "{", "[", "null", "[[[["]),
        st.fixed_dictionaries(
            {"id": st.sampled_from(["1", "2", "1.0", "NaN", "true", '"1"', "9" * 5000])},
            optional={"name": cells.map(ascii), "email": st.just('"a@b"'), "x": st.just("1")},
        ).map(lambda d: "{" + ", ".join(f'"{key}": {value}' for key, value in d.items()) + "}"),
    ),
    max_size=8,
).map(lambda lines: "\n".join(lines).encode())


def pieces(content):
    """The content, whole or cut off."""
    return st.sampled_from([content, content[:-1], content[: len(content) // 2], content[:3]])


class AnyBytesTests(TransactionTestCase, LoadTestCase):
    def assert_ends_well(self, name, content, **options):
        """No traceback whatever the file holds; the run itself asserts that its counts agree."""
        path = self.file(name, content)
        try:
            call_command("populate_db", users=path, stdout=io.StringIO(), **options)
        except CommandError as error:
            self.assertIn(error.returncode, (1, 3))

    @relaxed
    @given(content=st.one_of(st.binary(max_size=200), csv_like), batch_size=st.integers(1, 5))
    @example(content=b'id,name,email\n1,"Ann,a@b\n2,Ben,b@c\n"', batch_size=1)
    def test_as_csv(self, content, batch_size):
        self.assert_ends_well("users.csv", content, batch_size=batch_size)

    @relaxed
    @given(content=st.one_of(st.binary(max_size=200), json_like), batch_size=st.integers(1, 5))
    def test_as_json_lines(self, content, batch_size):
        self.assert_ends_well("users.jsonl", content, batch_size=batch_size)

    @relaxed
    @given(content=csv_like.map(gzip.compress).flatmap(pieces))
    def test_as_gzip(self, content):
        self.assert_ends_well("users.csv.gz", content)


ids = st.integers(0, 6)
users = st.lists(
    st.fixed_dictionaries(
        {"id": ids, "name": st.sampled_from(["Ann", "Ben", ""]), "email": st.just("a@b")}
    ),
    max_size=8,
)
products = st.lists(
    st.fixed_dictionaries(
        {"id": ids, "name": st.just("Lamp"), "price": st.sampled_from([1.0, 2.0, -1.0])}
    ),
    max_size=8,
)
orders = st.lists(
    st.fixed_dictionaries(
        {"id": ids, "user_id": ids, "product_id": ids, "quantity": st.sampled_from([1, 2, 0])}
    ),
    max_size=8,
)


class SameVerdictsTests(TransactionTestCase, LoadTestCase):
    def verdicts(self, records, on_conflict, batch_size):
        """Return every reject and every row, leaving the databases empty."""
        outcome = load(
            {dataset: MemorySource(r) for dataset, r in records.items()},
            Options(batch_size=batch_size, on_conflict=on_conflict),
        )
        rows = [stored(model) for model in (User, Product, Order)]
        for model in (User, Product, Order):
            model.objects.all().delete()
        return outcome.error, [(m.counts, m.rejects) for m in outcome.models], rows

    @relaxed
    @given(
        users=users,
        products=products,
        orders=orders,
        on_conflict=st.sampled_from(["error", "ignore", "update"]),
        batch_size=st.integers(1, 9),
        interval=st.sampled_from([1e-6, 1e-4, 5e-3]),
    )
    def test_whatever_the_batch_size_and_the_timing_of_threads(
        self, users, products, orders, on_conflict, batch_size, interval
    ):
        records = {ORDERS: orders, USERS: users, PRODUCTS: products}
        expected = self.verdicts(records, on_conflict, batch_size=100)
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(interval)
        self.assertEqual(self.verdicts(records, on_conflict, batch_size), expected)
