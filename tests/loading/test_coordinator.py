import threading
from unittest import mock

from django.db import OperationalError, connections
from django.db.backends.signals import connection_created

from distributed_insert.datasets import DATASETS
from distributed_insert.exceptions import LoadError
from distributed_insert.loading import worker as workers
from distributed_insert.loading.coordinator import load as load_with
from distributed_insert.loading.options import Options
from distributed_insert.loading.results import Counts, Reject
from distributed_insert.loading.worker import Worker
from distributed_insert.models import Order, Product, User
from distributed_insert.sources.base import MemorySource

from ..cases import LoadTestCase, stored

ORDERS, USERS, PRODUCTS = DATASETS


def load(sources, **options):
    return load_with(sources, Options(**options))


def users(*numbers):
    return [{"id": n, "name": f"User {n}", "email": f"{n}@example.com"} for n in numbers]


def products(*numbers):
    return [{"id": n, "name": f"Product {n}", "price": 1.0} for n in numbers]


def orders(*ids):
    return [
        {"id": n, "user_id": user, "product_id": product, "quantity": 1} for n, user, product in ids
    ]


def errors(model_result):
    return {reject.number: reject.errors for reject in model_result.rejects}


class SourceWith(MemorySource):
    """A source that calls a function, with the number of the batch from 1, before it reads it."""

    def __init__(self, records, before_read):
        super().__init__(records)
        self._before_read = before_read
        self._batch = 0

    def read(self, size):
        self._batch += 1
        self._before_read(self._batch)
        return super().read(size)


class ThreadTests(LoadTestCase):
    def test_the_three_models_are_loaded_at_the_same_time(self):
        barrier = threading.Barrier(3, timeout=60)
        threads = []

        def meet(batch):
            threads.append(threading.current_thread().name)
            if batch == 1:
                barrier.wait()

        load({dataset: SourceWith(dataset.sample, meet) for dataset in DATASETS})
        self.assertEqual(
            {name.rsplit("_", 1)[0] for name in threads},
            {"insert_users", "insert_products", "insert_orders"},
        )
        self.assertEqual([len(stored(model)) for model in (User, Product, Order)], [9, 9, 7])

    def test_each_database_is_touched_by_one_thread_and_its_connection_closed(self):
        created = []

        def remember(connection, **kwargs):
            created.append((connection, threading.current_thread().name))

        connections.close_all()
        connection_created.connect(remember)
        self.addCleanup(connection_created.disconnect, remember)
        load({dataset: MemorySource(dataset.sample) for dataset in DATASETS})
        self.assertEqual(
            sorted((connection.alias, name.rsplit("_", 1)[0]) for connection, name in created),
            [
                ("orders", "insert_orders"),
                ("products", "insert_products"),
                ("users", "insert_users"),
            ],
        )
        self.assertEqual([connection.connection for connection, _ in created], [None] * 3)

    def test_connections_are_closed_when_a_worker_fails(self):
        created = []

        def remember(connection, **kwargs):
            created.append(connection)

        def fail(batch):
            raise ZeroDivisionError("a bug")

        connections.close_all()
        connection_created.connect(remember)
        self.addCleanup(connection_created.disconnect, remember)
        with self.assertRaisesMessage(ZeroDivisionError, "a bug"):
            load({USERS: SourceWith([], fail), PRODUCTS: MemorySource([])})
        self.assertEqual([connection.connection for connection in created], [None, None])

    def test_twenty_runs_give_the_same_verdicts(self):
        sources = {dataset: dataset.sample for dataset in DATASETS}
        for size in (1, 2, 3, 10) * 5:
            with self.subTest(batch_size=size):
                outcome = load({d: MemorySource(s) for d, s in sources.items()}, batch_size=size)
                self.assertEqual(
                    [errors(model) for model in outcome.models],
                    [
                        {
                            8: ["Quantity must be positive"],
                            9: ["Quantity must be positive"],
                            10: [
                                "Invalid reference: user 10 does not exist",
                                "Invalid reference: product 11 does not exist",
                            ],
                        },
                        {10: ["Name cannot be empty"]},
                        {10: ["Price must be positive"]},
                    ],
                )
                self.assertEqual([len(stored(m)) for m in (User, Product, Order)], [9, 9, 7])
                for model in (User, Product, Order):
                    model.objects.all().delete()


