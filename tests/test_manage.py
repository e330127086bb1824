import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.test import SimpleTestCase

import manage

from .cases import ROOT, environment, needs

NO_MODULE = "raise ImportError('not installed')\n"
WRONG_URL = (
    "Error: USERS_DATABASE_URL is not the URL of a database. Write it like "
    "postgres://user:password@host:5432/name (in a password, %40 for @, %2F for /), "
    "or like sqlite:////folder/name.db.\n"
)
COMMANDS = (["check"], ["migrate", "--database=users"], ["populate_db"], ["check_references"])
needs_urls = needs("dj_database_url", "dj-database-url")


class ManageTestCase(SimpleTestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def stub(self, name, content):
        """Write a module that the processes find before an installed one."""
        path = self.folder / "stubs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def run_manage(self, *arguments, **variables):
        env = environment(self.folder, PYTHONPATH=str(self.folder / "stubs"), **variables)
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def assert_ends(self, message, *arguments, code=1, **variables):
        process = self.run_manage(*arguments, **variables)
        self.assertEqual((process.returncode, process.stderr, process.stdout), (code, message, ""))


class ErrorTests(ManageTestCase):
    @needs_urls
    def test_error_for_a_wrong_url_in_every_command(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                url = "postgres://loader:secret@host:port/users"
                self.assert_ends(WRONG_URL, *command, USERS_DATABASE_URL=url)

    @needs_urls
    def test_error_for_a_postgresql_url_without_its_driver_in_every_command(self):
        self.stub("psycopg.py", NO_MODULE)
        self.stub("psycopg2.py", NO_MODULE)
        for command in COMMANDS:
            with self.subTest(command=command):
                self.assert_ends(
                    "Error: ORDERS_DATABASE_URL is the URL of a PostgreSQL server, and its driver "
                    'is missing. Run: pip install "psycopg[binary]"\n',
                    *command,
                    ORDERS_DATABASE_URL="postgres://loader:secret@host/orders",
                )

    @needs_urls
    def test_error_for_a_sqlite_url_with_options_or_without_a_path(self):
        for url in ("sqlite:////nowhere/users.db?timeout=x", "sqlite:////nowhere/%00.db"):
            with self.subTest(url=url):
                self.assert_ends(WRONG_URL, "check", USERS_DATABASE_URL=url)

    @needs_urls
    def test_error_for_an_engine_without_its_driver(self):
        self.assert_ends(
            "Error: USERS_DATABASE_URL needs django.db.backends.oracle, which cannot be loaded "
            "here.\n",
            "check",
            USERS_DATABASE_URL="oracle://loader:secret@host/users",
        )

    def test_error_for_a_url_without_dj_database_url(self):
        self.stub("dj_database_url.py", NO_MODULE)
        self.assert_ends(
            "Error: ORDERS_DATABASE_URL cannot be read without dj-database-url. "
            "Run: pip install dj-database-url\n",
            "check",
            ORDERS_DATABASE_URL="sqlite:////nowhere/orders.db",
        )

    def test_without_a_url_dj_database_url_is_not_needed(self):
        self.stub("dj_database_url.py", NO_MODULE)
        process = self.run_manage("check")
        self.assertEqual((process.returncode, process.stderr), (0, ""))

    def test_error_for_a_database_that_cannot_be_opened(self):
        (self.folder / "users.db").mkdir()
        self.assert_ends(
            "Database error: unable to open database file\n",
            *("migrate", "--database=users", "--verbosity=0"),
        )

    def test_error_for_a_folder_of_databases_that_does_not_exist(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                self.assert_ends(
                    "Error: DATABASES_FOLDER is not a folder: /nowhere.\n",
                    *command,
                    DATABASES_FOLDER="/nowhere",
                )

    @needs_urls
    @needs("psycopg", '"psycopg[binary]"')
    def test_error_for_a_server_that_does_not_answer(self):
        for command in (["migrate", "--database=users"], ["populate_db", "--migrate"]):
            with self.subTest(command=command):
                process = self.run_manage(
                    *command, USERS_DATABASE_URL="postgres://loader:secret@%2Fnowhere/users"
                )
                self.assertEqual((process.returncode, process.stderr.count("\n")), (1, 1))
                self.assertIn("/nowhere/.s.PGSQL.5432", process.stderr)
                self.assertNotIn("secret", process.stderr)

    def test_error_for_a_python_without_django(self):
        self.stub("django/__init__.py", NO_MODULE)
        self.assert_ends(
            "Error: Django cannot be imported: not installed. Activate the virtual environment, "
            "or run: pip install -r requirements.txt\n",
            "check",
        )

    def test_an_error_of_several_lines_is_told_in_one(self):
        for error, message in (
            (ImproperlyConfigured("No driver.\nInstall it."), "Error: No driver. Install it."),
            (
                OperationalError("Refused\n\tIs it running?"),
                "Database error: Refused Is it running?",
            ),
        ):
            execute = mock.patch(
                "django.core.management.execute_from_command_line", side_effect=error
            )
            arguments = mock.patch.object(sys, "argv", ["manage.py", "check"])
            with self.subTest(message=message), execute, arguments:
                with self.assertRaises(SystemExit) as caught:
                    manage.main()
                self.assertEqual(caught.exception.code, message)

    @needs_urls
    def test_traceback_shows_where_an_error_came_from_and_no_password(self):
        process = self.run_manage(
            "check", "--traceback", USERS_DATABASE_URL="postgres://loader:secret@host:port/users"
        )
        self.assertEqual((process.returncode, process.stdout), (1, ""))
        self.assertTrue(process.stderr.startswith("Traceback (most recent call last):\n"))
        self.assertNotIn("secret", process.stderr)


class InterruptTests(ManageTestCase):
    def test_an_interrupt_while_django_is_imported(self):
        self.stub("django/__init__.py", "raise KeyboardInterrupt\n")
        self.assert_ends("Interrupted.\n", "populate_db", code=130)

    def test_an_interrupt_while_databases_are_migrated(self):
        self.stub(
            "interrupted_settings.py",
            "from ds_project.settings import *\n"
            "MIGRATION_MODULES = {'distributed_insert': 'interrupted_migrations'}\n",
        )
        self.stub("interrupted_migrations/__init__.py", "")
        self.stub(
            "interrupted_migrations/0001_initial.py",
            "from django.db import migrations\n"
            "def interrupt(apps, schema_editor):\n"
            "    raise KeyboardInterrupt\n"
            "class Migration(migrations.Migration):\n"
            "    operations = [migrations.RunPython(interrupt)]\n",
        )
        summary = self.folder / "summary.json"
        self.assert_ends(
            "Interrupted.\n",
            *("populate_db", "--migrate", f"--summary={summary}"),
            code=130,
            DJANGO_SETTINGS_MODULE="interrupted_settings",
        )
        document = json.loads(summary.read_text())
        self.assertEqual((document["status"], document["exit_code"]), ("interrupted", 130))
