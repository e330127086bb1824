import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from contextlib import nullcontext
from pathlib import Path
from unittest import mock, skipIf, skipUnless

from django.db import connections
from django.test import SimpleTestCase

from distributed_insert import executors
from distributed_insert.datasets import DATASETS
from distributed_insert.executors import WorkerLost
from distributed_insert.executors import process as processes
from distributed_insert.executors.base import RemoteTraceback
from distributed_insert.executors.collection import GC_THRESHOLD
from distributed_insert.executors.process import ProcessExecutor
from distributed_insert.loading import Counts, Options, load
from distributed_insert.loading.worker import LoadingWorker
from distributed_insert.models import Order, Product, User
from distributed_insert.reports import conclusion
from distributed_insert.sources import MemorySource

from ..cases import (
    MODEL_ALIASES,
    ROOT,
    CommandTestCase,
    LoadTestCase,
    SQLiteTestCase,
    printed_lists,
    stored,
    wait_until,
)
from ..datasets import ORDERS, PRODUCTS, USERS
from ..generated import write_files
from . import contract

METHODS = multiprocessing.get_all_start_methods()
KILLED = "The process that loaded users was killed. What it had not committed is rolled back."


def users(*numbers):
    return [{"id": n, "name": "Ann", "email": "a@b"} for n in numbers]


class PlaceSource(MemorySource):
    """A source whose records say which process and which connections they were read with."""

    def read(self, size):
        records = super().read(size)
        if records:
            opened = [c.alias for c in connections.all(initialized_only=True) if c.connection]
            email = f"{os.getpid()}@{'-'.join(opened)}"
            [ids, names, emails] = records.columns
            records = records._replace(columns=[ids, names, [email] * len(emails)])
        return records


class SignalledSource(MemorySource):
    """A source that sends the process that reads it the signals that stop a load."""

    def read(self, size):
        contract.send_signals()
        return super().read(size)


class FatalSource(MemorySource):
    """A source one of whose methods is, at its second call or its first, the end of its process."""

    calls = 0

    def __init__(self, records, method, call=1):
        super().__init__(records)
        self.method, self.call = method, call

    def count(self, method):
        self.calls += method == self.method
        if self.calls == self.call:
            os.kill(os.getpid(), signal.SIGKILL)

    def read(self, size):
        self.count("read")
        return super().read(size)

    def write_rejects(self, *args):
        super().write_rejects(*args)
        self.count("write_rejects")

    def data(self, raw):
        self.count("data")
        return super().data(raw)


class SignalWhenUnpickled:
    """A value that sends a signal to the process that unpickles it."""

    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        return signal.raise_signal, (self.number,)


class GreedySource(MemorySource):
    def read(self, size):
        raise MemoryError


class EndlessSource(MemorySource):
    """A source that is never read to its end; it prints the process that tries to."""

    def read(self, size):
        os.write(1, b"%d\n" % os.getpid())
        threading.Event().wait()


def load_endlessly(method):
    """Be the coordinator of a worker whose job never ends."""
    multiprocessing.set_start_method(method)
    load({USERS: EndlessSource(())}, Options(workers="process"))


