"""What is left prepared, in three databases of one server."""

import io
from contextlib import ExitStack
from unittest import SkipTest, mock

from django.core.management import CommandError, call_command
from django.db import DataError, OperationalError, connections, transaction
from django.test import TransactionTestCase, tag

from distributed_insert.exceptions import LoadError
from distributed_insert.models import Order, Product
from distributed_insert.sources import MemorySource
from distributed_insert.two_phase import (
    DecidingTransaction,
    Gid,
    PreparedTransaction,
    Transaction,
    Verdict,
    decisions,
    on_own_connections,
    prepared,
    recover,
    transactions,
)

from ..cases import MODEL_ALIASES, SESSIONS, database_at, stored
from ..datasets import PRODUCTS
from ..loading.cases import load, products
from ..servers import free_port, servers, why_not

running = ExitStack()
made = []
COMMITTED = "Database 'orders': committed what an earlier load had prepared.\n"
ALIVE = "Database 'products': left alone what a load has prepared, since it is still running."
FOUND = "Database '{}' holds what a load has prepared, and it cannot be ended: "
AGAIN = (
    " When that is mended, run: python manage.py recover_load. If it cannot be, end it by hand: "
    "COMMIT PREPARED {}"
)


def setUpModule():
    if why_not():
        raise SkipTest(why_not())
    made[:] = running.enter_context(servers(1))
    for alias in MODEL_ALIASES:
        made[0].execute(f"CREATE DATABASE {alias}")
        running.enter_context(database_at(alias, made[0].url(alias)))
        call_command("migrate", database=alias, verbosity=0)


def tearDownModule():
    running.close()


def show(name, using):
    with connections[using].cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]


@tag("own_servers")
class PreparedTestCase(TransactionTestCase):
    databases = set(MODEL_ALIASES)

    def setUp(self):
        self.identity = decisions.create_table("users")

    def prepare(self, load, *records, identity=None):
        """Prepare the records of a load, which has not decided; return their gids."""
        gids = []
        for record in records:
            name = record._meta.model_name
            gid = Gid("users", identity or self.identity, load, f"{name}s.{name}")
            held = PreparedTransaction(f"{name}s")
            held.begin()
            record.save(using=f"{name}s", force_insert=True)
            held.prepare(gid)
            self.addCleanup(transactions.end, f"{name}s", gid, "ROLLBACK")
            gids.append(gid)
        return gids

    def decide(self, load):
        decisions.decide("users", load)
        self.addCleanup(decisions.forget, "users", load)

    def rows(self):
        return [values[0] for model in (Product, Order) for values in stored(model)]


def lamp(number):
    return Product(id=number, name="Lamp", price=1.5)


def order(number):
    return Order(id=number, user_id=1, product_id=1, quantity=1)


class RecoverTests(PreparedTestCase):
    def recovered(self):
        found, failures = on_own_connections(recover)
        self.assertEqual(failures, {})
        return [(each.using, each.gid.load, each.verdict, each.problem) for each in found]

    def test_each_load_is_ended_as_it_has_decided(self):
        self.prepare("07ab", lamp(1))
        self.prepare("19cd", order(2))
        self.decide("19cd")
        self.assertEqual(
            self.recovered(),
            [("products", "07ab", Verdict.ROLL_BACK, ""), ("orders", "19cd", Verdict.COMMIT, "")],
        )
        self.assertEqual(self.rows(), [2])
        self.assertEqual([prepared(alias) for alias in MODEL_ALIASES], [[], [], []])

    def test_what_cannot_be_ended_of_one_load_does_not_hold_up_another(self):
        self.prepare("07ab", lamp(1), identity="other")
        self.prepare("19cd", order(2))
        self.decide("19cd")
        elsewhere = "Its load was decided in another database than 'users' is now."
        self.assertEqual(
            self.recovered(),
            [
                ("products", "07ab", Verdict.UNKNOWN, elsewhere),
                ("orders", "19cd", Verdict.COMMIT, ""),
            ],
        )
        self.assertEqual(self.rows(), [2])

    def test_what_a_load_that_still_runs_has_prepared_is_left_alone(self):
        held = DecidingTransaction("users", "07ab")
        held.begin()
        self.addCleanup(held.roll_back)
        self.prepare("07ab", lamp(1))
        with mock.patch.object(decisions, "PATIENCE_MS", 10):
            self.assertEqual(self.recovered(), [("products", "07ab", Verdict.ALIVE, "")])
        held.roll_back()
        self.assertEqual(self.recovered(), [("products", "07ab", Verdict.ROLL_BACK, "")])

    def test_a_load_goes_on_beside_one_that_still_runs(self):
        held = DecidingTransaction("users", "07ab")
        held.begin()
        self.addCleanup(held.roll_back)
        self.prepare("07ab", lamp(1))
        with mock.patch.object(decisions, "PATIENCE_MS", 10):
            outcome = load({PRODUCTS: MemorySource(products(2))})
        self.assertEqual((outcome.error, outcome.recovered), (None, (ALIVE,)))
        self.assertEqual(outcome.models[0].counts.inserted, 1)

    def test_orders_wait_for_what_they_refer_to(self):
        _, gid = self.prepare("07ab", lamp(1), order(1))
        self.decide("07ab")
        with mock.patch("distributed_insert.two_phase.recovery.end", self.end_no_products):
            found, _ = on_own_connections(recover)
        self.assertEqual(
            [each.message for each in found],
            [
                FOUND.format("products")
                + "lost."
                + AGAIN.format(gid._replace(holder="products.product").literal),
                FOUND.format("orders")
                + "What it refers to is not committed yet in 'products'."
                + AGAIN.format(gid.literal),
            ],
        )
        self.assertEqual(self.rows(), [])

    def end_no_products(self, using, *args):
        if using == "products":
            raise OperationalError("lost")
        transactions.end(using, *args)

    def test_what_another_program_has_prepared_is_its_own(self):
        with transaction.atomic(using="products"), connections["products"].cursor() as cursor:
            cursor.execute("PREPARE TRANSACTION 'another'")
        try:
            self.assertEqual(self.recovered(), [])
        finally:
            made[0].execute("ROLLBACK PREPARED 'another'", "products")

    def test_no_connection_stays_open(self):
        connections.close_all()
        on_own_connections(recover)
        self.assertEqual([made[0].execute(SESSIONS, alias) for alias in MODEL_ALIASES], [[]] * 3)


