import asyncio
from concurrent.futures import Future

from django.test import SimpleTestCase

from distributed_insert.exceptions import LoadError, UnconfirmedCommit
from distributed_insert.executors import Executor, WorkerLost
from distributed_insert.loading import Counts, ModelResult, Options, Reject
from distributed_insert.loading.model_load import ModelLoad
from distributed_insert.loading.results import BatchResult
from distributed_insert.sources import MemorySource

from ..datasets import USERS

LOST = "The machine that loaded {} is gone."


class EndingExecutor(Executor):
    """An executor whose jobs all end in the same way: they return a value, or raise an error."""

    def __init__(self, end):
        self.end = end
        self.jobs = []

    def submit(self, method, *args):
        self.jobs.append((method, *args))
        future = Future()
        if isinstance(self.end, BaseException):
            future.set_exception(self.end)
        else:
            future.set_result(self.end)
        return future

    def interrupt(self):
        self.jobs.append("interrupt")

    def shutdown(self):
        pass


def model_load(**options):
    return ModelLoad(USERS, MemorySource([], "sample"), Options(**options))


def started(executor, options):
    load = ModelLoad(USERS, MemorySource([], "sample"), Options(**options))

    async def start():
        load.start(executor)

    asyncio.run(start())
    return load


class CallTests(SimpleTestCase):
    def call(self, load, executor, *job):
        async def call():
            load.start(executor)
            return await load.call(*job)

        return asyncio.run(call())

    def test_a_job_and_its_arguments_are_submitted_and_its_result_returned(self):
        executor = EndingExecutor({7})
        self.assertEqual(self.call(model_load(), executor, "missing", [7, 8]), {7})
        self.assertEqual(executor.jobs, [("do", "missing", [7, 8])])

    def assert_fails(self, error, message, is_unconfirmed, *job, **options):
        load = model_load(**options)
        with self.assertRaises(LoadError) as caught:
            self.call(load, EndingExecutor(error), *job)
        self.assertEqual(str(caught.exception), message)
        self.assertIs(load.is_unconfirmed, is_unconfirmed)
        self.assertIs(load.result().is_unconfirmed, is_unconfirmed)

    def test_a_load_error_is_raised_as_it_is(self):
        self.assert_fails(LoadError("users.csv: gone."), "users.csv: gone.", False, "read")

    def test_a_commit_that_failed_is_unconfirmed(self):
        error = UnconfirmedCommit("Database 'users': I/O error")
        self.assert_fails(error, "Database 'users': I/O error", True, "write")

    def test_a_lost_worker_is_unconfirmed_if_it_may_have_committed(self):
        for job, options, may_have_run, is_unconfirmed in (
            ("write", {}, True, True),
            ("write", {}, False, False),
            ("read", {}, True, False),
            ("missing", {}, True, False),
            ("write", {"all_or_nothing": True}, True, False),
            ("commit", {"all_or_nothing": True}, True, True),
            ("commit", {"all_or_nothing": True}, False, False),
        ):
            with self.subTest(job=job, options=options, may_have_run=may_have_run):
                error = WorkerLost(may_have_run, LOST)
                self.assert_fails(
                    error, "The machine that loaded users is gone.", is_unconfirmed, job, **options
                )

    def test_once_unconfirmed_it_stays_so(self):
        load = model_load()
        for job in ("write", "close"):
            with self.assertRaises(LoadError):
                self.call(load, EndingExecutor(WorkerLost(True, LOST)), job)
        self.assertIs(load.is_unconfirmed, True)

    def test_too_little_memory_is_an_error_with_a_remedy(self):
        # The memory for the report of a batch may be missing when the batch is committed.
        for job, is_unconfirmed in (("read", False), ("write", True)):
            with self.subTest(job=job):
                self.assert_fails(
                    MemoryError(),
                    "Not enough memory to load users. Try a smaller --batch-size.",
                    is_unconfirmed,
                    job,
                )

    def test_other_exceptions_are_raised_as_they_are(self):
        with self.assertRaisesMessage(ZeroDivisionError, "a bug"):
            self.call(model_load(), EndingExecutor(ZeroDivisionError("a bug")), "read")

    def test_an_interruption_reaches_the_worker_and_a_source_that_may_be_silent(self):
        for is_stream, given_up in ((False, []), (True, ["give_up"])):
            with self.subTest(is_stream=is_stream):
                executor, calls = EndingExecutor(None), []
                source = MemorySource([])
                source.is_stream = is_stream
                source.give_up = lambda calls=calls: calls.append("give_up")
                load = ModelLoad(USERS, source, Options())
                self.call(load, executor, "read")
                load.interrupt()
                self.assertEqual((executor.jobs[1:], calls), (["interrupt"], given_up))

    def test_only_a_model_with_a_source_has_something_to_finish(self):
        async def is_finished(load):
            load.start(EndingExecutor(None))
            return load.finished.is_set()

        self.assertIs(asyncio.run(is_finished(model_load())), False)
        self.assertIs(asyncio.run(is_finished(ModelLoad(USERS, None, Options()))), True)


class CountTests(SimpleTestCase):
    def test_batches_are_added_up(self):
        load = model_load()
        rejects = [Reject(number, None, {}, ["No."]) for number in (1, 2, 3)]
        load.add(BatchResult(Counts(9, 1, 1, 3, 2, 1, 2), rejects[:2], {"No.": 1, "Yes.": 2}, 0.5))
        load.add(
            BatchResult(Counts(13, 2, 3, 4, 3, 2, 1), rejects[2:], {"Yes.": 3, "Aha.": 1}, 0.8)
        )
        load.seconds = 1.5
        load.rejects_file = "rejects/users.csv"
        self.assertEqual(list(load.result().reasons), ["Yes.", "Aha.", "No."])
        self.assertEqual(
            load.result(),
            ModelResult(
                model="User",
                source="sample",
                database="users",
                counts=Counts(22, 3, 4, 7, 5, 3, 3),
                is_stored=True,
                is_unconfirmed=False,
                rejects=tuple(rejects),
                rejects_file="rejects/users.csv",
                seconds=1.5,
                reasons={"Yes.": 5, "Aha.": 1, "No.": 1},
            ),
        )

    def test_records_that_are_lost_or_counted_twice_are_an_error(self):
        for counts in (
            Counts(2, 1),
            Counts(1, 1, 1),
            Counts(1, 1, 0, 1),
            Counts(1, ignored=1, rejected=1),
            Counts(2, ignored=1, differing=1),
            Counts(0, 1),
        ):
            with self.subTest(counts=counts), self.assertRaises(RuntimeError) as caught:
                model_load().add(BatchResult(counts, [], {}, 0.0))
            self.assertEqual(
                str(caught.exception), f"User records were lost or counted twice: {counts}"
            )

    def test_with_one_transaction_nothing_is_stored_yet(self):
        for options, is_stored in (({}, True), ({"dry_run": True}, False)):
            with self.subTest(options=options):
                self.assertIs(model_load(**options).result().is_stored, is_stored)
