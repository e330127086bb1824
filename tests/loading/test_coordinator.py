import gc
import logging
import threading
from collections import OrderedDict, UserDict
from itertools import count
from pathlib import Path
from unittest import mock

from django.db import OperationalError, connections
from django.db.backends.signals import connection_created

from distributed_insert import executors, validation
from distributed_insert.datasets import DATASETS, Dataset
from distributed_insert.exceptions import GivenUp, Interrupted, LoadError
from distributed_insert.executors.thread import ThreadExecutor
from distributed_insert.loading import Counts, Options, Reject, coordinator, start
from distributed_insert.loading import load as load_with
from distributed_insert.loading import worker as worker_module
from distributed_insert.loading.base_worker import Worker
from distributed_insert.loading.worker import LoadingWorker
from distributed_insert.models import Order, Product, User
from distributed_insert.sources import MemorySource, open_source

from ..cases import LoadTestCase, stored
from ..datasets import ORDERS, PRODUCTS, USERS
from .cases import (
    MODELS,
    SourceWith,
    TriggerTestCase,
    errors,
    load,
    orders,
    products,
    users,
)


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
        self.assertEqual([len(stored(model)) for model in MODELS], [9, 9, 7])

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

    def test_the_connections_of_the_caller_are_left_as_they_are(self):
        for alias in ("users", "products", "orders"):
            connections[alias].ensure_connection()
        before = [connections[alias].connection for alias in ("users", "products", "orders")]
        load({dataset: MemorySource(dataset.sample) for dataset in DATASETS})
        self.assertEqual(
            [connections[alias].connection for alias in ("users", "products", "orders")], before
        )
        self.assertEqual(len(stored(User)), 9)

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
                self.assertEqual([len(stored(m)) for m in MODELS], [9, 9, 7])
                for model in MODELS:
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

    def test_orders_wait_also_for_the_parent_that_finishes_last(self):
        for last in (USERS, PRODUCTS):
            with self.subTest(last=last.name):
                first_is_read = threading.Event()

                def wait(batch, first_is_read=first_is_read):
                    # The batches after that keep the last parent busy, while the first is at its
                    # end for everybody to know.
                    self.assertTrue(first_is_read.wait(60))

                def note(batch, first_is_read=first_is_read):
                    if batch == 2:
                        first_is_read.set()

                records = {USERS: users, PRODUCTS: products}
                [first] = {USERS, PRODUCTS} - {last}
                outcome = load(
                    {
                        ORDERS: MemorySource(orders((1, 1, 1), (2, 1, 1))),
                        first: SourceWith(records[first](1), note),
                        last: SourceWith(records[last](*range(50, 0, -1)), wait),
                    },
                    batch_size=1,
                )
                self.assertEqual([errors(model) for model in outcome.models], [{}, {}, {}])
                self.assertEqual(stored(Order), [(1, 1, 1, 1), (2, 1, 1, 1)])
                for model in MODELS:
                    model.objects.all().delete()

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

        original = LoadingWorker.write
        with mock.patch.object(LoadingWorker, "write", write):
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

    def test_a_record_is_a_mapping_of_any_type(self):
        rejects = self.folder / "rejects"
        first, second = users(1, 2)
        records = [OrderedDict(first), UserDict(second), None, [3, "Cid", "c@d"]]
        [model] = load({USERS: MemorySource(records)}, rejects=str(rejects)).models
        reason = "Record is not a mapping of fields"
        self.assertEqual(
            model.rejects,
            (
                Reject(number=3, line=None, data={"text": "None"}, errors=[reason]),
                Reject(number=4, line=None, data={"text": "[3, 'Cid', 'c@d']"}, errors=[reason]),
            ),
        )
        self.assertEqual(stored(User), [tuple(first.values()), tuple(second.values())])
        self.assertEqual(
            Path(model.rejects_file).read_text(),
            f'{{"_text": "None", "_line": null, "_errors": ["{reason}"]}}\n'
            f'{{"_text": "[3, \'Cid\', \'c@d\']", "_line": null, "_errors": ["{reason}"]}}\n',
        )

    def test_every_record_is_counted_and_few_rejects_are_kept(self):
        records = [{"id": n, "name": "" if n > 3 else "Ann", "email": "a@b"} for n in range(1, 61)]
        [model] = load({USERS: MemorySource(records)}, batch_size=7).models
        self.assertEqual(model.counts, Counts(read=60, inserted=3, rejected=57))
        self.assertEqual([reject.number for reject in model.rejects], list(range(4, 24)))

    def test_all_rejects_are_kept_if_they_are_asked_for(self):
        source = MemorySource([{}] * 500)
        outcome = load_with({USERS: source}, Options(batch_size=7), kept_rejects=None)
        self.assertEqual([r.number for r in outcome.models[0].rejects], list(range(1, 501)))


