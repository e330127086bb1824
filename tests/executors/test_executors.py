import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from unittest import mock, skipIf, skipUnless

from django.db import connections

from distributed_insert.datasets import DATASETS
from distributed_insert.executors import hosts
from distributed_insert.executors.hosts import choose_workers
from distributed_insert.loading.coordinator import load
from distributed_insert.loading.options import Options
from distributed_insert.loading.results import Counts
from distributed_insert.models import Order, Product, User
from distributed_insert.sources.base import MemorySource

from ..cases import ROOT, LoadTestCase, environment, manage, printed_lists, stored
from ..generated import write_files
from ..management import test_options, test_populate_db

ORDERS, USERS, PRODUCTS = DATASETS

# Patches in this process reach those that are forked from it.
FORKS = multiprocessing.get_start_method() == "fork"


class ReportingSource(MemorySource):
    """A source whose records tell the process and the connections they were read with."""

    def read(self, size):
        lines, raws = super().read(size)
        opened = [c.alias for c in connections.all(initialized_only=True) if c.connection]
        return lines, [{**raw, "email": f"{os.getpid()}@{'-'.join(opened)}"} for raw in raws]


class DyingSource(MemorySource):
    """A source whose second batch is the end of the process that reads it."""

    batch = 0

    def read(self, size):
        self.batch += 1
        if self.batch == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(size)


def users(*numbers):
    return [{"id": n, "name": "Ann", "email": "a@b"} for n in numbers]


class ProcessTests(LoadTestCase):
    def test_a_worker_is_another_process_with_its_own_connection_only(self):
        User.objects.count()
        Product.objects.count()
        load({USERS: ReportingSource(users(1))}, Options(workers="process"))
        [(_, _, email)] = stored(User)
        pid, _, opened = email.partition("@")
        self.assertNotEqual(int(pid), os.getpid())
        self.assertEqual(opened, "users")

    def test_every_start_method_on_the_databases_of_the_tests(self):
        before = multiprocessing.get_start_method()
        self.addCleanup(multiprocessing.set_start_method, before, force=True)
        for method in multiprocessing.get_all_start_methods():
            with self.subTest(method=method):
                multiprocessing.set_start_method(method, force=True)
                outcome = load(
                    {dataset: MemorySource(dataset.sample) for dataset in DATASETS},
                    Options(workers="process"),
                )
                self.assertEqual((outcome.error, outcome.workers), (None, "process"))
                self.assertEqual([len(stored(m)) for m in (User, Product, Order)], [9, 9, 7])
                for model in (User, Product, Order):
                    model.objects.all().delete()

    @skipIf(os.name == "nt", "Windows has no SIGKILL.")
    def test_a_worker_that_is_killed_is_one_clear_error(self):
        outcome = load(
            {
                ORDERS: MemorySource([{"id": 1, "user_id": 1, "product_id": 1, "quantity": 1}]),
                USERS: DyingSource(users(1, 2, 3)),
                PRODUCTS: MemorySource([]),
            },
            Options(workers="process", batch_size=1),
        )
        self.assertEqual(
            str(outcome.error),
            "The process that loaded users was killed. What it had not committed is rolled back.",
        )
        self.assertEqual(outcome.models[0].counts, Counts())
        self.assertEqual((stored(Order), stored(Product)), ([], []))

    @skipIf(os.name == "nt", "Windows has no SIGKILL.")
    def test_a_parent_that_is_killed_when_it_is_asked_is_an_error_and_no_hang(self):
        orders = [{"id": n, "user_id": n, "product_id": 1, "quantity": 1} for n in range(1, 30_001)]
        killed = []

        def kill_users(dataset, counts, position):
            if dataset is ORDERS and not killed:
                killed.append([p for p in multiprocessing.active_children() if p.pid == pids[0]])
                killed[0][0].kill()

        pids = []
        original = hosts.ProcessHost.__init__

        def remember(host, worker):
            original(host, worker)
            if worker.model is User:
                pids.append(host._process.pid)

        with mock.patch.object(hosts.ProcessHost, "__init__", remember):
            outcome = load(
                {
                    ORDERS: MemorySource(orders),
                    USERS: MemorySource(users(1)),
                    PRODUCTS: MemorySource([{"id": 1, "name": "Lamp", "price": 1.0}]),
                },
                Options(workers="process"),
                on_progress=kill_users,
            )
        self.assertIn("The process that loaded users was killed.", str(outcome.error))
        self.assertEqual(multiprocessing.active_children(), [])

    @skipUnless(os.name == "posix", "Only here the end of a process closes a pipe it inherited.")
    def test_killing_the_coordinator_leaves_no_process_and_no_transaction(self):
        for alias in ("users", "products", "orders"):
            manage("migrate", f"--database={alias}", folder=self.folder)
        write_files(self.folder, 200_000)
        process = subprocess.Popen(
            [sys.executable, "manage.py", "populate_db", "--workers", "process", "--dry-run"]
            + [f"--{name}={self.folder}/{name}.csv" for name in ("users", "products", "orders")],
            cwd=ROOT,
            env=environment(self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=0.8)
        except subprocess.TimeoutExpired:
            process.kill()
        # The pipe comes to its end when the last process that holds it does.
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, -signal.SIGKILL)
        for alias in ("users", "products", "orders"):
            path = str(self.folder / f"{alias}.db")
            with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")

    def test_standard_input_is_read_by_a_thread_of_this_process(self):
        for alias in ("users", "products", "orders"):
            manage("migrate", f"--database={alias}", folder=self.folder)
        process = manage(
            "populate_db", "--workers=process", "--users=-", folder=self.folder,
            input="id,name,email\n1,Ann,\n",
        )  # fmt: skip
        self.assertEqual(process.returncode, 3)
        self.assertEqual(
            [reject["data"] for reject in printed_lists(process.stdout)["User rejects"]],
            [{"id": "1", "name": "Ann", "email": ""}],
        )


class ChoiceTests(LoadTestCase):
    def source(self, size):
        source = MemorySource([])
        source.size = size
        return source

    def test_large_files_are_loaded_by_processes_and_small_ones_by_threads(self):
        for method, enough in (
            ("fork", hosts.FORKED_FROM_BYTES),
            ("forkserver", hosts.STARTED_FROM_BYTES),
            ("spawn", hosts.STARTED_FROM_BYTES),
        ):
            half = self.source(enough // 2)
            less = self.source(enough // 2 - 1)
            with self.subTest(method=method), mock.patch.object(
                multiprocessing, "get_start_method", return_value=method
            ), mock.patch.object(hosts, "_processors", return_value=2):
                self.assertEqual(choose_workers([half, half]), "process")
                self.assertEqual(choose_workers([half, less]), "thread")
                self.assertEqual(choose_workers([self.source(None)]), "thread")

    def test_one_processor_has_threads(self):
        with mock.patch.object(hosts, "_processors", return_value=1):
            self.assertEqual(choose_workers([self.source(1 << 40)]), "thread")


def both_ways(*test_cases):
    """Run the tests of each class again with a process a model; they are the same to the letter."""
    for case in test_cases:
        name = f"{case.__name__}WithProcesses"
        globals()[name] = skipUnless(FORKS, "Needs fork, for what the tests patch.")(
            type(name, (case,), {"workers": "process", "__module__": __name__})
        )


both_ways(
    test_populate_db.SampleTests,
    test_populate_db.FileTests,
    test_options.DryRunTests,
    test_options.AllOrNothingTests,
    test_options.ConflictTests,
    test_options.MaxErrorsTests,
    test_options.RejectsTests,
    test_options.MapTests,
)