class ReferenceTests(LoadTestCase):
    def test_orders_are_read_at_once_and_wait_for_all_of_their_parents(self):
        order_read = threading.Event()

        def users_until_an_order_is_read():
            for [user] in map(users, range(1, 2001)):
                yield user
                if order_read.is_set():
                    yield from users(9998, 9999)
                    return

        outcome = load(
            {
                ORDERS: SourceWith(
                    orders((1, 1, 1), (2, 9999, 1), (3, 8888, 1)), lambda batch: order_read.set()
                ),
                USERS: MemorySource(users_until_an_order_is_read()),
                PRODUCTS: MemorySource(products(1)),
            },
            batch_size=1,
        )
        self.assertEqual(
            errors(outcome.models[0]), {3: ["Invalid reference: user 8888 does not exist"]}
        )
        self.assertEqual(stored(Order), [(1, 1, 1, 1), (2, 9999, 1, 1)])

    def test_an_order_is_committed_after_its_parents(self):
        dangling = []

        def write(worker, *args):
            written = original(worker, *args)
            if worker.model is Order:
                dangling.extend(
                    order.pk
                    for order in Order.objects.all()
                    if not User.objects.filter(pk=order.user_id).exists()
                    or not Product.objects.filter(pk=order.product_id).exists()
                )
                connections.close_all()
            return written

        original = Worker.write
        with mock.patch.object(Worker, "write", write):
            load(
                {
                    ORDERS: MemorySource(orders(*((n, 41 - n, n) for n in range(1, 41)))),
                    USERS: MemorySource(users(*range(1, 41))),
                    PRODUCTS: MemorySource(products(*range(1, 41))),
                },
                batch_size=3,
            )
        self.assertEqual(dangling, [])
        self.assertEqual(len(stored(Order)), 40)

    def test_orders_alone_are_checked_against_what_is_stored(self):
        load({USERS: MemorySource(users(1)), PRODUCTS: MemorySource(products(1))})
        outcome = load({ORDERS: MemorySource(orders((1, 1, 1), (2, 2, 1), (3, 1, 3)))})
        self.assertEqual([model.model for model in outcome.models], ["Order"])
        self.assertEqual(
            errors(outcome.models[0]),
            {
                2: ["Invalid reference: user 2 does not exist"],
                3: ["Invalid reference: product 3 does not exist"],
            },
        )
        self.assertEqual(stored(Order), [(1, 1, 1, 1)])

    def test_one_question_per_batch_and_parent(self):
        load({USERS: MemorySource(users(1)), PRODUCTS: MemorySource(products(1))})
        asked = []
        original = Worker.missing

        def missing(worker, ids):
            asked.append((worker.model, sorted(ids)))
            return original(worker, ids)

        with mock.patch.object(Worker, "missing", missing):
            load({ORDERS: MemorySource(orders(*((n, 1, n) for n in range(1, 5))))}, batch_size=2)
        self.assertEqual(
            sorted((model.__name__, ids) for model, ids in asked if model is not Order),
            [("Product", [1, 2]), ("Product", [3, 4]), ("User", [1]), ("User", [1])],
        )


class VerdictTests(LoadTestCase):
    def test_all_errors_of_a_record_whatever_finds_them(self):
        load({ORDERS: MemorySource([])})
        Order.objects.create(id=1, user_id=1, product_id=1, quantity=1)
        record = {"id": 1, "user_id": 8, "product_id": 9, "quantity": 0, "colour": "red"}
        outcome = load({ORDERS: MemorySource([record])})
        self.assertEqual(
            outcome.models[0].rejects,
            (
                Reject(
                    number=1,
                    line=None,
                    data=record,
                    errors=[
                        "ID 1 already exists",
                        "Quantity must be positive",
                        "Invalid reference: user 8 does not exist",
                        "Invalid reference: product 9 does not exist",
                        "Unknown field: colour",
                    ],
                ),
            ),
        )

    def test_an_id_is_taken_by_the_first_record_that_is_stored(self):
        nameless = {"id": 1, "name": "", "email": "a@b"}
        records = [nameless, *users(1), nameless, *users(1)]
        for size in (1, 2, 3, 4):
            with self.subTest(batch_size=size):
                outcome = load({USERS: MemorySource(records)}, batch_size=size)
                self.assertEqual(
                    errors(outcome.models[0]),
                    {
                        1: ["Name cannot be empty"],
                        3: ["ID 1 already exists", "Name cannot be empty"],
                        4: ["ID 1 already exists"],
                    },
                )
                self.assertEqual(stored(User), [(1, "User 1", "1@example.com")])
                User.objects.all().delete()

    def test_every_record_is_counted_and_few_rejects_are_kept(self):
        records = [{"id": n, "name": "" if n > 3 else "Ann", "email": "a@b"} for n in range(1, 61)]
        [model] = load({USERS: MemorySource(records)}, batch_size=7).models
        self.assertEqual(model.counts, Counts(read=60, inserted=3, rejected=57))
        self.assertEqual([reject.number for reject in model.rejects], list(range(4, 24)))