class CountTests(LoadTestCase):
    def test_a_record_without_a_reason_to_be_rejected_is_an_error(self):
        class ForgetfulSource(MemorySource):
            """A source that does not say what is wrong with a record."""

            def fields(self, raw):
                values, errors = super().fields(raw)
                return values, errors if self.is_reading else []

            def read(self, size):
                self.is_reading = True
                records = super().read(size)
                self.is_reading = False
                return records

        with self.assertRaises(RuntimeError) as caught:
            load({USERS: ForgetfulSource([*users(1), {"id": 2}])})
        self.assertEqual(str(caught.exception), "No reason to reject {'id': 2}")


class MaxErrorsTests(LoadTestCase):
    """Of two models that have a reject each, one has to wait until the other has been written."""

    def loaded(self, max_errors):
        """Write products when users are being written; return the counts and what is stored."""
        is_writing, has_read = threading.Event(), threading.Event()

        def write(worker, *args):
            if worker.model is User:
                is_writing.set()
                self.assertTrue(has_read.wait(60))
            return original(worker, *args)

        def before_read(batch):
            # The second batch is read when the first one is to be written.
            if batch == 1:
                self.assertTrue(is_writing.wait(60))
            has_read.set() if batch == 2 else None

        original = LoadingWorker.write
        with mock.patch.object(LoadingWorker, "write", write):
            outcome = load(
                {
                    USERS: MemorySource([*users(1), {**users(2)[0], "name": ""}]),
                    PRODUCTS: SourceWith([*products(1), {"id": 2}], before_read),
                },
                max_errors=max_errors,
            )
        self.assertEqual(
            str(outcome.error),
            f"Gave up: more records were rejected than --max-errors {max_errors} allows. "
            "Fix them or allow more before you run it again.",
        )
        return [model.counts for model in outcome.models], stored(User), stored(Product)

    def test_the_second_model_is_left_what_the_first_has_not_used(self):
        self.assertEqual(
            self.loaded(1),
            (
                [Counts(2, 1, rejected=1), Counts(1, rejected=1)],
                [(1, "User 1", "1@example.com")],
                [],
            ),
        )

    def test_the_second_model_is_not_written_if_the_first_has_used_up_all(self):
        self.assertEqual(self.loaded(0), ([Counts(1, rejected=1), Counts()], [], []))


