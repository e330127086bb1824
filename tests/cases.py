"""What several test modules share."""

import ast
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from django.core.management import CommandError, call_command
from django.test import SimpleTestCase, TransactionTestCase

from distributed_insert.exceptions import LoadError
from distributed_insert.sources.formats import file_source

ROOT = Path(__file__).resolve().parent.parent
ALIASES = ("default", "users", "products", "orders")


def stored(model):
    """Return every row of a model's table, in the order of the ids."""
    return list(model.objects.order_by("pk").values_list())


class LoadTestCase(TransactionTestCase):
    """For tests in which workers commit: the tables are emptied after each one."""

    databases = {"users", "products", "orders"}

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

    def populate(self, **options):
        """Run the command; return its output and, where it failed, the error."""
        output, error = io.StringIO(), None
        try:
            call_command("populate_db", stdout=output, **{"workers": self.workers, **options})
        except CommandError as raised:
            error = raised
        return output.getvalue(), error

    def assert_fails(self, message, returncode=1, **options):
        output, error = self.populate(**options)
        self.assertEqual((str(error), error.returncode), (message, returncode))
        return output


def printed_lists(output):
    """Read back each list of what the command printed, by its title."""
    lists = {}
    for part in output.split("\n\n"):
        title, colon, literal = part.partition(": ")
        if colon and literal.startswith("["):
            lists[title] = ast.literal_eval(literal[: literal.rindex("]") + 1])
    return lists


class FormatTestCase(SimpleTestCase):
    """For tests of how products are read from files."""

    file_name = "products.csv"

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / self.file_name

    def opened(self, content, **options):
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode())
        source = file_source(self.path, **options)
        self.addCleanup(source.close)
        source.open(["id", "name", "price"])
        return source

    def records(self, source, size=10):
        """Read the next records, each with the line it begins on."""
        return list(zip(*source.read(size)))

    def assert_refused(self, content, message, **options):
        with self.assertRaises(LoadError) as caught:
            self.opened(content, **options)
        self.assertEqual(str(caught.exception), f"{self.path}: {message}")


def environment(folder, **extra):
    """Return an environment for a process whose four databases are files in `folder`."""
    urls = {f"{alias.upper()}_DATABASE_URL": f"sqlite:///{folder}/{alias}.db" for alias in ALIASES}
    return {**os.environ, "PYTHONIOENCODING": "utf-8", **urls, **extra}


def manage(*arguments, folder, root=ROOT, **options):
    """Run manage.py in a process of its own, on databases in `folder`; return what it printed."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=root,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **options,
    )
