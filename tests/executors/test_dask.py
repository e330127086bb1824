import asyncio
import gc
import logging
import os
import pickle
import re
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from importlib import metadata
from itertools import count
from types import SimpleNamespace
from unittest import TestCase, addModuleCleanup, mock

from django.conf import settings
from django.db import connections
from django.test import SimpleTestCase

from distributed_insert.exceptions import Interrupted, LoadError, UnconfirmedCommit
from distributed_insert.executors import WorkerLost, start

from ..clusters import cluster, needs_dask, why_not
from .contract import ExecutorContract, Failure, Worker

clusters = {}


def setUpModule():
    if not why_not():
        ending = ExitStack()
        addModuleCleanup(ending.close)
        clusters["any"] = ending.enter_context(cluster([{}, {}]))


def worker_of(using):
    worker = Worker()
    worker.using = using
    return worker


class ClusterTestCase(SimpleTestCase):
    def placed(self, workers, dask, wait=30, **how):
        """Return the executors of workers on a cluster."""
        ending = ExitStack()
        self.addCleanup(ending.close)
        return ending.enter_context(start(workers, "dask", dask.address, wait, **how))


@needs_dask
class DaskExecutorTests(ExecutorContract, ClusterTestCase):
    def started(self):
        return self.placed({"a": Worker()}, clusters["any"])["a"]

    def test_the_jobs_are_done_by_one_thread_of_a_dask_worker(self):
        places = {self.executor.submit("place").result() for _ in range(5)}
        [(process, thread)] = places
        self.assertIn(process, [worker.pid for worker in clusters["any"].workers])
        self.assertEqual(thread, "insert_users_0")

    def test_a_job_that_waits_keeps_no_other_worker_from_its_jobs(self):
        both = self.placed({n: worker_of("users") for n in "ab"}, clusters["any"])
        waiting = both["a"].submit("wait_for_interruption")
        self.assertEqual(both["b"].submit("add", 1).result(), [(1,)])
        self.assertIs(waiting.done(), False)
        both["a"].interrupt()
        self.assertIs(waiting.result(), True)

    def test_the_place_of_an_exception_is_told(self):
        with self.assertRaises(Failure) as caught:
            self.executor.submit("fail", "disk full").result()
        self.assertIn("in fail\n    raise Failure(reason)", str(caught.exception.__cause__))

    def test_no_job_waits_for_one_that_did_not_arrive(self):
        for delivers, may_have_run in (
            (mock.AsyncMock(side_effect=OSError), True),
            (self.executor._place.do, False),
        ):
            with mock.patch.object(self.executor._place, "do", delivers):
                with self.assertRaises(WorkerLost) as caught:
                    self.executor.submit("add").result(30)
                self.assertIs(caught.exception.may_have_run, may_have_run)

    def run_in_loop(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.executor._loop).result()

    def test_who_waits_for_other_places_is_told_of_one_that_is_lost(self):
        self.assertIs(self.run_in_loop(self.executor.has_place()), True)
        self.executor._loop.call_soon_threadsafe(self.executor._lost.set)
        with self.assertRaises(LoadError) as caught:
            self.run_in_loop(self.executor.has_place())
        self.assertEqual(
            str(caught.exception),
            f"The Dask worker {self.executor.address} that loaded users is lost. What it had not "
            "committed is rolled back.",
        )

    def test_nothing_waits_any_more_for_a_job_that_is_done(self):
        async def waiting():
            return [t for t in asyncio.all_tasks() if t.get_coro().__qualname__ == "Event.wait"]

        before = len(self.run_in_loop(waiting()))
        for _ in range(20):
            self.executor.submit("add").result()
        self.assertLess(len(self.run_in_loop(waiting())), before + 20)

    def test_a_place_that_dask_has_dropped_is_lost(self):
        dropped = mock.AsyncMock(side_effect=KeyError(self.executor._key))
        with mock.patch.object(self.executor._place, "do", dropped):
            with self.assertRaises(WorkerLost):
                self.executor.submit("add").result(30)

    def test_answers_do_not_overtake_each_other(self):
        do, ended = self.executor._place.do, []

        async def do_late(number, *job):
            reply = await do(number, *job)
            # The first answer comes when the second is there.
            while number == 0 and not second_is_there.is_set():
                await asyncio.sleep(0.01)
            if number == 1:
                second_is_there.set()
            return reply

        second_is_there = threading.Event()
        with mock.patch.object(self.executor._place, "do", do_late):
            futures = [self.executor.submit("add", n) for n in range(2)]
            for number, future in enumerate(futures):
                future.add_done_callback(lambda _, number=number: ended.append(number))
            wait(futures, timeout=30)
        self.assertEqual(ended, [0, 1])

    def test_error_for_a_scheduler_with_another_version_of_distributed(self):
        dask = clusters["any"]
        with mock.patch("distributed.__version__", "1.0"), self.assertRaises(LoadError) as caught:
            self.placed({"a": Worker()}, dask)
        self.assertEqual(
            str(caught.exception),
            f"The Dask scheduler {dask.address} has distributed {metadata.version('distributed')}, "
            "and here is 1.0. Install the same version on both sides.",
        )

    def test_error_for_a_dask_worker_that_is_no_scheduler(self):
        log = clusters["any"].workers[0].log()
        address = re.search(r"Start worker at: *(\S+)", log).group(1)
        with self.assertRaises(LoadError) as caught:
            self.placed({"a": Worker()}, mock.Mock(address=address))
        self.assertEqual(
            str(caught.exception),
            f"The Dask scheduler {address} cannot be reached: what answers there is a Dask worker. "
            "Check its address: with TLS, it begins with tls://.",
        )

    def test_nothing_of_it_stays_when_it_has_been_shut_down(self):
        def loops():
            return [t.name for t in threading.enumerate() if t.name.startswith("dask")]

        # One thread is that of the other executor.
        self.assertEqual(loops(), ["dask_0"])
        with start({"a": Worker()}, "dask", clusters["any"].address, 30) as executors:
            executors["a"].submit("add").result()
            self.assertEqual(loops(), ["dask_0", "dask_0"])
        self.assertEqual(loops(), ["dask_0"])