class OneTransactionTests(LoadTestCase):
    def loaded(self, **options):
        """Load all or nothing; return the outcome and the jobs that concern transactions."""
        jobs = []

        def recording(name):
            original = getattr(LoadingWorker, name)

            def job(worker, *args):
                jobs.append((name, worker.model))
                return original(worker, *args)

            return mock.patch.object(LoadingWorker, name, job)

        # The same on every kind of database.
        one_by_one = mock.patch.multiple(
            "distributed_insert.loading.all_or_nothing",
            deciding=lambda aliases: None,
            can_prepare=lambda alias: True,
        )
        with one_by_one, recording("begin"), recording("prepare"), recording("commit"):
            outcome = load(
                {
                    ORDERS: MemorySource(orders((1, 1, 1))),
                    USERS: MemorySource(users(1)),
                    PRODUCTS: MemorySource(products(1)),
                },
                **options,
            )
        return outcome, jobs

    def test_transactions_begin_in_one_order_and_parents_are_committed_first(self):
        outcome, jobs = self.loaded(all_or_nothing=True)
        self.assertEqual((outcome.error, outcome.is_atomic), (None, False))
        self.assertEqual(jobs[:3], [("begin", Order), ("begin", Product), ("begin", User)])
        self.assertEqual(
            set(jobs[3:6]), {("prepare", Order), ("prepare", Product), ("prepare", User)}
        )
        self.assertEqual(jobs[6:], [("commit", User), ("commit", Product), ("commit", Order)])
        self.assertEqual([model.is_stored for model in outcome.models], [True, True, True])
        self.assertEqual([len(stored(model)) for model in MODELS], [1, 1, 1])

    def test_a_dry_run_commits_nothing(self):
        outcome, jobs = self.loaded(dry_run=True)
        self.assertEqual((outcome.error, outcome.is_atomic), (None, True))
        self.assertEqual([name for name, _ in jobs], ["begin"] * 3)
        self.assertEqual([model.is_stored for model in outcome.models], [False] * 3)
        self.assertEqual([model.counts for model in outcome.models], [Counts(1, 1)] * 3)
        self.assertEqual([stored(model) for model in MODELS], [[], [], []])

    def test_a_reject_rolls_everything_back(self):
        outcome = load(
            {
                USERS: MemorySource([*users(1), {**users(2)[0], "name": ""}]),
                PRODUCTS: MemorySource(products(1)),
            },
            all_or_nothing=True,
        )
        self.assertEqual(str(outcome.error), "Rolled back: 1 record was rejected.")
        self.assertEqual([model.is_stored for model in outcome.models], [False, False])
        self.assertEqual([stored(model) for model in MODELS], [[], [], []])

    def test_a_model_is_committed_without_the_parents_of_its_parent(self):
        order = Dataset(Order, validation.order_rules, (), {"user_id": User})
        product = Dataset(Product, validation.product_rules, (), {"id": Order})
        Order.objects.create(id=1, user_id=8, product_id=9, quantity=1)
        with mock.patch.object(start, "DATASETS", (order, USERS, product)):
            outcome = load({product: MemorySource(products(1))}, all_or_nothing=True)
        self.assertEqual(
            [(model.model, model.counts, model.is_stored) for model in outcome.models],
            [("Product", Counts(read=1, inserted=1), True)],
        )
        self.assertIsNone(outcome.error)
        self.assertEqual(stored(Product), [(1, "Product 1", 1.0)])

    def test_if_one_transaction_cannot_be_committed_none_is(self):
        def prepare(worker, gid):
            if worker.model is Order:
                raise LoadError("Database 'orders' can no longer commit its transaction.")

        with mock.patch.object(LoadingWorker, "prepare", prepare):
            outcome, jobs = self.loaded(all_or_nothing=True)
        self.assertEqual(
            str(outcome.error), "Database 'orders' can no longer commit its transaction."
        )
        self.assertEqual([model.is_stored for model in outcome.models], [False] * 3)
        self.assertEqual([stored(model) for model in MODELS], [[], [], []])


class FailedCommitTests(TriggerTestCase):
    sources = {"users": users(1), "products": products(1), "orders": orders((1, 1, 1))}

    def loaded(self, **options):
        return load(
            {dataset: MemorySource(self.sources[dataset.plural]) for dataset in DATASETS},
            **options,
        )

    def test_a_commit_that_fails_keeps_those_before_it_and_rolls_back_the_rest(self):
        self.refuse_commits(Product)
        outcome = self.loaded(all_or_nothing=True)
        self.assertEqual(str(outcome.error), "Database 'products': FOREIGN KEY constraint failed")
        self.assertEqual(
            [(m.model, m.is_stored, m.is_unconfirmed) for m in outcome.models],
            [("Order", False, False), ("User", True, False), ("Product", False, True)],
        )
        self.assertEqual([len(stored(model)) for model in MODELS], [1, 0, 0])

    def test_a_batch_whose_commit_fails_is_unconfirmed_and_not_counted(self):
        self.refuse_commits(User, "NEW.id = 3")
        outcome = load({USERS: MemorySource(users(*range(1, 7)))}, batch_size=2)
        self.assertEqual(str(outcome.error), "Database 'users': FOREIGN KEY constraint failed")
        [model] = outcome.models
        self.assertEqual(
            (model.counts, model.is_stored, model.is_unconfirmed), (Counts(2, 2), True, True)
        )
        self.assertEqual([row[0] for row in stored(User)], [1, 2])

    def test_a_load_without_such_a_failure_is_confirmed(self):
        self.assertEqual(
            [model.is_unconfirmed for model in self.loaded().models], [False, False, False]
        )


