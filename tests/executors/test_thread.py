import os
import threading

from django.test import SimpleTestCase

from distributed_insert.executors.thread import ThreadExecutor

from .contract import ExecutorContract, Worker


class ThreadExecutorTests(ExecutorContract, SimpleTestCase):
    def started(self):
        return ThreadExecutor(Worker())

    def test_the_jobs_are_done_by_one_thread_of_this_process(self):
        places = {self.executor.submit("place").result() for _ in range(5)}
        self.assertEqual(places, {(os.getpid(), "insert_users_0")})

    def test_there_is_one_thread_also_for_jobs_that_have_to_wait(self):
        held = threading.Event()
        self.addCleanup(held.set)
        before = threading.active_count()
        futures = [self.executor.submit("call", held.wait)]
        futures += [self.executor.submit("add", n) for n in range(5)]
        self.assertEqual(threading.active_count(), before + 1)
        self.assertEqual([future.done() for future in futures], [False] * 6)
        held.set()
        self.assertEqual(futures[-1].result(), [(n,) for n in range(5)])

    def test_shutdown_ends_the_thread(self):
        before = threading.active_count()
        self.executor.submit("add").result()
        self.assertEqual(threading.active_count(), before + 1)
        self.executor.shutdown()
        self.assertEqual(threading.active_count(), before)