class ProcessExecutorTests(contract.ExecutorContract, SimpleTestCase):
    method = METHODS[0]

    def started(self):
        return ProcessExecutor(contract.Worker(), self.method)

    def test_the_jobs_are_done_by_the_main_thread_of_one_other_process(self):
        places = {self.executor.submit("place").result() for _ in range(5)}
        self.assertEqual(places, {(self.executor.process.pid, "MainThread")})
        self.assertNotEqual(self.executor.process.pid, os.getpid())

    def test_the_cause_of_an_exception_says_where_in_the_process_it_was_raised(self):
        with self.assertRaises(contract.Failure) as caught:
            self.executor.submit("fail", "disk full").result()
        cause = caught.exception.__cause__
        self.assertIs(type(cause), RemoteTraceback)
        self.assertRegex(
            str(cause),
            r"(?s)^Traceback \(most recent call last\):\n.*contract\.py\", line \d+, in fail\n"
            r"    raise Failure\(reason\)\ntests\.executors\.contract\.Failure: disk full\n$",
        )

    @skipIf(os.name == "nt", "Windows has no way for a process to send itself these signals.")
    def test_a_job_is_not_interrupted(self):
        try:
            self.assertIsNone(self.executor.submit("interrupt").result())
        except KeyboardInterrupt:
            self.fail("SIGINT interrupted a job.")
        self.assertEqual(self.executor.submit("add").result(), [()])

    def test_shutdown_ends_the_process_and_the_thread(self):
        before = threading.active_count()
        self.executor.submit("add").result()
        self.executor.shutdown()
        self.assertEqual(self.executor.process.exitcode, 0)
        self.assertEqual(threading.active_count(), before)

    def test_the_garbage_collector_is_slow_in_the_process(self):
        pace = self.executor.submit("call", gc.get_threshold).result()
        self.assertEqual(pace[0], GC_THRESHOLD)

    @skipUnless(hasattr(signal, "pthread_sigmask"), "No signals can be blocked here.")
    def test_no_signal_stays_blocked_where_it_was_started(self):
        self.assertEqual(signal.pthread_sigmask(signal.SIG_BLOCK, ()), set())

    def test_a_process_that_is_killed_is_lost(self):
        self.executor.submit("add").result()
        self.executor.process.kill()
        self.executor.process.join()
        with self.assertRaises(WorkerLost) as caught:
            self.executor.submit("add").result()
        self.assertIs(caught.exception.may_have_run, False)

    @skipIf(os.name == "nt", "Windows has no SIGKILL.")
    def test_a_job_that_kills_its_process_may_have_been_done(self):
        with self.assertRaises(WorkerLost) as caught:
            self.executor.submit("kill").result()
        self.assertIs(caught.exception.may_have_run, True)


@skipUnless("spawn" in METHODS[1:], "This is the method of the tests above.")
class SpawnedProcessExecutorTests(ProcessExecutorTests):
    method = "spawn"

    @skipUnless(hasattr(signal, "pthread_sigmask"), "Signals cannot be blocked here.")
    def test_a_process_is_not_interrupted_while_it_starts(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number):
                sent = {"SENT": SignalWhenUnpickled(number)}
                with mock.patch.dict(connections.settings["users"], sent):
                    executor = self.started()
                self.addCleanup(executor.shutdown)
                self.assertEqual(executor.submit("add").result(), [()])


@skipUnless(hasattr(signal, "pthread_sigmask"), "Signals cannot be blocked here.")
class FirstProcessTests(CommandTestCase):
    def test_the_first_process_that_a_program_starts_is_not_interrupted_while_it_starts(self):
        process = self.run_script(
            "import signal\n"
            "from django.db import connections\n"
            "from distributed_insert.executors.process import ProcessExecutor\n"
            "from tests.executors import contract\n"
            "class SignalWhenUnpickled:\n"
            "    def __reduce__(self):\n"
            "        return signal.raise_signal, (signal.SIGINT,)\n"
            "connections.settings['users']['SENT'] = SignalWhenUnpickled()\n"
            "executor = ProcessExecutor(contract.Worker(), 'spawn')\n"
            "print(executor.submit('add').result())\n"
            "executor.shutdown()\n"
        )
        self.assertEqual((process.stdout, process.stderr), ("[()]\n", ""))


class ProcessTestCase(LoadTestCase):
    def setUp(self):
        super().setUp()
        before = multiprocessing.get_start_method()
        self.addCleanup(multiprocessing.set_start_method, before, force=True)
        connections.close_all()

    def each_start_method(self):
        """Set each in turn, and empty the tables after it."""
        for method in METHODS:
            multiprocessing.set_start_method(method, force=True)
            connections.close_all()
            yield method
            for model in (User, Product, Order):
                model.objects.all().delete()