class TriggerTests(TriggerTestCase):
    """What is reported as stored is stored, and what is not is not."""

    ended = "Database 'users' ended the transaction by itself, as a trigger can: gone"

    def assert_ended(self, event, on_conflict):
        self.trigger(event, "RAISE(ROLLBACK, 'gone')", "NEW.id = 4")
        old = (4, "Old", "a@b")
        for all_or_nothing in (False, True):
            with self.subTest(all_or_nothing=all_or_nothing):
                User.objects.all().delete()
                if event == "UPDATE":
                    User.objects.create(id=old[0], name=old[1], email=old[2])
                outcome = load(
                    {
                        USERS: MemorySource(users(*range(1, 9))),
                        ORDERS: MemorySource(orders((1, 1, 1))),
                    },
                    batch_size=2,
                    on_conflict=on_conflict,
                    all_or_nothing=all_or_nothing,
                )
                self.assertEqual(str(outcome.error), self.ended)
                model = next(model for model in outcome.models if model.model == "User")
                self.assertEqual(
                    (model.counts, model.is_stored, model.is_unconfirmed),
                    (Counts(2, 2), not all_or_nothing, False),
                )
                new = [row for row in stored(User) if row != old]
                self.assertEqual([row[0] for row in new], [] if all_or_nothing else [1, 2])
                self.assertEqual(stored(Order), [])

    def test_an_insert_that_ends_the_transaction(self):
        self.assert_ended("INSERT", "error")

    def test_an_update_that_ends_the_transaction(self):
        self.assert_ended("UPDATE", "update")

    def test_a_row_that_is_left_out_is_rejected_and_an_order_of_it_too(self):
        self.trigger("INSERT", "RAISE(IGNORE)", "NEW.id = 2")
        outcome = load(
            {
                ORDERS: MemorySource(orders((1, 1, 1), (2, 2, 1))),
                USERS: MemorySource(users(1, 2, 3)),
                PRODUCTS: MemorySource(products(1)),
            }
        )
        self.assertIsNone(outcome.error)
        self.assertEqual(
            [(model.counts, errors(model)) for model in outcome.models],
            [
                (Counts(2, 1, rejected=1), {2: ["Invalid reference: user 2 does not exist"]}),
                (
                    Counts(3, 2, rejected=1),
                    {2: ["Refused by the database: the row was skipped, possibly by a trigger"]},
                ),
                (Counts(1, 1), {}),
            ],
        )
        self.assertEqual([len(stored(model)) for model in MODELS], [2, 1, 1])


class FailureTests(LoadTestCase):
    def test_a_failing_database_keeps_what_was_committed_and_nothing_more(self):
        def insert(model, using, columns):
            insertion = original(model, using, columns)
            if columns[0][0] == 3:
                raise OperationalError("database or disk is full")
            return insertion

        original = worker_module.insert_all
        with mock.patch.object(worker_module, "insert_all", insert):
            outcome = load({USERS: MemorySource(users(*range(1, 7)))}, batch_size=2)
        self.assertEqual(str(outcome.error), "Database 'users': database or disk is full")
        [model] = outcome.models
        self.assertEqual(model.counts, Counts(read=2, inserted=2))
        self.assertEqual((model.is_stored, model.is_unconfirmed), (True, False))
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

    def test_nothing_is_written_before_every_source_is_checked_to_its_end(self):
        class BadInItsThirdPart(MemorySource):
            parts = 0

            def check(self):
                self.parts += 1
                if self.parts == 3:
                    raise LoadError("products.csv: not UTF-8.")
                return True

        products_source = BadInItsThirdPart([])
        outcome = load({PRODUCTS: products_source, USERS: MemorySource(users(1))})
        self.assertEqual(str(outcome.error), "products.csv: not UTF-8.")
        self.assertEqual(products_source.parts, 3)
        self.assertEqual(stored(User), [])

    def test_an_error_of_the_callers_own_function_is_raised_as_it_is(self):
        error = OSError(28, "No space left on device")

        def fail(*progress):
            raise error

        with self.assertRaises(OSError) as caught:
            load_with({USERS: MemorySource(users(1, 2))}, Options(batch_size=1), on_progress=fail)
        self.assertIs(caught.exception, error)
        self.assertEqual(stored(User), [(1, "User 1", "1@example.com")])

    def test_all_reasons_are_given_once_each(self):
        paths = [str(self.folder / name) for name in ("users.csv", "products.csv")]
        outcome = load({USERS: open_source(paths[0]), PRODUCTS: open_source(paths[1])})
        self.assertEqual(
            str(outcome.error), "\n".join(f"{path}: No such file or directory." for path in paths)
        )
        missing = [open_source(paths[0]), open_source(paths[0])]
        outcome = load(dict(zip((USERS, PRODUCTS), missing)))
        self.assertEqual(str(outcome.error), f"{paths[0]}: No such file or directory.")

    def test_a_file_that_changes_while_it_is_read_ends_the_load(self):
        lines = [f"{number},Ann,a@b\n" for number in range(1, 100_001)]
        path = self.file("users.csv", "id,name,email\n" + "".join(lines))
        size = len("id,name,email\n" + "".join(lines))

        def on_progress(dataset, counts, share_read):
            if counts.read == 1000:
                with open(path, "r+b") as file:
                    file.truncate(size - 9)

        outcome = load_with(
            {USERS: open_source(path)}, Options(batch_size=1000), on_progress=on_progress
        )
        self.assertEqual(
            str(outcome.error),
            f"{path}: changed while it was read: it had {size:,} bytes, and now has "
            f"{size - 9:,}. Load it again when no program is writing to it.",
        )
        [model] = outcome.models
        self.assertEqual(model.counts, Counts(read=len(stored(User)), inserted=len(stored(User))))
        self.assertEqual([row[0] for row in stored(User)], list(range(1, model.counts.read + 1)))


