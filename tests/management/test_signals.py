import gzip
import os
import signal
import threading
from unittest import mock, skipIf

from django.test import SimpleTestCase

from distributed_insert.loading import Counts, Options, load
from distributed_insert.management.signals import interrupts
from distributed_insert.models import Order, User
from distributed_insert.sources import MemorySource, open_source, text_file
from distributed_insert.sources.text_file import TextFile

from ..cases import LoadTestCase, stored
from ..datasets import ORDERS, PRODUCTS, USERS


@skipIf(os.name == "nt", "Windows has no way for a process to send itself these signals.")
class InterruptsTests(SimpleTestCase):
    def test_the_first_signal_is_kept_and_the_handlers_come_back(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number):
                before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
                with interrupts() as stopped_by:
                    self.assertIsNone(stopped_by())
                    os.kill(os.getpid(), number)
                    self.assertEqual(stopped_by(), number)
                    now = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
                    self.assertEqual(now, [signal.SIG_DFL] * 2)
                after = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
                self.assertEqual(after, before)

    def test_the_handlers_come_back_without_a_signal(self):
        before = signal.getsignal(signal.SIGINT)
        with interrupts():
            self.assertNotEqual(signal.getsignal(signal.SIGINT), before)
        self.assertEqual(signal.getsignal(signal.SIGINT), before)

    def test_another_thread_changes_no_handlers(self):
        seen = []

        def use():
            with interrupts() as stopped_by:
                seen.append((stopped_by(), signal.getsignal(signal.SIGINT)))

        before = signal.getsignal(signal.SIGINT)
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        self.assertEqual(seen, [(None, before)])


class StoppedLoadTests(LoadTestCase):
    def users(self, *numbers):
        return [{"id": n, "name": "Ann", "email": "a@b"} for n in numbers]

    def stop_after(self, batches, **options):
        """Load six users, two per batch, and get a signal when so many batches were written."""
        received = []

        def on_progress(dataset, counts, share_read):
            if counts.read == 2 * batches:
                received.append(signal.SIGINT)

        return load(
            {USERS: MemorySource(self.users(1, 2, 3, 4, 5, 6))},
            Options(batch_size=2, **options),
            lambda: received[0] if received else None,
            on_progress,
        )

    def test_workers_stop_between_two_batches(self):
        outcome = self.stop_after(2)
        self.assertEqual(outcome.signal, signal.SIGINT)
        self.assertEqual(outcome.models[0].counts, Counts(read=4, inserted=4))
        self.assertEqual([row[0] for row in stored(User)], [1, 2, 3, 4])

    def test_the_one_transaction_is_rolled_back(self):
        outcome = self.stop_after(2, all_or_nothing=True)
        self.assertEqual((outcome.signal, outcome.models[0].is_stored), (signal.SIGINT, False))
        self.assertEqual(stored(User), [])

    def test_an_interrupt_is_reported_rather_than_rejects(self):
        User.objects.create(id=1, name="Ann", email="a@b")
        outcome = self.stop_after(2, all_or_nothing=True)
        self.assertEqual((outcome.signal, outcome.error), (signal.SIGINT, None))
        User.objects.all().delete()
        self.assertEqual(stored(User), [])

    def test_orders_that_wait_for_their_parents_are_not_written(self):
        received = []
        outcome = load(
            {
                ORDERS: MemorySource([{"id": 1, "user_id": 3, "product_id": 1, "quantity": 1}]),
                USERS: MemorySource(self.users(1, 2, 3)),
                PRODUCTS: MemorySource([]),
            },
            Options(batch_size=1),
            lambda: received[0] if received else None,
            lambda dataset, counts, share_read: received.append(signal.SIGTERM),
        )
        self.assertEqual(outcome.signal, signal.SIGTERM)
        self.assertEqual([model.counts for model in outcome.models][0], Counts())
        self.assertEqual(stored(Order), [])

    def test_a_file_is_not_checked_to_its_end(self):
        path = self.file("users.csv.gz", gzip.compress(b"id,name,email\n" + b"\n" * 10_000))
        for number in (1, 3):
            checked = []
            check = TextFile.check

            def count(file, check=check, checked=checked):
                checked.append(file.path)
                return check(file)

            with self.subTest(number=number), mock.patch.object(
                text_file, "CHECK_SIZE", 100
            ), mock.patch.object(text_file, "BLOCK_SIZE", 100), mock.patch.object(
                TextFile, "check", count
            ):
                outcome = load(
                    {USERS: open_source(path)},
                    Options(workers="thread"),
                    lambda checked=checked, number=number: (
                        signal.SIGTERM if len(checked) == number else None
                    ),
                )
                self.assertEqual(checked, [path] * number)
                self.assertEqual((outcome.signal, outcome.error), (signal.SIGTERM, None))
                self.assertEqual(outcome.models[0].counts, Counts())

    def test_a_file_without_records_is_not_read_to_its_end(self):
        path = self.file("users.csv.gz", gzip.compress(b"id,name,email\n" + b"\n" * 4_000_000))
        batches = []
        source = open_source(path)
        read = source.read

        def count(size):
            batches.append(read(size))
            return batches[-1]

        with mock.patch.object(source, "read", count):
            outcome = load(
                {USERS: source},
                Options(workers="thread"),
                lambda: signal.SIGTERM if batches else None,
            )
        self.assertEqual(outcome.signal, signal.SIGTERM)
        self.assertEqual([len(batch.raw_records) for batch in batches], [0])