class LoadTests(ProcessTestCase):
    def test_every_start_method_on_the_databases_of_the_tests(self):
        for method in self.each_start_method():
            with self.subTest(method=method):
                outcome = load(
                    {dataset: MemorySource(dataset.sample) for dataset in DATASETS},
                    Options(workers="process"),
                )
                self.assertEqual((outcome.error, outcome.workers), (None, "process"))
                self.assertEqual([len(stored(m)) for m in (User, Product, Order)], [9, 9, 7])

    def test_a_worker_is_another_process_with_its_own_connection_only(self):
        for method in self.each_start_method():
            with self.subTest(method=method):
                with connections["products"].cursor(), connections["users"].cursor():
                    load({USERS: PlaceSource(users(1))}, Options(workers="process"))
                [(_, _, email)] = stored(User)
                pid, _, opened = email.partition("@")
                self.assertNotEqual(int(pid), os.getpid())
                self.assertEqual(opened, "users")

    @skipIf(os.name == "nt", "Windows has no way for a process to send itself these signals.")
    def test_a_worker_leaves_signals_to_the_coordinator(self):
        for method in self.each_start_method():
            with self.subTest(method=method):
                self.assert_leaves_signals()

    @skipIf(os.name == "nt", "Windows has no way for a process to send itself these signals.")
    def test_a_worker_ignores_signals_also_where_none_can_be_blocked(self):
        with mock.patch.object(processes, "_blocked_signals", nullcontext):
            for method in self.each_start_method():
                with self.subTest(method=method):
                    self.assert_leaves_signals()

    def assert_leaves_signals(self):
        try:
            outcome = load({USERS: SignalledSource(users(1, 2))}, Options(workers="process"))
        except KeyboardInterrupt:
            self.fail("SIGINT interrupted a job.")
        self.assertEqual((outcome.error, outcome.signal), (None, None))
        self.assertEqual([row[0] for row in stored(User)], [1, 2])

    def test_too_little_memory_is_one_sentence(self):
        for workers in ("thread", "process"):
            with self.subTest(workers=workers):
                outcome = load(
                    {USERS: GreedySource(()), PRODUCTS: MemorySource(PRODUCTS.sample)},
                    Options(workers=workers),
                )
                self.assertEqual(
                    str(outcome.error),
                    "Not enough memory to load users. Try a smaller --batch-size.",
                )


@skipIf(os.name == "nt", "Windows has no SIGKILL.")
class KilledWorkerTests(ProcessTestCase):
    """Of each of these loads the second batch holds user 3, and a record that is rejected."""

    records = [*users(1, 2, 3), {"id": 4, "name": "", "email": "a@b"}]

    def kill(self, *moment, **options):
        """Load users, and kill their worker at a moment."""
        rejects = str(self.folder / "rejects")
        return load(
            {
                ORDERS: MemorySource([{"id": 1, "user_id": 1, "product_id": 1, "quantity": 1}]),
                USERS: FatalSource(self.records, *moment),
                PRODUCTS: MemorySource([]),
            },
            Options(workers="process", batch_size=2, rejects=rejects, **options),
        )

    def assert_ends(self, outcome, conclusion_text, is_unconfirmed, counts, keys):
        order, user, product = outcome.models
        self.assertEqual(
            conclusion(outcome, "error").splitlines(), [KILLED, *conclusion_text.splitlines()]
        )
        self.assertEqual(
            (user.is_unconfirmed, user.counts, [row[0] for row in stored(User)]),
            (is_unconfirmed, counts, keys),
        )
        self.assertEqual((order.counts, stored(Order), stored(Product)), (Counts(), [], []))
        self.assertEqual((order.is_unconfirmed, product.is_unconfirmed), (False, False))
        self.assertEqual(multiprocessing.active_children(), [])

    def test_killed_before_a_batch_is_written_nothing_is_unconfirmed(self):
        self.assert_ends(self.kill("read", 2), "Nothing was stored.", False, Counts(), [])

    def test_killed_before_the_commit_more_may_have_been_stored(self):
        self.assert_ends(
            self.kill("write_rejects"),
            "Stored before that: User at least 2. More User records may have been stored. "
            "To complete the load, run the same command again with --on-conflict ignore.",
            True,
            Counts(read=2, inserted=2),
            [1, 2],
        )

    def test_killed_after_the_commit_more_may_have_been_stored(self):
        self.assert_ends(
            self.kill("data"),
            "Stored before that: User at least 2. More User records may have been stored. "
            "To complete the load, run the same command again with --on-conflict ignore.",
            True,
            Counts(read=2, inserted=2),
            [1, 2, 3],
        )

    def test_the_rejects_that_a_killed_worker_has_written_are_named(self):
        _, user, _ = self.kill("data").models
        self.assertEqual(user.rejects_file, str(self.folder / "rejects" / "users.jsonl"))
        self.assertIn("Name cannot be empty", Path(user.rejects_file).read_text())

    def test_killed_in_the_one_transaction_before_its_commit_nothing_is_stored(self):
        outcome = self.kill("data", all_or_nothing=True)
        self.assert_ends(outcome, "Nothing was stored.", False, Counts(read=2, inserted=2), [])

    def test_a_parent_that_is_killed_when_it_is_asked_is_an_error_and_no_hang(self):
        started = {}

        def remember(worker, method):
            started[worker.model] = executor = ProcessExecutor(worker, method)
            return executor

        def kill_users(dataset, counts, share_read):
            if dataset is ORDERS:
                started[User].process.kill()
                started[User].process.join()

        order = {"user_id": 1, "product_id": 1, "quantity": 1}
        with mock.patch.object(executors, "ProcessExecutor", remember):
            outcome = load(
                {
                    ORDERS: MemorySource([{"id": n, **order} for n in range(1, 10)]),
                    USERS: MemorySource(users(1)),
                    PRODUCTS: MemorySource([{"id": 1, "name": "Lamp", "price": 1.0}]),
                },
                Options(workers="process", batch_size=3),
                on_progress=kill_users,
            )
        self.assertEqual(str(outcome.error), KILLED)
        self.assertEqual([model.is_unconfirmed for model in outcome.models], [False] * 3)
        self.assertEqual(multiprocessing.active_children(), [])


