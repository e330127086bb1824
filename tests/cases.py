"""What several test modules share."""

import ast
import atexit
import io
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from unittest import mock, skipUnless
from urllib.parse import urlsplit
from uuid import uuid4

from django.core.management import CommandError, call_command
from django.db import DEFAULT_DB_ALIAS, ConnectionHandler, connections
from django.test import SimpleTestCase, TransactionTestCase

ROOT = Path(__file__).resolve().parent.parent
MODEL_ALIASES = ("users", "products", "orders")
ALIASES = ("default", *MODEL_ALIASES)

SESSIONS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
    AND pid <> pg_backend_pid()
"""


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
    scheduler = None
    """The address of the one whose Dask workers load, if `workers` is "dask"."""

    @property
    def named_workers(self):
        """What the command says each model had."""
        return {None: "thread", "dask": "Dask actor"}.get(self.workers, self.workers)

    def populate(self, *arguments, **options):
        """Run the command; return its output and, where it failed, the error."""
        if self.workers == "process":
            # Processes are forked, and have what a test patches, only where none is open.
            connections.close_all()
        output, error = io.StringIO(), None
        try:
            if self.scheduler:
                # A Dask worker of a slow machine takes long to import Django.
                options = {"scheduler": self.scheduler, "wait": 60, **options}
            options = {"workers": self.workers, **options}
            call_command("populate_db", *arguments, stdout=output, **options)
        except CommandError as raised:
            error = raised
        return output.getvalue(), error

    def assert_fails(self, message, returncode=1, **options):
        output, error = self.populate(**options)
        # With Dask, an error of a file says on which machine that is.
        said = re.sub(r"\nThat was on the Dask worker \S+, in .*\.", "", str(error))
        self.assertEqual((said, error.returncode), (message, returncode))
        return output


class SQLiteTestCase(LoadTestCase):
    """For what only SQLite does: in place of each database on a server there is a file."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for alias in cls.databases:
            if connections[alias].vendor != "sqlite":
                cls._use_file(alias)

    @classmethod
    def _use_file(cls, alias):
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, folder)
        using = ExitStack()
        cls.addClassCleanup(using.close)
        using.enter_context(database_at(alias, f"sqlite:///{folder}/{alias}.db"))
        call_command("migrate", database=alias, verbosity=0)


@contextmanager
def database_at(alias, url):
    """Have an alias mean the database with this URL, in this process."""
    # It reads the environment, which whoever imports this module may still have to set.
    from ds_project import settings

    with mock.patch.dict("os.environ", {url_variable(alias): url}):
        config = settings.database(alias)
    handler = ConnectionHandler({DEFAULT_DB_ALIAS: config, alias: config})
    before = connections[alias]
    before.close()
    connections.settings[alias] = handler.settings[alias]
    connections[alias] = handler[alias]
    try:
        yield
    finally:
        handler[alias].close()
        connections.settings[alias] = before.settings_dict
        connections[alias] = before


