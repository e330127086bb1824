"""What holds of any input: found by Hypothesis, which requirements-dev.txt installs."""

import csv
import gzip
import io
import sys
import unittest
from unittest import mock

from django.core.management import CommandError, call_command

from distributed_insert.loading import Options, load
from distributed_insert.models import Order, Product, User
from distributed_insert.sources import MemorySource, open_source, text_file

from .cases import LoadTestCase, stored
from .datasets import ORDERS, PRODUCTS, USERS
from .sources.cases import FormatTestCase
from .sources.test_csv_rows import plainly_read
from .test_validation import RulesTestCase

try:
    from hypothesis import HealthCheck, example, given, settings
    from hypothesis import strategies as st
    from hypothesis.extra.django import TransactionTestCase
except ImportError as error:
    raise unittest.SkipTest(
        "Hypothesis is not installed. To enable these tests: pip install -r requirements-dev.txt"
    ) from error


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
    def assert_ends_well(self, name, content, batch_size=10):
        """No traceback whatever the file holds, and no reject without a reason.

        The load itself asserts that its counts agree.
        """
        path = self.file(name, content)
        try:
            call_command("populate_db", users=path, stdout=io.StringIO(), batch_size=batch_size)
        except CommandError as error:
            self.assertIn(error.returncode, (1, 3))
        outcome = load({USERS: open_source(path)}, Options(batch_size=batch_size))
        for reject in outcome.models[0].rejects:
            self.assertTrue(reject.errors and all(reject.errors), reject)

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


# NUL is not CSV before Python 3.11, and lone surrogates cannot be written to a file.
strings = st.one_of(
    st.text(alphabet="\r\n\t\"',;=+-@ '1.ax\u2028\x85\ufeff", max_size=8),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)
rows = st.lists(st.lists(strings, min_size=1, max_size=5), max_size=6)


class CsvTests(FormatTestCase):
    @relaxed
    @given(rows=rows, delimiter=st.sampled_from([",", ";", "\t"]), block_size=st.integers(1, 40))
    def test_rejects_are_loaded_again_as_they_were(self, rows, delimiter, block_size):
        file = io.StringIO()
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([["id", "name", "price"], *rows])
        source = self.opened(file.getvalue(), delimiter=delimiter)
        records = self.all_records(source)
        # The header has three columns; what is longer or shorter is kept as it is.
        self.assertEqual([raw for _, raw in records], rows)
        for _ in range(2):
            file = io.StringIO()
            source.write_rejects(file, [(*record, ["No."]) for record in records], True)
            with mock.patch.object(text_file, "BLOCK_SIZE", block_size):
                source = self.opened(file.getvalue(), delimiter=delimiter)
                records = self.all_records(source, 3)
            self.assertEqual([raw[2:] for _, raw in records], rows)

    @relaxed
    @given(
        content=st.lists(
            st.sampled_from(["a", ",", '"', "\n", '","', '"\n', "1,b,2\n", "\r\n", "\r"]),
            max_size=30,
        ).map("".join),
        block_size=st.integers(1, 40),
        size=st.integers(1, 9),
    )
    def test_any_file_is_read_as_by_the_plainest_reader(self, content, block_size, size):
        content = f"id,name,price\n{content}"
        with mock.patch.object(text_file, "BLOCK_SIZE", block_size):
            source = self.opened(content)
            self.assertEqual(self.all_records(source, size), plainly_read(content))


texts = st.one_of(
    st.sampled_from(RulesTestCase.texts), st.text(max_size=5), st.text("0159-.eE@ \n\t", max_size=6)
)
values = st.one_of(
    texts,
    st.sampled_from(RulesTestCase.values),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
)


class RuleTests(RulesTestCase):
    @relaxed
    @given(texts=st.lists(texts, min_size=1, max_size=6), values=st.lists(values, min_size=1))
    def test_of_any_column(self, texts, values):
        for name, rule, _, _ in self.rules():
            self.assert_same(rule, texts if name.endswith("TEXT") else values)


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
        return outcome.error, [(m.counts, m.rejects, m.reasons) for m in outcome.models], rows

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
