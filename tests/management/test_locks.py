import io
import subprocess
from pathlib import Path
from unittest import mock

from django.core.files import locks
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections
from django.test import SimpleTestCase, TransactionTestCase

from distributed_insert.management.commands import populate_db
from distributed_insert.management.locks import ADVISORY_LOCK, migration_lock

from ..cases import ALIASES, CommandTestCase, ScratchDatabases


def is_locked(alias):
    """Whether another process that wants to migrate this database has to wait."""
    connection = connections[alias]
    if connection.vendor == "sqlite":
        with open(f"{connection.settings_dict['NAME']}-lock", "a") as file:
            # A lock that others can share would keep nobody waiting.
            return not locks.lock(file, locks.LOCK_SH | locks.LOCK_NB)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
            return not cursor.fetchone()[0]
    finally:
        other.close()


class MigrationLockTests(TransactionTestCase):
    databases = set(ALIASES)

    def setUp(self):
        for alias in ALIASES:
            file = Path(f"{connections[alias].settings_dict['NAME']}-lock")
            self.addCleanup(lambda file=file: file.exists() and file.unlink())

    def test_each_database_is_locked_while_it_is_migrated_and_no_longer(self):
        seen = []

        def migrate(command, database, **options):
            seen.append((database, [alias for alias in ALIASES if is_locked(alias)]))

        with mock.patch.object(populate_db, "call_command", migrate):
            call_command("populate_db", migrate=True, stdout=io.StringIO())
        self.assertEqual(seen, [(alias, [alias]) for alias in ALIASES])
        self.assertEqual([alias for alias in ALIASES if is_locked(alias)], [])

    def test_connections_are_closed_for_worker_processes_not_to_inherit_them(self):
        def migrate(command, database, **options):
            connections[database].ensure_connection()

        with mock.patch.object(populate_db, "call_command", migrate):
            call_command("populate_db", migrate=True, stdout=io.StringIO())
        self.assertEqual([connections[alias].connection for alias in ALIASES], [None] * 4)

    def test_the_lock_ends_with_an_error_or_an_interrupt(self):
        for error in (OperationalError, KeyboardInterrupt):
            with self.subTest(error=error), self.assertRaises(error):
                with migration_lock(connections["users"]):
                    self.assertTrue(is_locked("users"))
                    raise error
            self.assertFalse(is_locked("users"))

    def test_the_database_stays_usable(self):
        with migration_lock(connections["users"]):
            pass
        with connections["users"].cursor() as cursor:
            cursor.execute("SELECT 1")
            self.assertEqual(cursor.fetchone(), (1,))

    def test_what_was_done_before_an_error_is_printed(self):
        def migrate(command, database, stdout, **options):
            stdout.write("Applying 0001_initial... OK\n")
            raise OperationalError("disk full")

        output = io.StringIO()
        with mock.patch.object(populate_db, "call_command", migrate):
            with self.assertRaises(CommandError):
                call_command("populate_db", migrate=True, stdout=output)
        self.assertEqual(output.getvalue(), "Applying 0001_initial... OK\n")


class UnlockedTests(SimpleTestCase):
    def test_another_database_is_migrated_without_a_lock(self):
        connection = mock.Mock(vendor="oracle", settings_dict={"NAME": "/nowhere/users"})
        with migration_lock(connection):
            pass
        self.assertEqual(connection.mock_calls, [])

    def test_error_for_a_lock_file_that_cannot_be_made(self):
        connection = mock.Mock(vendor="sqlite", settings_dict={"NAME": "/nowhere/default.db"})
        with mock.patch.object(populate_db, "connections", {"default": connection}):
            with self.assertRaises(CommandError) as caught:
                call_command("populate_db", migrate=True)
        self.assertEqual(
            str(caught.exception),
            "Database 'default' cannot be migrated: "
            "[Errno 2] No such file or directory: '/nowhere/default.db-lock'",
        )

    def test_error_of_several_lines_is_told_in_one(self):
        refused = OperationalError("Connection refused\n\tIs the server running?")
        with mock.patch.object(populate_db, "migration_lock", side_effect=refused):
            with self.assertRaises(CommandError) as caught:
                call_command("populate_db", migrate=True)
        self.assertEqual(
            str(caught.exception),
            "Database 'default' cannot be migrated: Connection refused Is the server running?",
        )


class TwoProcessesTests(CommandTestCase):
    def test_of_two_that_migrate_at_once_neither_fails(self):
        for attempt in range(3):
            with self.subTest(attempt=attempt):
                folder = self.folder / str(attempt)
                folder.mkdir()
                databases = ScratchDatabases(folder)
                self.addCleanup(databases.remove)
                env = databases.environment()
                processes = [
                    self.start("--migrate", stdout=subprocess.DEVNULL, env=env) for _ in range(2)
                ]
                ends = [(process.communicate()[1], process.returncode) for process in processes]
                self.assertEqual(ends, [("", 0), ("", 0)])
