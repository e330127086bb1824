from contextlib import ExitStack
from unittest import mock

from django.db import OperationalError, connections, transaction

from distributed_insert.exceptions import LoadError
from distributed_insert.models import User
from distributed_insert.two_phase import Transaction, deciding

from ..cases import LoadTestCase, stored

ALIASES = ("users", "products", "orders")


class DecidingTests(LoadTestCase):
    def deciding(self, vendors, aliases=ALIASES):
        with ExitStack() as patches:
            for alias, vendor in zip(aliases, vendors.split()):
                patch = mock.patch.object(connections[alias], "vendor", vendor)
                patches.enter_context(patch)
            return deciding(aliases)

    def test_the_first_database_decides_if_all_can_prepare(self):
        self.assertEqual(self.deciding("postgresql postgresql postgresql"), "users")
        self.assertEqual(self.deciding("postgresql postgresql", ("products", "orders")), "products")

    def test_the_only_one_that_cannot_prepare_decides(self):
        self.assertEqual(self.deciding("sqlite postgresql postgresql"), "users")
        self.assertEqual(self.deciding("postgresql postgresql sqlite"), "orders")

    def test_none_decides_if_two_cannot_prepare(self):
        self.assertIsNone(self.deciding("sqlite postgresql sqlite"))
        self.assertIsNone(self.deciding("sqlite sqlite sqlite"))

    def test_none_decides_about_one_database_or_beside_an_unknown_kind(self):
        self.assertIsNone(self.deciding("postgresql", ("users",)))
        self.assertIsNone(self.deciding("postgresql mysql postgresql"))


class TransactionTests(LoadTestCase):
    def begun(self):
        held = Transaction("users")
        self.assertEqual(held.begin(), "")
        User.objects.create(id=1, name="Ann", email="ann@example.com")
        return held

    def test_what_is_committed_is_stored(self):
        held = self.begun()
        held.prepare()
        held.commit()
        held.roll_back()
        self.assertEqual(stored(User), [(1, "Ann", "ann@example.com")])

    def test_what_is_rolled_back_is_not(self):
        held = self.begun()
        held.roll_back()
        held.roll_back()
        self.assertFalse(connections["users"].in_atomic_block)
        self.assertEqual(stored(User), [])

    def test_one_that_can_only_be_rolled_back_cannot_be_prepared(self):
        held = self.begun()
        self.addCleanup(held.roll_back)
        transaction.set_rollback(True, using="users")
        message = "Database 'users' can no longer commit its transaction."
        with self.assertRaisesMessage(LoadError, message):
            held.prepare()

    def test_a_transaction_on_a_lost_connection_is_rolled_back_without_another_error(self):
        held = self.begun()
        connection = connections["users"]
        error = OperationalError("server closed the connection")
        with mock.patch.object(connection, "rollback", side_effect=error), mock.patch.object(
            connection, "connect", side_effect=error
        ):
            held.roll_back()
        self.assertFalse(connection.in_atomic_block)
        self.assertEqual(stored(User), [])