@skipIf(os.name == "nt", "Windows has no SIGKILL.")
class KilledCommitTests(ProcessTestCase, SQLiteTestCase):
    """Servers commit in two phases, and a load that was killed is recovered."""

    @skipUnless("fork" in METHODS, "Needs fork, for what the test patches.")
    def test_killed_after_the_commit_of_the_one_transaction_all_may_have_been_stored(self):
        multiprocessing.set_start_method("fork", force=True)
        commit = LoadingWorker.commit

        def commit_and_die(worker):
            commit(worker)
            if worker.model is User:
                os.kill(os.getpid(), signal.SIGKILL)

        with mock.patch.object(LoadingWorker, "commit", commit_and_die):
            outcome = load(
                {USERS: MemorySource(users(1, 2)), PRODUCTS: MemorySource([])},
                Options(workers="process", all_or_nothing=True),
            )
        self.assertEqual(
            conclusion(outcome, "error"),
            f"{KILLED}\nUser records may have been stored. "
            "To complete the load, run the same command again with --on-conflict ignore.",
        )
        self.assertEqual(
            [(model.is_stored, model.is_unconfirmed) for model in outcome.models],
            [(False, True), (False, False)],
        )
        self.assertEqual(stored(User), [(1, "Ann", "a@b"), (2, "Ann", "a@b")])


@skipUnless(os.name == "posix", "Only here the end of a process closes a pipe it inherited.")
class KilledCoordinatorTests(CommandTestCase):
    def assert_is_gone(self, process):
        """The pipe comes to its end when the last process that holds it does."""
        process.kill()
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            self.fail("A worker outlived its coordinator.")
        self.assertEqual(process.returncode, -signal.SIGKILL)

    def test_its_death_ends_a_worker_in_the_middle_of_a_job(self):
        self.migrate()
        for method in METHODS:
            script = (
                "import django; django.setup(); "
                f"from {__name__} import load_endlessly; load_endlessly('{method}')"
            )
            with self.subTest(method=method):
                process = subprocess.Popen(
                    [sys.executable, "-c", script],
                    cwd=ROOT,
                    env=self.environment(DJANGO_SETTINGS_MODULE="ds_project.settings"),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
                worker = int(process.stdout.readline())
                self.assertNotEqual(worker, process.pid)
                self.assert_is_gone(process)

    def test_its_death_leaves_no_process_and_no_transaction(self):
        self.migrate()
        write_files(self.folder, 1_000)
        process = self.start(
            *("--workers", "process", "--dry-run", "--batch-size", "999999999", "--users", "-"),
            *(f"--{name}={self.folder}/{name}.csv" for name in ("products", "orders")),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # Far more than a pipe holds: when it is written, all transactions have begun.
        process.stdin.write("id,name,email\n" + "1,Ann,a@b\n" * 400_000)
        process.stdin.flush()
        self.assertEqual(self.scratch.in_use(), list(MODEL_ALIASES))
        self.assert_is_gone(process)
        # A server does not know it at once.
        wait_until(lambda: not self.scratch.in_use())


class StandardInputTests(CommandTestCase):
    def test_standard_input_is_read_by_a_thread_of_this_process(self):
        self.migrate()
        process = self.populate(
            "--workers=process", "--users=-", input="id,name,email\n1,Ann,\n2,Ben,b@c\n"
        )
        self.assertEqual(
            (process.returncode, process.stderr), (3, "CommandError: 1 record was rejected.\n")
        )
        self.assertEqual(
            [reject["data"] for reject in printed_lists(process.stdout)["User rejects"]],
            [{"id": "1", "name": "Ann", "email": ""}],
        )
        self.assertEqual(self.stored("users"), [(2, "Ben", "b@c")])