class SecondsTests(LoadTestCase):
    def test_the_seconds_of_a_model_are_those_to_its_last_batch(self):
        readings = [10.0, 11.0, 13.0, 17.0, 25.0]
        time = mock.Mock(perf_counter=mock.Mock(side_effect=readings))
        with mock.patch.object(coordinator, "time", time), mock.patch.object(start, "time", time):
            outcome = load({USERS: MemorySource(users(1, 2))}, batch_size=1)
        self.assertEqual((outcome.seconds, outcome.models[0].seconds), (15.0, 6.0))


class SilentSource(MemorySource):
    """Stands for standard input of which nothing more comes after these records."""

    is_stream = True

    def __init__(self, records, *, waits_for="read"):
        super().__init__(records)
        self.is_silent = threading.Event()
        self._waits_for = waits_for
        self._is_given_up = threading.Event()

    def check(self):
        if self._waits_for == "check":
            self._wait()
        return False

    def read(self, size):
        return super().read(size) or self._wait()

    def _wait(self):
        self.is_silent.set()
        self._is_given_up.wait()
        raise GivenUp

    def give_up(self):
        self._is_given_up.set()


class SilentSourceTests(LoadTestCase):
    def test_what_was_read_and_other_models_are_stored_while_it_is_silent(self):
        for max_errors in (None, 9):
            with self.subTest(max_errors=max_errors):
                source = SilentSource(users(1, 2, 3))
                products = [{"id": n, "name": "Lamp", "price": 1.0} for n in range(1, 51)]
                found = {}

                def note(dataset, counts, share_read, found=found):
                    found[dataset] = counts.inserted

                outcome = load_with(
                    {USERS: source, PRODUCTS: MemorySource(products)},
                    Options(batch_size=1, max_errors=max_errors),
                    # All there is has been stored.
                    stopped_by=lambda found=found: 15 if sum(found.values()) == 53 else None,
                    on_progress=note,
                )
                self.assertEqual((outcome.signal, outcome.error), (15, None))
                self.assertEqual(len(stored(User)), 3)
                User.objects.all().delete()
                Product.objects.all().delete()

    def test_a_signal_ends_the_wait_and_what_was_read_before_is_stored(self):
        for all_or_nothing in (False, True):
            with self.subTest(all_or_nothing=all_or_nothing):
                source = SilentSource(users(1, 2, 3))
                progress = []
                outcome = load_with(
                    {ORDERS: MemorySource(orders((1, 1, 1))), USERS: source},
                    Options(batch_size=2, all_or_nothing=all_or_nothing),
                    stopped_by=lambda source=source: 15 if source.is_silent.is_set() else None,
                    on_progress=lambda *what, progress=progress: progress.append(what),
                )
                self.assertEqual((outcome.signal, outcome.error), (15, None))
                self.assertEqual(
                    [model.counts for model in outcome.models],
                    [Counts(), Counts(read=3, inserted=3)],
                )
                self.assertEqual(len(stored(User)), 0 if all_or_nothing else 3)
                self.assertEqual(progress, [(USERS, Counts(read=n, inserted=n), 0) for n in (2, 3)])
                User.objects.all().delete()

    def test_a_batch_is_stored_while_nothing_comes_after_it(self):
        progress = []
        outcome = load_with(
            {USERS: SilentSource(users(1, 2))},
            Options(batch_size=2),
            stopped_by=lambda: 15 if progress else None,
            on_progress=lambda *what: progress.append(what),
        )
        self.assertEqual(outcome.signal, 15)
        self.assertEqual([row[0] for row in stored(User)], [1, 2])

    def test_a_signal_ends_the_wait_for_a_header(self):
        source = SilentSource(users(1), waits_for="check")
        outcome = load_with(
            {USERS: source},
            Options(),
            stopped_by=lambda: 15 if source.is_silent.is_set() else None,
        )
        self.assertEqual((outcome.signal, outcome.error), (15, None))
        self.assertEqual(stored(User), [])

    def test_the_failure_of_another_model_ends_the_wait(self):
        def fail(batch):
            source.is_silent.wait()
            raise LoadError("Disk full.")

        source = SilentSource(users(1))
        outcome = load_with({USERS: source, PRODUCTS: SourceWith([], fail)}, Options())
        self.assertEqual((str(outcome.error), outcome.signal), ("Disk full.", None))
        self.assertEqual([row[0] for row in stored(User)], [1])