class CountTests(LoadTestCase):
    def test_a_record_that_is_lost_is_no_small_matter(self):
        original = workers.insert

        def insert(model, using, rows):
            return original(model, using, rows)._replace(inserted=len(rows) - 1)

        with mock.patch.object(workers, "insert", insert):
            with self.assertRaisesMessage(RuntimeError, "User records were lost or counted twice"):
                load({USERS: MemorySource(users(1, 2))})


class CommitTests(LoadTestCase):
    def finished(self, fail=None):
        """Load all or nothing; return the outcome and the models whose commit was asked for."""
        asked = []
        original = Worker.finish

        def finish(worker, commit):
            if commit:
                asked.append(worker.model)
                if worker.model is fail:
                    raise OperationalError("database or disk is full")
            original(worker, commit)

        with mock.patch.object(Worker, "finish", finish):
            outcome = load(
                {
                    ORDERS: MemorySource(orders((1, 1, 1))),
                    USERS: MemorySource(users(1)),
                    PRODUCTS: MemorySource(products(1)),
                },
                all_or_nothing=True,
            )
        return outcome, asked

    def test_parents_are_committed_first(self):
        outcome, asked = self.finished()
        self.assertEqual(asked, [User, Product, Order])
        self.assertEqual([model.is_stored for model in outcome.models], [True, True, True])

    def test_a_commit_that_fails_keeps_those_before_it_and_rolls_back_the_rest(self):
        outcome, asked = self.finished(fail=Product)
        self.assertEqual(asked, [User, Product])
        self.assertEqual(str(outcome.error), "Database 'products': database or disk is full")
        self.assertEqual([model.is_stored for model in outcome.models], [False, True, False])
        self.assertEqual([len(stored(m)) for m in (User, Product, Order)], [1, 0, 0])


class FailureTests(LoadTestCase):
    def test_a_failing_database_keeps_what_was_committed_and_nothing_more(self):
        def insert(model, using, rows):
            insertion = original(model, using, rows)
            if rows[0][0] == 3:
                raise OperationalError("database or disk is full")
            return insertion

        original = workers.insert
        with mock.patch.object(workers, "insert", insert):
            outcome = load({USERS: MemorySource(users(*range(1, 7)))}, batch_size=2)
        self.assertEqual(str(outcome.error), "Database 'users': database or disk is full")
        [model] = outcome.models
        self.assertEqual(model.counts, Counts(read=2, inserted=2))
        self.assertEqual([values[0] for values in stored(User)], [1, 2])

    def test_orders_that_wait_for_a_failed_parent_are_not_written(self):
        def fail(batch):
            if batch == 2:
                raise LoadError("users.csv: Input/output error.")

        outcome = load(
            {
                ORDERS: MemorySource(orders((1, 2, 1))),
                USERS: SourceWith(users(1, 2), fail),
                PRODUCTS: MemorySource(products(1)),
            },
            batch_size=1,
        )
        self.assertEqual(str(outcome.error), "users.csv: Input/output error.")
        self.assertEqual(outcome.models[0].counts, Counts())
        self.assertEqual(stored(Order), [])
        self.assertEqual([values[0] for values in stored(User)], [1])

    def test_nothing_is_written_before_every_source_is_open(self):
        class Unreadable(MemorySource):
            def open(self, fields):
                raise LoadError("orders.csv: No such file or directory.")

        outcome = load({ORDERS: Unreadable([]), USERS: MemorySource(users(1))})
        self.assertEqual(str(outcome.error), "orders.csv: No such file or directory.")
        self.assertEqual(stored(User), [])
