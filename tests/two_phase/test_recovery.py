import signal
from contextlib import ExitStack
from unittest import SkipTest, mock

from django.core.management import call_command
from django.db import connections
from django.test import SimpleTestCase, override_settings, tag

from distributed_insert import waiting
from distributed_insert.loading import Options, load
from distributed_insert.sources import MemorySource
from distributed_insert.two_phase import (
    Ended,
    Gid,
    Verdict,
    decisions,
    on_own_connections,
    recover,
    recovery,
)

from ..cases import database_at
from ..datasets import USERS
from ..proxy import Proxy
from ..servers import servers, why_not

running = ExitStack()
on_server = {}
HOLDS = "Database 'products' holds what a load has prepared, and it cannot be ended: "
RUN = ". When that is mended, run: python manage.py recover_load. "


def setUpModule():
    if why_not():
        raise SkipTest(why_not())
    on_server.update(zip(("users", "products"), running.enter_context(servers(2))))


def tearDownModule():
    running.close()


@tag("own_servers")
class MessageTests(SimpleTestCase):
    gid = Gid("users", "9dcf", "07ab", "products.product")

    def test_what_was_decided_is_what_to_do_by_hand(self):
        for verdict, by_hand in (
            (Verdict.COMMIT, f"by hand: COMMIT PREPARED '{self.gid}'"),
            (Verdict.ROLL_BACK, f"by hand: ROLLBACK PREPARED '{self.gid}'"),
            (
                Verdict.UNKNOWN,
                f"by hand, in every database alike: COMMIT PREPARED '{self.gid}' or ROLLBACK "
                f"PREPARED '{self.gid}'",
            ),
        ):
            with self.subTest(verdict=verdict):
                self.assertEqual(
                    Ended("products", self.gid, verdict, "permission denied").message,
                    f"{HOLDS}permission denied{RUN}If it cannot be, end it {by_hand}",
                )


@tag("own_servers")
class RecoveryTests(SimpleTestCase):
    databases = {"users", "products", "orders"}

    def setUp(self):
        self.proxy = Proxy(on_server["products"].port, on_request=self.on_request)
        with ExitStack() as places:
            places.enter_context(self.proxy)
            places.enter_context(database_at("users", on_server["users"].url()))
            url = on_server["products"].url(port=self.proxy.port)
            places.enter_context(database_at("products", url))
            self.addCleanup(places.pop_all().close)
        self.is_silent = False
        self.gid = Gid("users", decisions.create_table("users"), "07ab", "products.product")
        self.prepare("products", self.gid)

    def prepare(self, alias, gid):
        on_server[alias].execute(f"BEGIN; PREPARE TRANSACTION {gid.literal}")
        self.addCleanup(self.end, alias, gid)

    def end(self, alias, gid):
        if (str(gid),) in on_server[alias].execute("SELECT gid FROM pg_prepared_xacts"):
            on_server[alias].execute(f"ROLLBACK PREPARED {gid.literal}")

    def on_request(self, data):
        if b"PREPARED" in data and self.is_silent:
            self.proxy.be_silent()

    def test_what_was_not_decided_is_rolled_back(self):
        ended = [Ended("products", self.gid, Verdict.ROLL_BACK, "")]
        self.assertEqual(on_own_connections(recover), (ended, {}))
        self.assertEqual(on_own_connections(recover), ([], {}))

    def test_a_server_that_falls_silent_is_given_up(self):
        self.is_silent = True
        with override_settings(DATABASE_TIMEOUT=1):
            found, failures = on_own_connections(recover)
        problem = (
            "the server has not answered for 1 s, as long as DATABASE_TIMEOUT allows. Check that "
            "the server is running."
        )
        self.assertEqual(found, [Ended("products", self.gid, Verdict.ROLL_BACK, problem)])
        self.assertEqual(failures, {})

    def test_a_signal_leaves_a_silent_server_little_time(self):
        self.is_silent = True
        with mock.patch.object(waiting, "HURRY", 0.1):
            found, _ = on_own_connections(recover, stopped_by=lambda: signal.SIGTERM)
        problem = "the server has not answered for 0.1 s. Check that the server is running."
        self.assertEqual(found, [Ended("products", self.gid, Verdict.ROLL_BACK, problem)])

    def test_what_another_program_ends_meanwhile_is_not_reported(self):
        """It may have been committed, and the row deleted before it was asked for."""
        self.end("products", self.gid)
        prepared = {"products": [self.gid]}
        with mock.patch.object(recovery, "prepared", lambda using: prepared.get(using, [])):
            self.assertEqual(on_own_connections(recover), ([], {}))

    def test_a_verdict_leaves_no_setting_behind(self):
        """PgBouncer could give the connection to another program."""
        verdict = decisions.verdict("users", self.gid.identity, "07ab")
        self.assertIs(verdict, Verdict.ROLL_BACK)
        with connections["users"].cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            self.assertEqual(cursor.fetchone(), ("20s",))

    def test_what_a_load_cannot_end_is_said_once(self):
        call_command("migrate", database="users", verbosity=0)
        gid = self.gid._replace(decider="elsewhere", holder="users.user")
        self.prepare("users", gid)
        source = MemorySource([{"id": 1, "name": "Ann", "email": "ann@example.com"}])
        outcome = load({USERS: source}, Options())
        self.assertEqual(
            str(outcome.error),
            "Database 'users' holds what a load has prepared, and it cannot be ended: Its load was "
            f"decided in database 'elsewhere', which is not here{RUN}If it cannot be, end it by "
            f"hand, in every database alike: COMMIT PREPARED {gid.literal} or ROLLBACK PREPARED "
            f"{gid.literal}",
        )
        rolled_back = "Database 'products': rolled back what an earlier load had prepared."
        self.assertEqual(outcome.recovered, (rolled_back,))