@needs_dask
class ProgramTests(ClusterTestCase):
    """What a load leaves to the program that calls it."""

    def test_its_loggers_are_as_they_were_when_the_last_of_two_loads_has_ended(self):
        from distributed_insert.executors.event_loop import LOGGERS

        loggers = [logging.getLogger(name) for name in LOGGERS]
        for logger in loggers:
            self.addCleanup(logger.setLevel, logger.level)
            logger.setLevel(logging.INFO)
        first, second = ExitStack(), ExitStack()
        for load in (first, second):
            dask = clusters["any"].address
            load.enter_context(start({"a": worker_of("users")}, "dask", dask, 60))
        first.close()
        self.assertEqual({logger.level for logger in loggers}, {logging.CRITICAL})
        second.close()
        self.assertEqual({logger.level for logger in loggers}, {logging.INFO})

    def test_its_own_client_of_dask_stays_the_default(self):
        from distributed import default_client

        self.placed({"a": Worker()}, clusters["any"])
        with self.assertRaisesMessage(ValueError, "No clients found"):
            default_client()


@needs_dask
class WaitingTests(SimpleTestCase):
    """What is waited for, without a cluster."""

    def test_what_is_missing_is_said_once(self):
        from distributed_insert.executors import cluster
        from distributed_insert.executors.cluster import Missing

        found = [Missing("A", "Add A."), Missing("A and B", "Add A."), Missing("C", "Add C."), None]
        looks, said = iter([found[0], *found]), []

        async def look():
            return next(looks)

        # Each look is two seconds after the one before.
        clock = mock.Mock(monotonic=mock.Mock(side_effect=count(0, 2)))
        with mock.patch.multiple(cluster, time=clock, PATIENCE=0):
            asyncio.run(cluster.Waiting(60, lambda: None, said.append).until(look))
        self.assertEqual(said, [f"{what}: waiting for at most 60 s." for what in "AC"])

    def test_a_resource_is_found_on_any_of_many_workers(self):
        from distributed_insert.executors import cluster

        async def identity(n_workers=5):
            workers = [{"resources": {}}] * 5 + [{"resources": {"users": 1}}]
            return {"workers": dict(enumerate(workers[:n_workers] if n_workers > 0 else workers))}

        scheduler = SimpleNamespace(address="tcp://a:1", identity=identity)
        client = SimpleNamespace(scheduler=scheduler)
        waiting = cluster.Waiting(0, lambda: None, len)
        with mock.patch.object(cluster, "Scheduler", scheduler):
            found = asyncio.run(cluster.owners(client, ["users"], waiting))
        self.assertEqual(found, {"users": [5]})

    def test_what_is_needed_of_a_dask_worker_is_taken_at_once_and_in_one_order_by_all_loads(self):
        """Two loads that each wait for what the other has would wait for ever."""
        from distributed_insert.executors.cluster import Waiting
        from distributed_insert.executors.placing import _hold

        held = []

        class Owner(SimpleNamespace):
            hear = mock.AsyncMock(return_value=True)

            def hold(self, others):
                held.append([self.using, *(each.using for each in others)])

        places = [("products", "tcp://b:1"), ("orders", "tcp://a:1"), ("users", "tcp://b:1")]
        owners = [Owner(using=using, address=address) for using, address in places]
        asyncio.run(_hold(owners, Waiting(0, lambda: None, held.append)))
        self.assertEqual(held, [["orders"], ["products", "users"]])

    def test_each_of_the_resources_of_a_dask_worker_is_waited_for(self):
        from distributed_insert.executors.placing import _look_for_resources

        for has, missing in (
            ((True, True), None),
            (
                (True, False),
                (
                    "Another load has orders=1 or users=1 of the Dask worker tcp://a:1",
                    "Run the command again when that has ended, or wait longer with --wait.",
                ),
            ),
        ):
            with self.subTest(has=has):
                owners = [
                    SimpleNamespace(using=using, hear=mock.AsyncMock(return_value=is_held))
                    for using, is_held in zip(("users", "orders"), has)
                ]
                self.assertEqual(asyncio.run(_look_for_resources("tcp://a:1", owners)()), missing)

    def test_a_place_that_no_worker_has_time_for_is_waited_for(self):
        from distributed_insert.executors.placing import _look_for_places

        owner = SimpleNamespace(using="users", has_place=mock.AsyncMock(return_value=False))
        remedy = (
            "Each is still starting, or has other work: run the command again later, or wait "
            "longer with --wait."
        )
        for may_own, what in (
            (["tcp://a:1"], "No Dask worker with the resource users=1 is ready"),
            ([], "No Dask worker is ready"),
        ):
            with self.subTest(may_own=may_own):
                missing = asyncio.run(_look_for_places([owner], {"users": may_own})())
                self.assertEqual(missing, (what, remedy))

    def test_a_place_that_is_made_again_is_waited_for(self):
        from distributed_insert.executors.dask import DaskExecutor

        async def has_place(status):
            executor = DaskExecutor(mock.Mock(), worker_of("users"))
            executor._future = mock.Mock(status=status)
            return await executor.has_place()

        for status in ("pending", "lost"):
            with self.subTest(status=status):
                self.assertIs(asyncio.run(has_place(status)), False)

    def test_a_place_that_is_lost_before_it_is_there(self):
        from distributed_insert.executors.dask import DaskExecutor

        for error, told in (
            (
                CancelledError(),
                "The Dask scheduler is lost. What had not been committed is rolled back.",
            ),
            (OSError("closed"), "The Dask worker that was to load 'users' is lost."),
        ):

            async def ask(error=error):
                executor = DaskExecutor(mock.Mock(), worker_of("users"))
                executor._future = mock.Mock(
                    status="finished", exception=mock.AsyncMock(side_effect=error)
                )
                await executor.has_place()

            with self.subTest(error=error), self.assertRaises(LoadError) as caught:
                asyncio.run(ask())
            self.assertEqual(str(caught.exception), told)