class InterruptionTests(LoadTestCase):
    """A worker whose database does not answer is interrupted when the load is to stop."""

    def hanging(self, job, model, error=None):
        """Have a job of a model's worker wait for an interruption, and then fail."""
        original = getattr(LoadingWorker, job)
        self.is_waiting = threading.Event()

        def hang(worker, *args):
            if worker.model is not model:
                return original(worker, *args)
            self.is_waiting.set()
            # The event behind the function: what is waited for is not polled.
            self.assertTrue(worker.is_interrupted.__self__.wait(60))
            raise error or Interrupted("Database 'users': the server has not answered for 2 s.")

        return mock.patch.object(LoadingWorker, job, hang)

    def load(self, stopped_by=lambda: None, before_read=lambda batch: None, **options):
        return load_with(
            {
                ORDERS: MemorySource(orders((1, 1, 1))),
                USERS: MemorySource(users(1, 2)),
                PRODUCTS: SourceWith(products(1, 2), before_read),
            },
            Options(batch_size=1, workers="thread", **options),
            stopped_by=stopped_by,
        )

    def signal(self):
        return 15 if self.is_waiting.is_set() else None

    def test_a_signal_ends_a_write_that_hangs(self):
        with self.hanging("write", User):
            outcome = self.load(self.signal)
        self.assertEqual((outcome.signal, outcome.error), (15, None))
        self.assertEqual((stored(User), stored(Order)), ([], []))

    def test_a_signal_that_is_told_once_ends_a_write_that_hangs(self):
        told = []

        def stopped_by():
            if self.is_waiting.is_set() and not told:
                told.append(15)
                return 15
            return None

        with self.hanging("write", User):
            outcome = self.load(stopped_by)
        self.assertEqual((outcome.signal, outcome.error), (15, None))

    def test_a_signal_ends_the_last_write(self):
        with self.hanging("write", Order):
            outcome = self.load(self.signal)
        self.assertEqual((outcome.signal, outcome.error), (15, None))
        self.assertEqual([len(stored(model)) for model in MODELS], [2, 2, 0])

    def test_a_signal_during_the_opening_leaves_nothing_to_recover_or_begin(self):
        """Either could wait for another load."""
        original, is_open = LoadingWorker.open, threading.Event()

        def open_(worker):
            is_open.set()
            return original(worker)

        with mock.patch.object(LoadingWorker, "open", open_), mock.patch.multiple(
            LoadingWorker, prepared=mock.DEFAULT, begin=mock.DEFAULT
        ) as jobs:
            outcome = self.load(lambda: 15 if is_open.is_set() else None, all_or_nothing=True)
        self.assertEqual((outcome.signal, outcome.error), (15, None))
        self.assertEqual([job.called for job in jobs.values()], [False, False])

    def test_no_transaction_begins_in_a_load_that_cannot_begin(self):
        with mock.patch.object(LoadingWorker, "begin") as begin:
            with mock.patch.object(LoadingWorker, "open", side_effect=LoadError("No table.")):
                outcome = self.load(all_or_nothing=True)
        self.assertEqual(str(outcome.error), "No table.")
        begin.assert_not_called()

    def test_a_signal_ends_an_opening_that_hangs(self):
        with self.hanging("open", User):
            outcome = self.load(self.signal)
        self.assertEqual((outcome.signal, outcome.error), (15, None))
        self.assertEqual([stored(model) for model in MODELS], [[], [], []])

    def test_a_failure_ends_what_hangs_and_is_the_one_message(self):
        def fail(worker, *args):
            if worker.model is Product:
                self.is_waiting.wait()
                raise LoadError("products.csv: Input/output error.")
            return original(worker, *args)

        for hangs, fails in (("write", "read"), ("open", "open")):
            with self.subTest(hangs=hangs), self.hanging(hangs, User):
                original = getattr(LoadingWorker, fails)
                with mock.patch.object(LoadingWorker, fails, fail):
                    outcome = self.load()
                self.assertEqual(
                    (str(outcome.error), outcome.signal),
                    ("products.csv: Input/output error.", None),
                )

    def test_an_error_that_is_met_after_a_signal_is_told(self):
        with self.hanging("write", User, LoadError("Database 'users': disk full")):
            outcome = self.load(self.signal)
        self.assertEqual((str(outcome.error), outcome.signal), ("Database 'users': disk full", 15))

    def test_an_error_of_a_file_that_is_met_after_a_signal_is_told(self):
        with self.hanging("read", User, LoadError("users.csv: Input/output error.")):
            outcome = self.load(self.signal)
        self.assertEqual(
            (str(outcome.error), outcome.signal), ("users.csv: Input/output error.", 15)
        )

    def test_a_signal_while_the_last_batch_is_written_leaves_nothing_to_be_committed(self):
        original = LoadingWorker.write
        signals = []

        def write(worker, *args):
            if worker.model is Order:
                signals.append(15)
            return original(worker, *args)

        with mock.patch.object(LoadingWorker, "write", write):
            outcome = self.load(lambda: signals[0] if signals else None, all_or_nothing=True)
        self.assertEqual((outcome.signal, outcome.error), (15, None))
        self.assertEqual([stored(model) for model in MODELS], [[], [], []])

    def test_after_a_failure_no_worker_waits_long_to_be_closed(self):
        for fails in (True, False):
            with self.subTest(fails=fails):
                interrupted = []
                original = LoadingWorker.close

                def close(worker, interrupted=interrupted, original=original):
                    interrupted.append(worker.is_interrupted())
                    return original(worker)

                def fail(batch, fails=fails):
                    if fails:
                        raise LoadError("Disk full.")

                with mock.patch.object(LoadingWorker, "close", close):
                    self.load(before_read=fail)
                self.assertEqual(interrupted, [fails] * 3)