class ScratchDatabases:
    """The four databases of processes that a test starts: files in a folder.

    Where this process was given the URL of a server, theirs is a new database on that server.
    """

    def __init__(self, folder, on_servers=True):
        self.folder = folder
        urls = {alias: os.environ.get(url_variable(alias), "") for alias in ALIASES}
        self._servers = {
            alias: url for alias, url in urls.items() if on_servers and url.startswith("postgres")
        }
        self._urls = {}

    def environment(self, **extra):
        """Return an environment for the processes."""
        for alias in self._servers:
            if alias not in self._urls:
                self._create(alias)
        urls = {url_variable(alias): url for alias, url in self._urls.items()}
        return environment(self.folder, **{**urls, **extra})

    def copy(self, other):
        """Replace them by copies of others, which no process may be using."""
        self.remove()
        for path in other.folder.iterdir():
            shutil.copy(str(path), str(self.folder))
        for alias, url in other._urls.items():
            self._create(alias, template=urlsplit(url).path[1:])

    def remove(self):
        """Remove those on servers; the files go with the folder."""
        for alias, url in self._urls.items():
            self._execute(alias, f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")
        self._urls = {}

    def rows(self, alias):
        """Return every row of the model in one of the databases, in the order of the ids."""
        return self._query(alias, f"SELECT * FROM {table_in(alias)} ORDER BY id")

    def count(self, alias):
        """Return how many rows of the model are in one of the databases."""
        return self._query(alias, f"SELECT count(*) FROM {table_in(alias)}")[0][0]

    def empty(self):
        """Delete the rows of all models."""
        for alias in MODEL_ALIASES:
            self._query(alias, f"DELETE FROM {table_in(alias)}")

    @contextmanager
    def locked(self, alias):
        """Have whoever writes to one of the databases wait; it can be read."""
        with closing(self._open(alias)) as connection:
            if alias in self._urls:
                connection.execute("BEGIN")
                connection.execute(f"LOCK TABLE {table_in(alias)} IN SHARE ROW EXCLUSIVE MODE")
            else:
                connection.execute("BEGIN IMMEDIATE")
            yield

    def in_use(self):
        """Return the models' databases that a process has locked; on a server, is connected to."""
        return [alias for alias in MODEL_ALIASES if self._is_in_use(alias)]

    def _is_in_use(self, alias):
        if alias in self._urls:
            return bool(self._query(alias, SESSIONS))
        try:
            self._query(alias, "BEGIN IMMEDIATE", timeout=0)
        except sqlite3.OperationalError:
            return True
        return False

    def _query(self, alias, sql, **options):
        with closing(self._open(alias, **options)) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def _open(self, alias, **options):
        if alias in self._urls:
            return _connect(self._urls[alias])
        path = str(self.folder / f"{alias}.db")
        return sqlite3.connect(path, isolation_level=None, **options)

    def _create(self, alias, template="template1"):
        name = f"test_{uuid4().hex}"
        self._execute(alias, f"CREATE DATABASE {name} TEMPLATE {template}")
        self._urls[alias] = urlsplit(self._servers[alias])._replace(path=f"/{name}").geturl()

    def _execute(self, alias, sql):
        with closing(_connect(self._servers[alias])) as connection:
            connection.execute(sql)


def _connect(url):
    import psycopg

    return psycopg.connect(url, autocommit=True)


@lru_cache(maxsize=None)
def migrated(on_servers=True):
    """Return databases with the tables of the models, to be copied."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, str(folder))
    databases = ScratchDatabases(folder, on_servers)
    atexit.register(databases.remove)
    for alias in MODEL_ALIASES:
        manage("migrate", f"--database={alias}", folder=folder, env=databases.environment())
    return databases


class CommandTestCase(SimpleTestCase):
    """For what only a process of its own shows: exit statuses, streams, signals, limits."""

    on_servers = True
    """Whether the databases are where the set-up has them, or files in any case."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.scratch = ScratchDatabases(self.folder, self.on_servers)
        self.addCleanup(self.scratch.remove)

    def migrate(self):
        """Give the processes databases with the tables of the models."""
        self.scratch.copy(migrated(self.on_servers))

    def environment(self, **extra):
        """Return an environment for a process."""
        return self.scratch.environment(**extra)

    def stored(self, alias):
        """Return every row of the model in one of the databases, in the order of the ids."""
        return self.scratch.rows(alias)

    def file(self, name, content):
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    def manage(self, *arguments, **how):
        """Run manage.py to its end; return the process, with its output."""
        return manage(*arguments, folder=self.folder, **{"env": self.environment(), **how})

    def populate(self, *options, **how):
        """Run the command to its end; return the process, with its output."""
        return self.manage("populate_db", *options, **how)

    def run_script(self, script):
        """Run a script that uses Django to its end; return the process, with its output."""
        setup = "import django\n\ndjango.setup()\n"
        return run_python(
            *("-c", setup + script),
            folder=self.folder,
            env=self.environment(DJANGO_SETTINGS_MODULE="ds_project.settings"),
        )

    def start(self, *options, **how):
        """Start the command, and return the process."""
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(
            [sys.executable, "manage.py", "populate_db", *options],
            cwd=ROOT,
            **{"env": self.environment(), "encoding": "utf-8", **streams, **how},
        )


class FilesTestCase(CommandTestCase):
    """For what SQLite's files do: the databases of the processes are files in any case."""

    on_servers = False


def wait_until(happens, process=None, log=None):
    """Wait until `happens` returns true; fail if it never does, or if the process ends before.

    `log` returns what explains that, if the output of the process does not.
    """
    deadline = time.monotonic() + 120
    while not happens():
        if process and process.poll() is not None:
            raise AssertionError((log or process.communicate)())
        if time.monotonic() > deadline:
            raise AssertionError(log() if log else "It does not happen.")
        # What is waited for tells nobody, and needs the processor meanwhile.
        time.sleep(0.02)


def printed_lists(output):
    """Read back each list of what the command printed, by its title."""
    lists = {}
    for part in output.split("\n\n"):
        title, colon, literal = part.partition(": ")
        if colon and literal.startswith("["):
            lists[title] = ast.literal_eval(literal[: literal.rindex("]") + 1])
    return lists


def table_in(alias):
    """Return the name of the model's table in one of the databases."""
    return f"distributed_insert_{alias[:-1]}"


def url_variable(alias):
    return f"{alias.upper()}_DATABASE_URL"


def environment(folder, **extra):
    """Return an environment for a process whose four databases are files in `folder`."""
    files = {"DATABASES_FOLDER": str(folder), **{url_variable(alias): "" for alias in ALIASES}}
    return {**os.environ, "PYTHONIOENCODING": "utf-8", **files, **extra}


def manage(*arguments, folder, **options):
    """Run manage.py in a process of its own, on databases in `folder`; return what it printed."""
    return run_python("manage.py", *arguments, folder=folder, **options)


def run_python(*arguments, folder, **options):
    """Run Python in the project's folder, on databases in `folder`; what hangs is an error."""
    streams = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    how = {"cwd": ROOT, "env": environment(folder), "encoding": "utf-8", "timeout": 600}
    return subprocess.run([sys.executable, *arguments], **{**how, **streams, **options})
