"""What several test modules share."""

import ast
import io
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from unittest import skipUnless

from django.core.management import CommandError, call_command
from django.db import connections
from django.test import SimpleTestCase, TransactionTestCase

ROOT = Path(__file__).resolve().parent.parent
MODEL_ALIASES = ("users", "products", "orders")
ALIASES = ("default", *MODEL_ALIASES)


def needs(module, package):
    """Return a decorator that skips tests where a module is not installed, saying how to get it."""
    return skipUnless(find_spec(module), f"To enable this test: pip install {package}")


def stored(model):
    """Return every row of a model's table, in the order of the ids."""
    return list(model.objects.order_by("pk").values_list())


class LoadTestCase(TransactionTestCase):
    """For tests in which workers commit: the tables are emptied after each one."""

    databases = set(MODEL_ALIASES)

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name, content):
        """Write a file and return its path; a string is written as UTF-8, line ends as they are."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)


class PopulateTestCase(LoadTestCase):
    workers = None

    def populate(self, *arguments, **options):
        """Run the command; return its output and, where it failed, the error."""
        if self.workers == "process":
            # Processes are forked, and have what a test patches, only where none is open.
            connections.close_all()
        output, error = io.StringIO(), None
        try:
            options = {"workers": self.workers, **options}
            call_command("populate_db", *arguments, stdout=output, **options)
        except CommandError as raised:
            error = raised
        return output.getvalue(), error

    def assert_fails(self, message, returncode=1, **options):
        output, error = self.populate(**options)
        self.assertEqual((str(error), error.returncode), (message, returncode))
        return output


class CommandTestCase(SimpleTestCase):
    """For what only a process of its own shows: exit statuses, streams, signals, limits."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._migrated = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls._migrated)

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def migrate(self):
        """Put databases with the tables of the models into the folder."""
        if not any(self._migrated.iterdir()):
            for alias in MODEL_ALIASES:
                manage("migrate", f"--database={alias}", folder=self._migrated)
        for path in self._migrated.iterdir():
            shutil.copy(str(path), str(self.folder))

    def file(self, name, content):
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    def populate(self, *options, **how):
        """Run the command to its end; return the process, with its output."""
        return manage("populate_db", *options, folder=self.folder, **how)

    def run_script(self, script):
        """Run a script that uses Django to its end; return the process, with its output."""
        setup = "import django\n\ndjango.setup()\n"
        return run_python(
            *("-c", setup + script),
            folder=self.folder,
            env=environment(self.folder, DJANGO_SETTINGS_MODULE="ds_project.settings"),
        )

    def start(self, *options, **how):
        """Start the command, and return the process."""
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(
            [sys.executable, "manage.py", "populate_db", *options],
            cwd=ROOT,
            **{"env": environment(self.folder), "encoding": "utf-8", **streams, **how},
        )

    def stored(self, alias):
        """Return every row of the model in one of the databases, in the order of the ids."""
        with closing(sqlite3.connect(str(self.folder / f"{alias}.db"))) as connection:
            table = f"distributed_insert_{alias[:-1]}"
            return connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def printed_lists(output):
    """Read back each list of what the command printed, by its title."""
    lists = {}
    for part in output.split("\n\n"):
        title, colon, literal = part.partition(": ")
        if colon and literal.startswith("["):
            lists[title] = ast.literal_eval(literal[: literal.rindex("]") + 1])
    return lists


def environment(folder, **extra):
    """Return an environment for a process whose four databases are files in `folder`."""
    files = {"DATABASES_FOLDER": str(folder), **{f"{a.upper()}_DATABASE_URL": "" for a in ALIASES}}
    return {**os.environ, "PYTHONIOENCODING": "utf-8", **files, **extra}


def manage(*arguments, folder, **options):
    """Run manage.py in a process of its own, on databases in `folder`; return what it printed."""
    return run_python("manage.py", *arguments, folder=folder, **options)


def run_python(*arguments, folder, **options):
    """Run Python in the project's folder, on databases in `folder`; what hangs is an error."""
    streams = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    how = {"cwd": ROOT, "env": environment(folder), "encoding": "utf-8", "timeout": 600}
    return subprocess.run([sys.executable, *arguments], **{**how, **streams, **options})