@needs_dask
class OwnersTests(ClusterTestCase):
    """Which Dask worker has which database's worker."""

    def places(self, executors):
        return {key: each.submit("place").result()[0] for key, each in executors.items()}

    def test_a_worker_is_where_the_resource_of_its_database_is(self):
        workers = {n: worker_of(n) for n in ("users", "products", "orders")}
        with cluster([{}, {"orders": 1}, {"users": 2, "products": 1}]) as dask:
            _, of_orders, of_others = (each.pid for each in dask.workers)
            self.assertEqual(
                self.places(self.placed(workers, dask)),
                {"orders": of_orders, "users": of_others, "products": of_others},
            )
            self.doCleanups()

    def test_loads_that_need_the_same_dask_worker_at_once_get_it_one_after_the_other(self):
        names = ("products", "orders", "users")

        def load(number):
            # Each asks in another order.
            workers = {n: worker_of(n) for n in names[number:] + names[:number]}
            with start(workers, "dask", dask.address, 120) as executors:
                return len(self.places(executors))

        with cluster([dict.fromkeys(names, 1)]) as dask, ThreadPoolExecutor(3) as threads:
            self.assertEqual(list(threads.map(load, range(3))), [3, 3, 3])

    def test_two_models_of_one_database_have_one_owner(self):
        workers = {n: worker_of("users") for n in range(3)}
        with cluster([{"users": 1}, {"users": 1}]) as dask:
            self.assertEqual(len(set(self.places(self.placed(workers, dask)).values())), 1)
            self.doCleanups()

    def test_two_loads_have_different_owners_while_there_are_enough(self):
        with cluster([{"users": 1}, {"users": 1}]) as dask:
            places = {
                self.places(self.placed({"a": worker_of("users")}, dask))["a"] for _ in range(2)
            }
            self.assertEqual(places, {worker.pid for worker in dask.workers})
            with self.assertRaises(LoadError) as caught:
                self.placed({"a": worker_of("users")}, dask, wait=5)
            self.assertRegex(
                str(caught.exception),
                r"^Another load has users=1 of the Dask worker tcp://127\.0\.0\.1:\d+ \(waited for "
                r"5 s\)\. Run the command again when that has ended, or wait longer with --wait\.$",
            )
            self.doCleanups()

    def test_less_than_one_of_a_resource_is_none(self):
        with cluster([{"users": 0.5}]) as dask:
            with self.assertRaises(LoadError) as caught:
                self.placed({"a": worker_of("users")}, dask, wait=5)
            self.assertEqual(
                str(caught.exception),
                "No Dask worker has the resource users=1, only users=0.5 (waited for 5 s). "
                "Start one, in the project's folder: PYTHONPATH=. dask worker "
                f"{dask.address} --resources users=1",
            )

    def test_the_resource_is_free_again_when_a_load_has_ended(self):
        with cluster([{"users": 1}]) as dask:
            first = self.placed({"a": worker_of("users")}, dask)["a"]
            self.assertEqual(first.submit("add").result(), [()])
            # Its client stays: Dask would drop the place of one that goes.
            first.shutdown()
            # The second one waits for less than a place that has been forgotten would keep it.
            second = self.placed({"a": worker_of("users")}, dask, wait=8)["a"]
            self.assertEqual(second.submit("add").result(), [()])
            self.doCleanups()

    def test_error_for_a_scheduler_that_is_lost_while_an_owner_is_waited_for(self):
        with cluster([{"users": 1}]) as dask:
            self.placed({"a": worker_of("users")}, dask)
            with self.assertRaises(LoadError) as caught:
                self.placed(
                    {"a": worker_of("users")}, dask, on_wait=lambda what: dask.scheduler.kill()
                )
            self.assertEqual(
                str(caught.exception),
                "The Dask scheduler is lost. What had not been committed is rolled back.",
            )
            self.doCleanups()

    def test_who_waits_stops_at_a_signal(self):
        with cluster([{"users": 1}]) as dask:
            with self.assertRaises(Interrupted):
                self.placed(
                    {"a": worker_of("orders"), "b": worker_of("users")},
                    dask,
                    60,
                    stopped_by=lambda: 15,
                )