class CommandTests(PreparedTestCase):
    def recover(self):
        """Run the command; return what it printed, and the error with which it ended."""
        output, error = io.StringIO(), ""
        try:
            call_command("recover_load", stdout=output)
        except CommandError as raised:
            error = str(raised)
        return output.getvalue(), error

    def test_a_server_that_cannot_be_reached(self):
        [gid] = self.prepare("07ab", order(1))
        self.decide("07ab")
        port = free_port()
        with database_at("products", made[0].url("products", port=port)):
            output, error = self.recover()
        self.assertEqual(output, "")
        self.assertEqual(
            error,
            FOUND.format("orders")
            + "What it refers to is not committed yet in 'products'."
            + AGAIN.format(gid.literal)
            + "\nDatabase 'products': connection to server at \"127.0.0.1\", port "
            f"{port} failed: Connection refused. Check the host and the port in "
            "PRODUCTS_DATABASE_URL.",
        )
        self.assertEqual(self.recover(), (COMMITTED, ""))
        self.assertEqual(self.rows(), [1])

    def test_nothing_is_found_beside_a_server_that_cannot_be_reached(self):
        port = free_port()
        with database_at("products", made[0].url("products", port=port)):
            output, error = self.recover()
        self.assertEqual(output, "")
        self.assertRegex(error, f"^Database 'products': .* port {port} failed: .*$")


class TransactionTests(PreparedTestCase):
    def begin_later(self, begin, using, is_interrupted):
        """Begin on another connection, which waits for no lock."""
        connections[using].close()
        with connections[using].cursor() as cursor:
            cursor.execute("SET lock_timeout = 10")
        begin()

    def test_an_aborted_transaction_cannot_be_prepared(self):
        held = PreparedTransaction("products")
        held.begin()
        self.addCleanup(held.roll_back)
        with connections["products"].cursor() as cursor, self.assertRaises(DataError):
            cursor.execute("SELECT 1 / 0")
        message = "Database 'products' can no longer commit its transaction."
        with self.assertRaisesMessage(LoadError, message):
            held.prepare(Gid("users", self.identity, "07ab", "products.product"))

    def test_a_transaction_that_the_server_has_ended_cannot_be_committed(self):
        held = Transaction("products")
        held.begin()
        self.addCleanup(connections["products"].close)
        self.addCleanup(held.roll_back)
        made[0].execute(f"SELECT pg_terminate_backend(pid) FROM ({SESSIONS}) AS found", "products")
        with self.assertRaises(OperationalError):
            held.prepare()

    def test_what_is_prepared_is_no_longer_the_transaction_of_the_connection(self):
        held = PreparedTransaction("products")
        held.begin()
        gid = Gid("users", self.identity, "07ab", "products.product")
        held.prepare(gid)
        self.assertFalse(connections["products"].in_atomic_block)
        held.roll_back()
        self.assertEqual(prepared("products"), [gid])
        held.commit()
        self.assertEqual(prepared("products"), [])

    def test_another_program_may_have_ended_what_is_to_be_ended(self):
        gid = Gid("users", self.identity, "07ab", "products.product")
        transactions.end("products", gid, "COMMIT")
        transactions.end("products", gid, "ROLLBACK")

    def test_a_load_waits_until_another_one_has_ended(self):
        held = Transaction("products")
        held.begin()
        self.addCleanup(held.roll_back)
        with self.assertRaisesMessage(OperationalError, "lock timeout"):
            on_own_connections(self.begin_later, Transaction("products").begin, "products")

    def test_the_table_of_decisions_is_made_by_one_load_at_a_time(self):
        made[0].execute(f"DROP TABLE {decisions.TABLE}", "users")
        with transaction.atomic(using="users"), connections["users"].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [decisions.ADVISORY_LOCK])
            with self.assertRaisesMessage(OperationalError, "lock timeout"):
                on_own_connections(
                    self.begin_later, lambda: decisions.create_table("users"), "users"
                )

    def test_a_load_that_runs_is_not_waited_for(self):
        held = DecidingTransaction("users", "07ab")
        held.begin()
        self.addCleanup(held.roll_back)

        def ask(is_interrupted):
            with connections["users"].cursor() as cursor:
                cursor.execute("SET statement_timeout = 2000")
            return decisions.verdict("users", self.identity, "07ab")

        with mock.patch.object(decisions, "PATIENCE_MS", 10):
            self.assertIs(on_own_connections(ask), Verdict.ALIVE)

    def test_a_decision_is_on_the_disk_before_it_is_told(self):
        url = made[0].url("users") + "?options=-c%20synchronous_commit%3Doff"
        with database_at("users", url):
            self.assertEqual(show("synchronous_commit", "users"), "off")
            held = DecidingTransaction("users", "07ab")
            held.begin()
            self.assertEqual(show("synchronous_commit", "users"), "on")
            held.roll_back()
