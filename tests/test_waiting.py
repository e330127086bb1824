from types import SimpleNamespace
from unittest import mock

from django.db import connections
from django.test import SimpleTestCase, override_settings

from distributed_insert import waiting
from distributed_insert.waiting import Watch, watch

from .cases import needs

WAITS, NOTHING, READY = "waits", 0, 1


class DriverError(Exception):
    pass


class DriverConnection:
    """Stands for a connection of psycopg; between two looks at what waits, a second passes."""

    closed = False

    def __init__(self, clock):
        self.clock = clock
        self.looks = 0
        self.cancelled = []

    def wait(self, generator, readiness):
        try:
            next(generator)
            for ready in readiness:
                self.looks += 1
                self.clock.monotonic.return_value += 1.0
                generator.send(ready)
        except StopIteration as end:
            return end.value

    def cancel_safe(self, timeout):
        self.cancelled.append(timeout)


def answer(parts=1, error=None):
    """Wait for so many parts of an answer, as psycopg does, and return it or raise an error."""
    for _ in range(parts):
        while not (yield WAITS):
            pass
    if error:
        raise error
    return "answer"


class WatchTests(SimpleTestCase):
    def setUp(self):
        clock = mock.Mock(monotonic=mock.Mock(return_value=0.0))
        patch = mock.patch.object(waiting, "time", clock)
        patch.start()
        self.addCleanup(patch.stop)
        self.driver = DriverConnection(clock)
        self.connection = SimpleNamespace(
            connection=self.driver,
            close=mock.Mock(),
            closed_in_transaction=False,
            Database=SimpleNamespace(Error=DriverError),
        )
        self.interrupted_at = float("inf")
        self.watch = Watch(self.connection, self.is_interrupted)

    def is_interrupted(self):
        return self.driver.looks >= self.interrupted_at

    def assert_dropped(self, is_dropped):
        self.assertEqual(self.connection.close.called, is_dropped)
        self.assertIs(self.connection.closed_in_transaction, is_dropped)

    def test_an_answer_is_passed_on(self):
        self.assertEqual(self.driver.wait(answer(3), [READY] * 3), "answer")
        self.assert_dropped(False)

    def assert_given_up(self, looks, message, generator, readiness):
        from psycopg import OperationalError

        with self.assertRaises(OperationalError) as caught:
            self.driver.wait(generator, readiness)
        self.assertEqual((self.driver.looks, str(caught.exception)), (looks, message))
        self.assertIs(self.watch.failure, caught.exception)
        self.assertEqual(self.driver.cancelled, [2.0])
        self.assert_dropped(True)

    @needs("psycopg", "psycopg[binary]")
    def test_a_server_that_is_silent_is_given_up(self):
        message = "the server has not answered for 60 s, as long as DATABASE_TIMEOUT allows"
        self.assert_given_up(61, message, answer(), [NOTHING] * 100)
        self.assertIs(self.watch.was_interrupted, False)

    @needs("psycopg", "psycopg[binary]")
    def test_a_server_that_cannot_be_asked_to_cancel_is_given_up(self):
        from psycopg import OperationalError

        def cancel_safe(timeout):
            self.driver.cancelled.append(timeout)
            raise OperationalError("refused")

        self.driver.cancel_safe = cancel_safe
        message = "the server has not answered for 60 s, as long as DATABASE_TIMEOUT allows"
        self.assert_given_up(61, message, answer(), [NOTHING] * 100)

    @needs("psycopg", "psycopg[binary]")
    def test_a_server_is_silent_from_its_last_part_on(self):
        message = "the server has not answered for 60 s, as long as DATABASE_TIMEOUT allows"
        readiness = [*[NOTHING] * 50, READY, *[NOTHING] * 50, READY, *[NOTHING] * 100]
        self.assert_given_up(163, message, answer(3), readiness)

    @needs("psycopg", "psycopg[binary]")
    def test_the_time_is_a_setting(self):
        message = "the server has not answered for 5 s, as long as DATABASE_TIMEOUT allows"
        with override_settings(DATABASE_TIMEOUT=5):
            self.assert_given_up(6, message, answer(), [NOTHING] * 100)

    @override_settings(DATABASE_TIMEOUT=0)
    def test_a_server_may_be_silent_for_ever(self):
        self.assertEqual(self.driver.wait(answer(), [*[NOTHING] * 1000, READY]), "answer")

    @needs("psycopg", "psycopg[binary]")
    def test_an_interruption_leaves_a_server_two_seconds(self):
        for timeout in (60, 0):
            with self.subTest(timeout=timeout), override_settings(DATABASE_TIMEOUT=timeout):
                self.setUp()
                self.interrupted_at = 10
                message = "the server has not answered for 2 s"
                self.assert_given_up(13, message, answer(), [NOTHING] * 100)
                self.assertIs(self.watch.was_interrupted, True)

    @needs("psycopg", "psycopg[binary]")
    def test_after_an_interruption_each_answer_has_two_seconds(self):
        self.interrupted_at = 0
        self.assertEqual(self.driver.wait(answer(), [NOTHING, READY]), "answer")
        self.assert_given_up(5, "the server has not answered for 2 s", answer(), [NOTHING] * 100)

    def test_a_connection_that_is_lost_is_not_made_again(self):
        for is_lost in (False, True):
            with self.subTest(is_lost=is_lost):
                self.setUp()
                error = DriverError("server closed the connection unexpectedly")
                self.driver.closed = is_lost
                with self.assertRaises(DriverError) as caught:
                    self.driver.wait(answer(error=error), [READY])
                self.assertIs(caught.exception, error)
                self.assert_dropped(is_lost)
                self.assertIsNone(self.watch.failure)

    def test_a_database_that_is_no_server_is_not_watched(self):
        with mock.patch.object(connections["users"], "vendor", "sqlite"):
            self.assertIsNone(watch("users", lambda: False))

    def test_a_connection_of_psycopg_2_is_not_watched(self):
        psycopg2 = mock.Mock(vendor="postgresql", connection=object())
        with mock.patch.object(waiting, "connections", {"users": psycopg2}):
            self.assertIsNone(watch("users", lambda: False))
        psycopg2.ensure_connection.assert_called_once_with()
