from django.db import OperationalError
from django.test import SimpleTestCase, TransactionTestCase

from distributed_insert.databases import errors, has_table, reason, require_table
from distributed_insert.exceptions import LoadError
from distributed_insert.models import User

LOCKED = "Another process is writing to it: run the command again when that is done."


class TableTests(TransactionTestCase):
    databases = {"users", "products"}

    def test_a_model_has_its_table_in_its_own_database_only(self):
        self.assertEqual([has_table(User, alias) for alias in ("users", "products")], [True, False])
        require_table(User, "users")

    def test_error_for_a_missing_table_names_the_command(self):
        with self.assertRaises(LoadError) as caught:
            require_table(User, "products")
        self.assertEqual(
            str(caught.exception),
            "Database 'products' has no table for User records. "
            "Create it with: python manage.py migrate --database=products",
        )


class ReasonTests(SimpleTestCase):
    def test_what_a_database_says_is_told_in_one_line_with_the_remedy_for_a_lock(self):
        for said, told in (
            ("disk I/O error", "disk I/O error"),
            ("Refused\n\tIs it running?", "Refused Is it running?"),
            ("database is locked", f"database is locked. {LOCKED}"),
            ("database table is locked", f"database table is locked. {LOCKED}"),
        ):
            with self.subTest(said=said):
                self.assertEqual(reason(OperationalError(said)), told)

    def test_an_error_names_its_database(self):
        with self.assertRaises(LoadError) as caught, errors("users"):
            raise OperationalError("disk I/O error")
        self.assertEqual(str(caught.exception), "Database 'users': disk I/O error")
