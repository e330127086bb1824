from types import SimpleNamespace

from django.db import OperationalError
from django.test import SimpleTestCase, TransactionTestCase

from distributed_insert.databases import errors, has_table, is_locked, reason, require_table
from distributed_insert.exceptions import LoadError
from distributed_insert.models import User

LOCKED = "Another process is writing to it: run the command again when that is done."


LOST = "Check that the server is running."
ROOM = "Make room on the disk of the server."
PLACE = "Check the host and the port in USERS_DATABASE_URL."
USER = "Check the user and the password in USERS_DATABASE_URL."
READY = "Run the command again when it is ready."
OTHERS = "Run the command again when others have disconnected."


class DriverError(Exception):
    """Stands for an error of psycopg, which may not be installed."""

    def __init__(self, said, sqlstate, primary):
        super().__init__(said)
        self.sqlstate = sqlstate
        self.diag = SimpleNamespace(message_primary=primary)


def server_error(said, sqlstate=None, primary=None):
    error = OperationalError(said)
    error.__cause__ = DriverError(said, sqlstate, primary)
    return error


class CodeTests(SimpleTestCase):
    def test_the_code_of_an_error_is_found_with_either_driver(self):
        for name, code, is_it in (
            ("sqlstate", "55P03", True),
            ("pgcode", "55P03", True),
            ("pgcode", "57014", False),
            ("pgcode", None, False),
        ):
            with self.subTest(name=name, code=code):
                error = OperationalError("canceling statement due to lock timeout")
                error.__cause__ = type("Error", (Exception,), {name: code})()
                self.assertIs(is_locked(error), is_it)
        self.assertIs(is_locked(OperationalError("disk I/O error")), False)


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
                self.assertEqual(reason(OperationalError(said), "users"), told)

    def test_what_a_server_says_is_told_with_the_remedy_and_without_the_statement(self):
        locked = "canceling statement due to lock timeout"
        for said, sqlstate, told in (
            (f"{locked}\nLINE 1: SELECT\n   ^", "55P03", f"{locked}. {LOCKED}"),
            ("terminating connection", "57P01", f"terminating connection. {LOST}"),
            ("could not extend file", "53100", f"could not extend file. {ROOM}"),
            ("deadlock detected", "40P01", f"deadlock detected. {LOCKED}"),
            ("permission denied for table users", "42501", "permission denied for table users"),
        ):
            with self.subTest(said=said):
                primary = said.partition("\n")[0]
                error = server_error(said, sqlstate, primary)
                self.assertEqual(reason(error, "users"), told)

    def test_all_that_a_trigger_says_is_told_in_one_line(self):
        primary = "over quota:\nask the owner"
        error = server_error(f"{primary}\nCONTEXT:  PL/pgSQL function", "57014", primary)
        self.assertEqual(reason(error, "users"), "over quota: ask the owner")

    def test_what_the_driver_says_is_told_with_the_remedy(self):
        refused = 'connection to server at "127.0.0.1", port 5432 failed: '
        for said, told in (
            (
                "consuming input failed: server closed\n\tprobably",
                f"consuming input failed: server closed. {LOST}",
            ),
            ("connection timeout expired", f"connection timeout expired. {PLACE}"),
            ("failed to resolve host 'db'", f"failed to resolve host 'db'. {PLACE}"),
            (
                f"connection failed: {refused}Connection refused\n\tIs it running?",
                f"{refused}Connection refused. {PLACE}",
            ),
            (
                f"connection failed: {refused}No route to host",
                f"{refused}No route to host. {PLACE}",
            ),
            (
                f'connection failed: {refused}FATAL:  role "x" does not exist',
                f'{refused}FATAL: role "x" does not exist. {USER}',
            ),
            (
                f"connection failed: {refused}FATAL:  sorry, too many clients already",
                f"{refused}FATAL: sorry, too many clients already. {OTHERS}",
            ),
            (
                f"connection failed: {refused}FATAL:  remaining connection slots are reserved",
                f"{refused}FATAL: remaining connection slots are reserved. {OTHERS}",
            ),
            (
                f"connection failed: {refused}FATAL:  the database system is starting up",
                f"{refused}FATAL: the database system is starting up. {READY}",
            ),
            (
                'connection is bad: definition of service "x" not found',
                'definition of service "x" not found. Check USERS_DATABASE_URL.',
            ),
        ):
            with self.subTest(said=said):
                self.assertEqual(reason(server_error(said), "users"), told)

    def test_an_error_names_its_database(self):
        with self.assertRaises(LoadError) as caught, errors("users"):
            raise OperationalError("disk I/O error")
        self.assertEqual(str(caught.exception), "Database 'users': disk I/O error")
