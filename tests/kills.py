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
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from .cases import MODEL_ALIASES, ROOT, ScratchDatabases, manage, migrated
from .generated import write_files


class Loads:
    """Loads of the same files into databases in folders of their own."""

    def __init__(self, folder, records):
        self.folder = Path(folder)
        write_files(self.folder, records)
        self.options = ["populate_db", "--batch-size", "1000"]
        for alias in MODEL_ALIASES:
            self.options += [f"--{alias}", str(self.folder / f"{alias}.csv")]
        with self.databases() as undisturbed:
            self.load(undisturbed)
            self.expected = rows(undisturbed)

    @contextmanager
    def databases(self):
        databases = ScratchDatabases(self.folder / "databases")
        databases.folder.mkdir()
        databases.copy(migrated())
        try:
            yield databases
        finally:
            databases.remove()
            shutil.rmtree(databases.folder)

    def load(self, databases, *options):
        process = manage(
            *self.options, *options, folder=databases.folder, env=databases.environment()
        )
        if process.returncode != 3:
            raise AssertionError(f"exit status {process.returncode}: {process.stderr}")

    def stored(self, databases):
        """Return which share of the rows that the load stores has been stored."""
        count = sum(map(databases.count, MODEL_ALIASES))
        return count / sum(map(len, self.expected.values()))

    def kill_and_complete(self, share, workers):
        """Kill a load when a share of its rows is stored, and complete it.

        Return whether rows were missing then, and whether all are there in the end.
        """
        with self.databases() as databases:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *self.options, f"--workers={workers}"],
                cwd=ROOT,
                env=databases.environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while process.poll() is None and self.stored(databases) < share:
                pass
            process.kill()
            process.wait()
            killed = rows(databases)
            self.load(databases, "--on-conflict", "ignore")
            is_whole = rows(databases) == self.expected and not dangling(killed)
        return killed != self.expected, is_whole


def rows(databases):
    """Return every row of each model."""
    return {alias: databases.rows(alias) for alias in MODEL_ALIASES}


def dangling(stored):
    """Return how many of the stored orders have no user or no product."""
    users, products = ({row[0] for row in stored[alias]} for alias in ("users", "products"))
    return sum(
        user not in users or product not in products for _, user, product, _ in stored["orders"]
    )


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
