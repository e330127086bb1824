from unittest import mock

from django.db import OperationalError, connections

from distributed_insert.datasets import DATASETS
from distributed_insert.exceptions import LoadError
from distributed_insert.loading import worker as workers
from distributed_insert.loading.options import Options
from distributed_insert.loading.results import Counts
from distributed_insert.loading.worker import Worker
from distributed_insert.models import User
from distributed_insert.sources.base import MemorySource

from ..cases import LoadTestCase, stored

ORDERS, USERS, PRODUCTS = DATASETS


def records(*numbers):
    return [{"id": n, "name": "Ann" if n else "", "email": "a@b"} for n in numbers]


class WorkerTests(LoadTestCase):
    def opened(self, numbers, dataset=USERS, **options):
        worker = Worker(dataset, MemorySource(records(*numbers)), Options(**options))
        worker.open()
        self.addCleanup(worker.close)
        return worker

    def test_a_batch_is_committed_when_it_is_written(self):
        worker = self.opened([1, 2, 3], batch_size=2)
        self.assertEqual(worker.read(), {})
        written = worker.write({})
        self.assertEqual((written.counts, written.rejects), (Counts(read=2, inserted=2), []))
        self.assertFalse(connections["users"].in_atomic_block)
        self.assertEqual([row[0] for row in stored(User)], [1, 2])

    def test_batches_are_written_in_the_order_they_were_read(self):
        worker = self.opened([1, 2], batch_size=1)
        worker.read(), worker.read()
        self.assertIsNone(worker.read())
        for number in (1, 2):
            worker.write({})
            self.assertEqual(len(stored(User)), number)

    def test_an_error_rolls_the_batch_back(self):
        worker = self.opened([1])
        worker.read()
        with mock.patch.object(workers.Worker, "_store", side_effect=OperationalError("full")):
            with self.assertRaisesMessage(OperationalError, "full"):
                worker.write({})
        self.assertFalse(connections["users"].in_atomic_block)
        self.assertEqual(stored(User), [])

    def test_a_transaction_is_held_until_it_is_finished(self):
        for commit, ids in ((False, []), (True, [1])):
            with self.subTest(commit=commit):
                worker = self.opened([1], all_or_nothing=True)
                worker.read()
                worker.write({})
                self.assertTrue(connections["users"].in_atomic_block)
                self.assertEqual(worker.missing([1, 2]), {2})
                worker.finish(commit)
                self.assertEqual([row[0] for row in stored(User)], ids)

    def test_closing_rolls_back_what_is_not_finished(self):
        worker = self.opened([1], all_or_nothing=True)
        worker.read()
        worker.write({})
        worker.close()
        self.assertIsNone(connections["users"].connection)
        self.assertEqual(stored(User), [])

    def test_more_rejects_than_allowed_roll_the_batch_back_and_are_counted(self):
        worker = self.opened([1, 0])
        worker.read()
        written = worker.write({}, allowance=0)
        self.assertEqual(written.counts, Counts(read=1, rejected=1))
        self.assertEqual([reject.number for reject in written.rejects], [2])
        self.assertEqual(stored(User), [])

    def test_error_for_a_table_that_is_not_there(self):
        with mock.patch.object(User._meta, "db_table", "nowhere"):
            with self.assertRaises(LoadError) as caught:
                self.opened([1])
        self.assertEqual(
            str(caught.exception),
            "Database 'users' has no table for User records. "
            "Create it with: python manage.py migrate --database=users",
        )
