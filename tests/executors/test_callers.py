"""What `load` leaves as it was: it may be called from a view, a test or another command."""

import asyncio
import gc
import io
import multiprocessing
import signal
import sys
import threading
from contextlib import redirect_stdout
from unittest import mock

from django.db import connections, transaction

from distributed_insert.datasets import DATASETS
from distributed_insert.executors import PROCESS, THREAD
from distributed_insert.executors.collection import GC_THRESHOLD
from distributed_insert.loading import Options, load
from distributed_insert.models import Order, Product, User
from distributed_insert.sources import MemorySource

from ..cases import ALIASES, CommandTestCase, LoadTestCase, stored
from ..datasets import PRODUCTS, USERS
from ..loading.cases import SourceWith, products, users


class CallerTests(LoadTestCase):
    databases = set(ALIASES)

    def load(self, workers, *datasets):
        outcome = load({d: MemorySource(d.sample) for d in datasets}, Options(workers=workers))
        self.assertEqual((outcome.error, outcome.workers), (None, workers))

    def each_kind_of_workers(self):
        """Return each that needs nothing else in turn, and empty the tables after it."""
        for workers in (THREAD, PROCESS):
            yield workers
            for model in (User, Product, Order):
                model.objects.all().delete()

    def test_no_event_loop_stays_open(self):
        loops, new_event_loop = [], asyncio.new_event_loop

        def remember():
            loops.append(new_event_loop())
            return loops[-1]

        for workers in self.each_kind_of_workers():
            with mock.patch.object(asyncio, "new_event_loop", remember):
                self.load(workers, USERS)
        self.assertEqual([loop.is_closed() for loop in loops], [True, True])

    def test_the_pace_of_the_garbage_collector_is_restored(self):
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        for workers in self.each_kind_of_workers():
            with self.subTest(workers=workers):
                gc.set_threshold(701, 11, 12)
                self.load(workers, USERS)
                self.assertEqual(gc.get_threshold(), (701, 11, 12))

    def test_the_pace_of_the_garbage_collector_is_restored_by_the_last_load_that_ends(self):
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(701, 11, 12)
        second_reads, first_has_ended = threading.Event(), threading.Event()
        self.addCleanup(first_has_ended.set)
        paces = []

        def note_the_pace_at_the_end_of_the_first(batch):
            second_reads.set()
            first_has_ended.wait()
            paces.append(gc.get_threshold()[0])

        second = threading.Thread(
            target=load,
            args=[{PRODUCTS: SourceWith(products(1), note_the_pace_at_the_end_of_the_first)}],
            kwargs={"options": Options(workers="thread")},
        )

        def run_the_second(batch):
            if batch == 1:
                second.start()
                self.assertTrue(second_reads.wait(60))

        load({USERS: SourceWith(users(1), run_the_second)}, Options(workers="thread"))
        first_has_ended.set()
        second.join()
        self.assertEqual(paces, [GC_THRESHOLD] * 2)
        self.assertEqual(gc.get_threshold(), (701, 11, 12))
        self.assertEqual([len(stored(User)), len(stored(Product))], [1, 1])

    def test_connections_of_the_caller_stay_open(self):
        for workers in self.each_kind_of_workers():
            with self.subTest(workers=workers):
                for alias in ALIASES:
                    connections[alias].ensure_connection()
                before = [connections[alias].connection for alias in ALIASES]
                self.load(workers, *DATASETS)
                after = [connections[alias].connection for alias in ALIASES]
                self.assertEqual([a is b for a, b in zip(after, before)], [True] * 4)
                self.assertEqual([len(stored(m)) for m in (User, Product, Order)], [9, 9, 7])

    def test_a_transaction_of_the_caller_goes_on(self):
        for workers in self.each_kind_of_workers():
            with self.subTest(workers=workers):
                with transaction.atomic(using="orders"):
                    Order.objects.create(id=50, user_id=1, product_id=1, quantity=1)
                    self.load(workers, USERS, PRODUCTS)
                    Order.objects.create(id=51, user_id=1, product_id=1, quantity=1)
                self.assertEqual(stored(Order), [(50, 1, 1, 1), (51, 1, 1, 1)])
                self.assertEqual([len(stored(model)) for model in (User, Product)], [9, 9])

    def test_a_transaction_of_the_caller_can_be_rolled_back(self):
        for workers in self.each_kind_of_workers():
            with self.subTest(workers=workers):
                with transaction.atomic(using="orders"):
                    Order.objects.create(id=50, user_id=1, product_id=1, quantity=1)
                    self.load(workers, USERS)
                    transaction.set_rollback(True, using="orders")
                self.assertEqual((stored(Order), len(stored(User))), ([], 9))

    def test_a_view_that_is_one_transaction_can_load(self):
        """As with ATOMIC_REQUESTS, where it is set for the database `default`."""
        for workers in self.each_kind_of_workers():
            with self.subTest(workers=workers):
                with transaction.atomic(using="default"):
                    self.load(workers, *DATASETS)
                self.assertEqual([len(stored(m)) for m in (User, Product, Order)], [9, 9, 7])

    def test_nothing_is_printed_and_no_handler_of_a_signal_is_changed(self):
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.getsignal(number) for number in numbers]
        for workers in self.each_kind_of_workers():
            output = io.StringIO()
            with self.subTest(workers=workers), redirect_stdout(output):
                self.load(workers, USERS)
                self.assertIs(sys.stdout, output)
                self.assertEqual(output.getvalue(), "")
                self.assertEqual([signal.getsignal(number) for number in numbers], before)
                self.assertEqual(multiprocessing.active_children(), [])


class StartMethodTests(CommandTestCase):
    def test_how_processes_are_started_is_still_for_the_program_to_say(self):
        self.migrate()
        process = self.run_script(
            "import multiprocessing\n"
            "from distributed_insert.datasets import DATASETS\n"
            "from distributed_insert.loading import Options, load\n"
            "from distributed_insert.sources import MemorySource\n"
            "for workers in (None, 'process'):\n"
            "    sources = {d: MemorySource(d.sample) for d in DATASETS}\n"
            "    outcome = load(sources, Options(workers=workers))\n"
            "    print(outcome.error, outcome.workers)\n"
            "    print(multiprocessing.get_start_method(allow_none=True))\n"
        )
        self.assertEqual(
            (process.stdout, process.stderr), ("None thread\nNone\nNone process\nNone\n", "")
        )
