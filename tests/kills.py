"""Kill loads at random moments, and see that the same command completes them.

    python -m tests.kills --kills 200

Each time, a load of 60,000 records is killed with SIGKILL when a random share of the rows has been
stored, and then run again to its end with `--on-conflict ignore`. The databases must equal those of
a load that nobody disturbed, row by row, and at the moment of the kill no order may be stored
without its user and its product. Chance decides whether threads or processes do the work.
"""

import argparse
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from .cases import ROOT, environment, manage
from .generated import write_files

MODELS = {"users": "user", "products": "product", "orders": "order"}
DANGLING = """
    SELECT count(*) FROM distributed_insert_order
    WHERE user_id NOT IN (SELECT id FROM users.distributed_insert_user)
    OR product_id NOT IN (SELECT id FROM products.distributed_insert_product)
"""


class Loads:
    """Loads of the same files into databases in folders of their own."""

    def __init__(self, folder, records):
        self.folder = Path(folder)
        write_files(self.folder, records)
        self.options = ["populate_db", "--batch-size", "1000"]
        for alias in MODELS:
            self.options += [f"--{alias}", str(self.folder / f"{alias}.csv")]
        self.empty = self.folder / "empty"
        self.empty.mkdir()
        for alias in MODELS:
            manage("migrate", f"--database={alias}", folder=self.empty)
        undisturbed = self.databases("undisturbed")
        self.load(undisturbed)
        self.expected = self.rows(undisturbed)

    def databases(self, name):
        return Path(shutil.copytree(self.empty, self.folder / name))

    def load(self, databases, *options):
        process = manage(*self.options, *options, folder=databases)
        if process.returncode != 3:
            raise AssertionError(f"exit status {process.returncode}: {process.stderr}")

    def rows(self, databases):
        found = {}
        for alias, model in MODELS.items():
            with closing(sqlite3.connect(str(databases / f"{alias}.db"))) as connection:
                sql = f"SELECT * FROM distributed_insert_{model} ORDER BY id"
                found[alias] = connection.execute(sql).fetchall()
        return found

    def dangling(self, databases):
        with closing(sqlite3.connect(str(databases / "orders.db"))) as connection:
            for alias in ("users", "products"):
                connection.execute(f"ATTACH '{databases}/{alias}.db' AS {alias}")
            return connection.execute(DANGLING).fetchone()[0]

    def stored(self, databases):
        """Return which share of the rows that the load stores has been stored."""
        rows = 0
        for alias, model in MODELS.items():
            with closing(sqlite3.connect(str(databases / f"{alias}.db"))) as connection:
                sql = f"SELECT count(*) FROM distributed_insert_{model}"
                rows += connection.execute(sql).fetchone()[0]
        return rows / sum(map(len, self.expected.values()))

    def kill_and_complete(self, share, workers):
        """Kill a load when a share of its rows is stored, and complete it.

        Return whether rows were missing then, and whether all are there in the end.
        """
        databases = self.databases("killed")
        process = subprocess.Popen(
            [sys.executable, "manage.py", *self.options, f"--workers={workers}"],
            cwd=ROOT,
            env=environment(databases),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and self.stored(databases) < share:
            pass
        process.kill()
        process.wait()
        was_short = self.rows(databases) != self.expected
        dangling = self.dangling(databases)
        self.load(databases, "--on-conflict", "ignore")
        is_whole = self.rows(databases) == self.expected
        shutil.rmtree(databases)
        return was_short, is_whole and not dangling


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--records", type=int, default=20_000, help="of each model")
    options = parser.parse_args()
    rng = random.Random()
    with tempfile.TemporaryDirectory() as folder:
        loads = Loads(folder, options.records)
        results = [
            loads.kill_and_complete(rng.random(), rng.choice(["thread", "process"]))
            for _ in range(options.kills)
        ]
    short = sum(was_short for was_short, _ in results)
    whole = sum(is_whole for _, is_whole in results)
    sys.stdout.write(
        f"{options.kills} kills, {short} of them before the end; {whole} loads completed, "
        f"{options.kills - whole} not.\n"
    )
    return int(whole != options.kills)


if __name__ == "__main__":
    sys.exit(main())
