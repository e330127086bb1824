"""What every executor does, whatever its worker runs in. Imported before Django is set up."""

import os
import signal
import threading
import time


class Failure(Exception):
    pass


class Worker:
    """A worker without a database, whose jobs say where and in which order they are done."""

    using = "users"
    reads_stream = False

    def __init__(self):
        self.done = []

    def add(self, *values):
        self.done.append(values)
        return list(self.done)

    def fail(self, reason):
        raise Failure(reason)

    def call(self, function):
        return function()

    def close(self):
        self.done.append("closed")

    def kill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def interrupt(self):
        # Twice: what a test runner does at the first SIGINT is to take note of it.
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)

    def wait_for_interruption(self):
        # Bounded, so that a test fails rather than hangs.
        end = time.monotonic() + 60
        return any(self.is_interrupted() for _ in iter(lambda: time.monotonic() < end, False))

    def place(self):
        return os.getpid(), threading.current_thread().name


class SignalledSetting:
    """A setting that sends the process that unpickles it the signals that stop a load."""

    def __reduce__(self):
        return send_signals, ()


def send_signals():
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)


class ExecutorContract:
    def started(self):
        """Return an executor of a new Worker."""
        raise NotImplementedError

    def setUp(self):
        super().setUp()
        self.executor = self.started()
        self.addCleanup(self.executor.shutdown)

    def test_jobs_are_done_in_the_order_they_were_submitted(self):
        futures = [self.executor.submit("add", n, -n) for n in range(20)]
        self.assertEqual(
            [future.result() for future in futures],
            [[(n, -n) for n in range(last + 1)] for last in range(20)],
        )

    def test_the_exception_of_a_job_is_raised_and_the_next_job_is_done(self):
        failure = self.executor.submit("fail", "disk full")
        with self.assertRaises(Failure) as caught:
            failure.result()
        self.assertEqual(str(caught.exception), "disk full")
        self.assertEqual(self.executor.submit("add").result(), [()])

    def test_an_interruption_reaches_the_job_that_is_being_done(self):
        # The worker is there before the interruption.
        self.executor.submit("add").result()
        waiting = self.executor.submit("wait_for_interruption")
        self.assertIs(waiting.done(), False)
        self.executor.interrupt()
        self.assertIs(waiting.result(), True)

    def test_shutdown_waits_for_the_jobs(self):
        futures = [self.executor.submit("add", n) for n in range(20)]
        self.executor.shutdown()
        self.assertEqual([future.done() for future in futures], [True] * 20)
        self.assertEqual(futures[-1].result()[-1], (19,))
