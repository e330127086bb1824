import gc
import multiprocessing
import threading
from contextlib import ExitStack
from types import SimpleNamespace
from unittest import mock, skipUnless

from django.db import connections
from django.test import SimpleTestCase

from distributed_insert import executors
from distributed_insert.executors import choose, start
from distributed_insert.executors.collection import GC_THRESHOLD
from distributed_insert.executors.process import ProcessExecutor
from distributed_insert.executors.thread import ThreadExecutor

from ..cases import LoadTestCase
from .contract import Worker


class ChoiceTests(SimpleTestCase):
    def setUp(self):
        self.processors = self.enter_patch(executors, "_processors", return_value=2)

    def enter_patch(self, *args, **options):
        patch = mock.patch.object(*args, **options)
        self.addCleanup(patch.stop)
        return patch.start()

    def sources(self, *sizes):
        return [SimpleNamespace(size=size) for size in sizes]

    def test_large_files_are_loaded_by_processes_and_small_ones_by_threads(self):
        for method, enough in (
            ("fork", executors.FORKED_FROM_BYTES),
            ("forkserver", executors.STARTED_FROM_BYTES),
            ("spawn", executors.STARTED_FROM_BYTES),
        ):
            half = enough // 2
            with self.subTest(method=method):
                self.enter_patch(executors, "_start_method", return_value=method)
                self.assertEqual(choose(self.sources(half, half)), "process")
                self.assertEqual(choose(self.sources(half, half - 1)), "thread")
                self.assertEqual(choose(self.sources(None, enough)), "process")
                self.assertEqual(choose(self.sources(None)), "thread")

    def test_one_processor_has_threads(self):
        self.processors.return_value = 1
        self.assertEqual(choose(self.sources(1 << 40)), "thread")

    def test_a_process_that_may_not_have_children_has_threads(self):
        self.assertEqual(choose(self.sources(1 << 40)), "process")
        # The processes of a pool are daemonic.
        with multiprocessing.Pool(1) as pool:
            self.assertEqual(pool.apply(choose, [self.sources(1 << 40)]), "thread")


class StartTests(SimpleTestCase):
    def setUp(self):
        gc.set_threshold(701, 11, 12)
        self.addCleanup(gc.set_threshold, *gc.get_threshold())

    def worker(self, **attributes):
        worker = Worker()
        worker.__dict__.update(attributes)
        return worker

    def test_each_worker_has_an_executor_of_the_kind_that_is_asked_for(self):
        for kind, executor in (("thread", ThreadExecutor), ("process", ProcessExecutor)):
            with self.subTest(kind=kind):
                with start({"a": self.worker(), "b": self.worker()}, kind) as started:
                    self.assertEqual(
                        {key: type(value) for key, value in started.items()},
                        {"a": executor, "b": executor},
                    )
                    places = {e.submit("place").result()[0] for e in started.values()}
                self.assertEqual(len(places), 1 if kind == "thread" else 2)

    def test_a_worker_that_reads_standard_input_has_a_thread(self):
        workers = {"a": self.worker(reads_stream=True), "b": self.worker()}
        with start(workers, "process") as started:
            self.assertEqual(
                [type(executor) for executor in started.values()],
                [ThreadExecutor, ProcessExecutor],
            )

    def test_all_executors_are_ended_and_the_garbage_collector_has_its_pace_again(self):
        threads = threading.active_count()
        for kind in ("thread", "process"):
            with self.subTest(kind=kind):
                with self.assertRaises(ZeroDivisionError):
                    with start({"a": self.worker(), "b": self.worker()}, kind) as started:
                        for executor in started.values():
                            executor.submit("add").result()
                        self.assertEqual(gc.get_threshold()[0], GC_THRESHOLD)
                        raise ZeroDivisionError
                self.assertEqual(gc.get_threshold(), (701, 11, 12))
                self.assertEqual(threading.active_count(), threads)
                self.assertEqual(multiprocessing.active_children(), [])

    def test_of_two_loads_the_last_that_ends_sets_the_pace_back(self):
        paces = []
        with ExitStack() as first, ExitStack() as second:
            for load in (first, second):
                load.enter_context(start({"a": self.worker()}, "thread"))
            first.close()
            paces.append(gc.get_threshold())
            second.close()
            paces.append(gc.get_threshold())
        self.assertEqual([pace[0] for pace in paces], [GC_THRESHOLD, 701])

    def test_a_process_that_cannot_be_started_ends_those_that_were(self):
        first = mock.Mock()
        error = OSError(24, "Too many open files")
        with mock.patch.object(executors, "ProcessExecutor", side_effect=[first, error]):
            with self.assertRaises(OSError):
                with start({"a": self.worker(), "b": self.worker()}, "process"):
                    self.fail("started")
        first.shutdown.assert_called_once_with()
        self.assertEqual(gc.get_threshold(), (701, 11, 12))


class StartMethodTests(LoadTestCase):
    def setUp(self):
        super().setUp()
        before = multiprocessing.get_start_method()
        self.addCleanup(multiprocessing.set_start_method, before, force=True)
        connections.close_all()

    def method(self):
        """Return how `start` starts a process now."""
        with mock.patch.object(executors, "ProcessExecutor") as executor:
            with start({"a": Worker()}, "process"):
                [_, method] = executor.call_args[0]
        return method

    def test_processes_are_started_as_python_is_set_to(self):
        for method in multiprocessing.get_all_start_methods():
            multiprocessing.set_start_method(method, force=True)
            self.assertEqual(self.method(), method)

    def test_the_default_stays_for_the_program_to_change(self):
        multiprocessing.set_start_method(None, force=True)
        self.assertEqual(self.method(), multiprocessing.get_all_start_methods()[0])
        self.assertIsNone(multiprocessing.get_start_method(allow_none=True))

    @skipUnless("fork" in multiprocessing.get_all_start_methods(), "Nothing is forked here.")
    def test_no_process_is_forked_while_a_connection_is_open(self):
        multiprocessing.set_start_method("fork", force=True)
        connections["orders"].ensure_connection()
        self.assertEqual(self.method(), "spawn")
        connections["orders"].close()
        self.assertEqual(self.method(), "fork")

    @skipUnless("fork" in multiprocessing.get_all_start_methods(), "Nothing is forked here.")
    def test_no_process_is_forked_beside_another_thread(self):
        multiprocessing.set_start_method("fork", force=True)
        ended = threading.Event()
        self.addCleanup(ended.set)
        thread = threading.Thread(target=ended.wait)
        thread.start()
        self.addCleanup(ended.set)
        self.assertEqual(self.method(), "spawn")
        ended.set()
        thread.join()
        self.assertEqual(self.method(), "fork")