class StopTests(LoadTestCase):
    def test_a_signal_stops_the_load_at_the_next_batch(self):
        for all_or_nothing in (False, True):
            with self.subTest(all_or_nothing=all_or_nothing):
                User.objects.all().delete()
                signals = []
                outcome = load_with(
                    {USERS: MemorySource(users(*range(1, 100)))},
                    Options(batch_size=2, all_or_nothing=all_or_nothing),
                    stopped_by=lambda signals=signals: signals[0] if signals else None,
                    on_progress=lambda *args, signals=signals: signals.append(15),
                )
                self.assertEqual((outcome.signal, outcome.error), (15, None))
                [model] = outcome.models
                self.assertEqual(model.counts, Counts(read=2, inserted=2))
                self.assertEqual(model.is_stored, not all_or_nothing)
                self.assertEqual(len(stored(User)), 0 if all_or_nothing else 2)

    def test_a_signal_that_is_told_once_stops_the_load_at_any_moment(self):
        for moment in count(1):
            moments = count(1)
            outcome = load_with(
                {
                    ORDERS: MemorySource(orders((1, 8, 1), (2, 1, 9))),
                    USERS: MemorySource(users(1)),
                    PRODUCTS: MemorySource(products(1)),
                },
                Options(batch_size=1),
                stopped_by=lambda moments=moments, at=moment: 15 if next(moments) == at else None,
            )
            self.assertEqual(stored(Order), [])
            if next(moments) <= moment:
                break
            with self.subTest(moment=moment):
                self.assertEqual((outcome.signal, outcome.error), (15, None))
            User.objects.all().delete()
            Product.objects.all().delete()
        self.assertEqual((outcome.signal, outcome.models[0].counts), (None, Counts(2, rejected=2)))

    def test_a_signal_before_the_first_batch_has_nothing_read(self):
        batches = []
        outcome = load_with(
            {USERS: SourceWith(users(1), batches.append)}, Options(), stopped_by=lambda: 15
        )
        self.assertEqual((outcome.signal, outcome.error), (15, None))
        self.assertEqual((batches, stored(User)), ([], []))

    def test_a_signal_after_the_last_batch_stops_nothing(self):
        signals = []
        outcome = load_with(
            {USERS: SourceWith(users(1), lambda batch: batch == 2 and signals.append(15))},
            Options(),
            stopped_by=lambda: signals[0] if signals else None,
        )
        self.assertEqual((outcome.signal, outcome.error), (None, None))
        self.assertEqual(len(stored(User)), 1)

    def test_progress_is_reported_after_each_batch_and_at_the_end(self):
        seen = []
        path = self.file("users.csv", "id,name,email\n1,Ann,a@b\n2,,b@c\n3,Cid,c@d\n")
        load_with(
            {USERS: open_source(path)},
            Options(batch_size=2),
            on_progress=lambda *progress: seen.append(progress),
        )
        self.assertEqual(
            seen,
            [
                (USERS, Counts(read=2, inserted=1, rejected=1), 1.0),
                (USERS, Counts(read=3, inserted=2, rejected=1), 1.0),
                (USERS, Counts(read=3, inserted=2, rejected=1), None),
            ],
        )