class Actors(dict):
    """The actors of a Dask worker, which know how often somebody has looked for one."""

    def __init__(self):
        super().__init__()
        self.looks = threading.Semaphore(0)

    def __contains__(self, key):
        self.looks.release()
        return super().__contains__(key)


@needs_dask
class PlaceTests(TestCase):
    def setUp(self):
        dask_worker = mock.Mock(address="tcp://10.0.0.7:4000")
        self.actors = dask_worker.state.actors = Actors()
        patch = mock.patch("distributed.get_worker", return_value=dask_worker)
        patch.start()
        self.addCleanup(patch.stop)

    def place(self, using="users", vendor=None, **other):
        from distributed_insert.executors.place import VERSIONS, Place

        worker = worker_of(using)
        vendor = vendor or connections["users"].vendor
        expected = {**VERSIONS, **other}
        pickled = pickle.dumps((worker, vendor))
        place = Place("key", settings.SETTINGS_MODULE, expected, pickled)
        self.addCleanup(lambda: asyncio.run(place.end()))
        return place

    def run_jobs(self, place, *jobs):
        """Have jobs arrive in this order, at the same time; return what is answered."""

        async def run():
            calls = asyncio.gather(*(place.do(*job) for job in jobs))
            return await asyncio.wait_for(calls, 30)

        return asyncio.run(run())

    def test_jobs_are_done_in_the_order_of_their_numbers(self):
        place = self.place()
        replies = self.run_jobs(place, (2, "add", "c"), (1, "add", "b"), (0, "add", "a"))
        results = [result for result, _, _ in replies]
        self.assertEqual(results, [[("a",), ("b",), ("c",)], [("a",), ("b",)], [("a",)]])

    def test_a_job_that_comes_again_is_not_done_again(self):
        place = self.place()
        first, again, after = self.run_jobs(place, (0, "add"), (0, "add"), (1, "add"))
        self.assertEqual((first[0], after[0]), ([()], [(), ()]))
        self.assertIsInstance(again[1], WorkerLost)
        self.assertEqual(
            again[1].args,
            (
                True,
                "The Dask worker tcp://10.0.0.7:4000 that loaded {} lost its connection. What it "
                "had not committed is rolled back.",
            ),
        )

    def test_no_job_waits_for_one_whose_thread_could_not_be_started(self):
        place = self.place()
        failure = LoadError("The workers cannot be started: can't start new thread.")
        with mock.patch.object(place._executor, "submit", side_effect=failure):
            with self.assertRaises(LoadError) as caught:
                self.run_jobs(place, (0, "add"))
        self.assertIs(caught.exception, failure)
        [(result, _, _)] = self.run_jobs(place, (1, "add"))
        self.assertEqual(result, [()])

    def test_an_error_says_on_which_machine_it_was(self):
        def fail():
            raise LoadError("users.csv is empty.")

        [(_, error, _)] = self.run_jobs(self.place(), (0, "call", fail))
        self.assertEqual(
            str(error),
            "users.csv is empty.\n"
            f"That was on the Dask worker tcp://10.0.0.7:4000, in {os.getcwd()}.",
        )

    def test_a_commit_that_was_not_confirmed_stays_one(self):
        def fail():
            raise UnconfirmedCommit("Database 'users': I/O error")

        [(_, error, _)] = self.run_jobs(self.place(), (0, "call", fail))
        self.assertIs(type(error), UnconfirmedCommit)
        self.assertEqual(str(error), "Database 'users': I/O error")

    def test_others_are_answered_while_a_place_that_ends_waits_for_its_job(self):
        place = self.place()
        is_released = threading.Event()

        async def run():
            loop, has_begun = asyncio.get_running_loop(), asyncio.Event()

            def wait():
                loop.call_soon_threadsafe(has_begun.set)
                return is_released.wait(5)

            job = asyncio.ensure_future(place.do(0, "call", wait))
            await has_begun.wait()
            ending = asyncio.ensure_future(place.end())
            # The end has begun when others have their turn.
            await asyncio.sleep(0)
            is_released.set()
            await ending
            return await job

        result, _, _ = asyncio.run(run())
        self.assertIs(result, True)

    def test_no_job_is_done_after_the_end(self):
        place = self.place()
        asyncio.run(place.end())
        replies = self.run_jobs(place, (1, "add"), (0, "add"))
        told = (
            False,
            "The Dask worker tcp://10.0.0.7:4000 that loaded {} had given up this command, "
            "which was not heard any more. What it had not committed is rolled back.",
        )
        self.assertEqual([(type(e), e.args) for _, e, _ in replies], [(WorkerLost, told)] * 2)

    def test_a_place_that_hears_nothing_closes_its_worker_and_lets_go_of_the_resource(self):
        from distributed_insert.executors import place as places

        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(701, 11, 12)
        with mock.patch.multiple(places, PING=0.01, SILENCE=1.0):
            place = self.place()
            self.assertNotEqual(gc.get_threshold(), (701, 11, 12))
            with mock.patch.object(places.distributed, "secede") as seceded:
                places.hold("key")
        seceded.assert_called_once_with()
        self.assertEqual(place._worker.done, ["closed"])
        self.assertEqual(gc.get_threshold(), (701, 11, 12))

    @contextmanager
    def clock(self):
        """Yield a clock that a test sets, and have places look at it often."""
        from distributed_insert.executors import place as places

        clock = mock.Mock(monotonic=mock.Mock(return_value=0.0))
        with mock.patch.multiple(places, PING=0.01, time=clock):
            yield clock.monotonic

    def test_a_place_that_hears_its_coordinator_stays(self):
        with self.clock() as now:
            place = self.place()
            for seconds in (10, 20, 30):
                self.assertIs(self.has_ended_after_a_look(place), False)
                now.return_value = seconds
                asyncio.run(place.hear())
            now.return_value = 40.1
            place.has_let_go.wait()

    def test_a_job_that_waits_is_interrupted_when_its_coordinator_is_lost(self):
        def wait():
            now.return_value = 10.1
            return place._worker.wait_for_interruption()

        with self.clock() as now:
            place = self.place()
            [(was_interrupted, _, _)] = self.run_jobs(place, (0, "call", wait))
        self.assertIs(was_interrupted, True)

    def test_a_place_that_dask_has_dropped_closes_its_worker(self):
        from distributed_insert.executors import place as places

        with mock.patch.multiple(places, PING=0.01, SILENCE=1000):
            place = self.place()
            # Dask has it among its actors only when it is made.
            self.assertIs(self.has_ended_after_a_look(place), False)
            self.actors["key"] = place
            asyncio.run(place.where())
            self.assertIs(self.has_ended_after_a_look(place), False)
            del self.actors["key"]
            self.assertIs(place.has_let_go.wait(30), True)
        self.assertEqual(place._worker.done, ["closed"])

    def has_ended_after_a_look(self, place):
        """Return whether a place has ended when it has looked for itself once more."""
        while self.actors.looks.acquire(blocking=False):
            pass
        # What it does after the first look has been done when it looks again.
        for _ in range(2):
            # Bounded, since a place that has ended looks no more.
            self.actors.looks.acquire(timeout=5)
        return place.has_let_go.is_set()

    def test_a_place_that_cannot_close_its_worker_lets_go_of_the_resource(self):
        place = self.place()
        with mock.patch.object(place._executor, "submit", side_effect=LoadError("no thread")):
            place._end(is_abandoned=True)
        self.assertIs(place.has_let_go.is_set(), True)

    def test_a_place_says_whether_the_resource_is_held(self):
        from distributed_insert.executors import place as places

        place = self.place()
        self.assertIs(asyncio.run(place.hear()), False)
        holding = threading.Thread(target=places.hold, args=["key"])
        with mock.patch.object(places.distributed, "secede"):
            holding.start()
            place.is_held.wait()
        self.assertIs(asyncio.run(place.hear()), True)
        self.assertIs(holding.is_alive(), True)
        asyncio.run(place.end())
        holding.join()

    def test_nothing_is_held_for_a_place_that_is_gone(self):
        from distributed_insert.executors import place as places

        asyncio.run(self.place().end())
        with mock.patch.object(places.distributed, "secede") as seceded:
            for key in ("key", "another key"):
                places.hold(key)
        seceded.assert_not_called()

    def test_other_versions_are_refused(self):
        from distributed_insert.executors.place import VERSIONS

        with self.assertRaises(LoadError) as caught:
            self.place(Python="2.7", Django="1.0")
        self.assertEqual(
            str(caught.exception),
            "The Dask worker tcp://10.0.0.7:4000 does not have the same versions: Python 2.7 here, "
            f"{VERSIONS['Python']} there; Django 1.0 here, {VERSIONS['Django']} there. Install the "
            "same there, and start it again.",
        )

    def test_a_database_that_is_not_in_the_settings_is_refused(self):
        with self.assertRaises(LoadError) as caught:
            self.place(using="archive")
        self.assertEqual(
            str(caught.exception),
            "The Dask worker tcp://10.0.0.7:4000 has no database 'archive' in its settings. Start "
            "it with the settings of this project.",
        )

    def test_a_database_of_another_kind_is_refused(self):
        with self.assertRaises(LoadError) as caught:
            self.place(vendor="oracle")
        self.assertEqual(
            str(caught.exception),
            f"Database 'users' is oracle here, and {connections['users'].vendor} on "
            "the Dask worker tcp://10.0.0.7:4000. Set USERS_DATABASE_URL in both environments.",
        )