class ReadAheadTests(LoadTestCase):
    def jobs(self, batches_ahead):
        """Return what the worker of five users is asked to do, in batches of one."""
        jobs = []

        class ListedExecutor(ThreadExecutor):
            def submit(self, method, *args):
                jobs.append(args[0])
                return super().submit(method, *args)

        ListedExecutor.batches_ahead = batches_ahead
        with mock.patch.object(executors, "ThreadExecutor", ListedExecutor):
            load({USERS: MemorySource(users(1, 2, 3, 4, 5))}, workers="thread", batch_size=1)
        self.assertEqual([key for key, _, _ in stored(User)], [1, 2, 3, 4, 5])
        User.objects.all().delete()
        return " ".join(jobs)

    def test_so_many_batches_are_read_while_one_is_written(self):
        begin, end = "open check prepared read", "read write close"
        for batches_ahead, jobs in (
            (1, "read write read write read write read write"),
            (3, "read read read write read write read write read write"),
        ):
            with self.subTest(batches_ahead=batches_ahead):
                self.assertEqual(self.jobs(batches_ahead), f"{begin} {jobs} {end}")

    def test_what_was_read_ahead_of_a_failure_fails_silently(self):
        def fail_to_read(batch):
            if batch == 2:
                raise LoadError("users.csv: Input/output error.")

        def fail_to_write(worker, *args):
            raise LoadError("Disk full.")

        source = SourceWith(users(1, 2), fail_to_read)
        fails = mock.patch.object(LoadingWorker, "write", fail_to_write)
        with fails, mock.patch.object(logging.getLogger("asyncio"), "handle") as logged:
            outcome = load({USERS: source}, workers="thread", batch_size=1)
            # Of an exception that nobody has asked for, asyncio says so when it is deleted.
            gc.collect()
        self.assertEqual(str(outcome.error), "Disk full.")
        logged.assert_not_called()

    def test_a_write_is_asked_for_before_the_answer_to_the_one_before_is_there(self):
        asked = threading.Semaphore(0)
        write = LoadingWorker.write

        class CountingExecutor(ThreadExecutor):
            batches_ahead = 2

            def submit(self, method, *args):
                if args[0] == "write":
                    asked.release()
                return super().submit(method, *args)

        def write_when_the_next_is_asked_for(worker, *args):
            # Two for the first, and one more for each that follows but the last.
            if worker._read in (0, 1):
                self.assertIs(all(asked.acquire(timeout=30) for _ in range(2 - worker._read)), True)
            return write(worker, *args)

        with mock.patch.object(executors, "ThreadExecutor", CountingExecutor):
            with mock.patch.object(LoadingWorker, "write", write_when_the_next_is_asked_for):
                outcome = load(
                    {USERS: MemorySource(users(1, 2, 3))}, workers="thread", batch_size=1
                )
        self.assertIsNone(outcome.error)
        self.assertEqual([key for key, _, _ in stored(User)], [1, 2, 3])
