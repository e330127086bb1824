"""Break the commit of loads with --all-or-nothing, and see that all is stored or nothing.

    python -m tests.faults.two_phase
    python -m tests.faults.two_phase --random 100

Each load stores a user, a product and an order, on PostgreSQL servers and perhaps in an SQLite
file. Proxies see the statements. Before or after the Nth of them the load is killed, or the server
that it was sent to crashes and is started again, for every N. With --random, loads are killed at
random moments. Then `python manage.py recover_load` runs.

All three records must be stored or none, as the load itself has said, if it could, and nothing may
stay prepared.
"""

import argparse
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

from ..cases import ALIASES, MODEL_ALIASES, ROOT, environment
from ..proxy import Proxy
from ..servers import servers, why_not

STATEMENT = re.compile(
    rb"BEGIN|SHOW max_prepared_transactions|COPY|INSERT INTO|PREPARE TRANSACTION"
    rb"|COMMIT PREPARED|COMMIT|DELETE FROM"
)
# Which databases are on servers. The first one decides, or the only one that is not on a server.
SET_UPS = {
    "three servers": ("users", "products", "orders"),
    "users in SQLite": ("products", "orders"),
    "orders in SQLite": ("users", "products"),
}
FAULTS = ("kill", "crash", "restart", "cut")
HOW = [
    f"{what} {when}" for what in ("kill", "crash", "restart", "cut") for when in ("before", "after")
]
FILES = {
    "users": "id,name,email\n{0},Ann,ann@example.com\n",
    "products": "id,name,price\n{0},Phone,1.5\n",
    "orders": "id,user_id,product_id,quantity\n{0},{0},{0},1\n",
}


class Run(NamedTuple):
    """What became of one load, and of the recovery after it."""

    exit_status: int
    output: str
    recovery_status: int
    recovery: str
    stored: Tuple[str, ...]
    """The aliases of the databases that hold its record."""
    prepared: int
    """How many transactions are still prepared."""

    @property
    def is_right(self) -> bool:
        is_all = self.stored == MODEL_ALIASES
        if self.recovery_status or self.prepared or not (is_all or not self.stored):
            return False
        if self.exit_status == 0:
            return is_all
        return not (is_all and "\nNothing was stored." in self.output)


class Loads:
    """Loads into the databases of one set-up, which has servers for some of the aliases."""

    def __init__(self, aliases: Sequence[str], configuration: str = ""):
        self._aliases = aliases
        self._configuration = configuration
        self._number = 0
        self.be_quiet()

    def be_quiet(self):
        """Do nothing about statements."""
        self.before: Callable[[str, int], None] = lambda alias, number: None
        """Called before a statement is passed on, with its number in the load, from 1."""
        self.after: Callable[[str, int], None] = lambda alias, number: None
        """Called before the answer to that is passed on."""

    def __enter__(self):
        with ExitStack() as ending:
            self.folder = Path(tempfile.mkdtemp())
            ending.callback(shutil.rmtree, self.folder)
            made = ending.enter_context(servers(len(self._aliases), self._configuration))
            self.servers = dict(zip(self._aliases, made))
            self._lock = threading.Lock()
            self.statements: List[Tuple[str, str]] = []
            self._last: Dict[str, int] = {}
            urls = dict.fromkeys((f"{alias.upper()}_DATABASE_URL" for alias in ALIASES), "")
            for alias, server in self.servers.items():
                proxy = ending.enter_context(Proxy(server.port, **self._watchers(alias)))
                urls[f"{alias.upper()}_DATABASE_URL"] = server.url(port=proxy.port)
            self._environment = environment(self.folder, **urls)
            migrations = [self.manage("migrate", f"--database={alias}") for alias in MODEL_ALIASES]
            for migration in migrations:
                migration.communicate()
            self._ending = ending.pop_all()
        return self

    def __exit__(self, *exception):
        self._ending.close()

    def _watchers(self, alias):
        def on_request(data):
            for sql in STATEMENT.findall(data):
                with self._lock:
                    self.statements.append((alias, sql.decode()))
                    self._last[alias] = len(self.statements)
                self.before(alias, self._last[alias])

        def on_answer(data):
            self.after(alias, self._last.get(alias, 0))

        return {"on_request": on_request, "on_answer": on_answer}

    def manage(self, *arguments) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def start(self, *more_options) -> subprocess.Popen:
        """Start a load of records with the next id."""
        self._number += 1
        self.statements, self._last = [], {}
        for alias, content in FILES.items():
            (self.folder / f"{alias}.csv").write_text(content.format(self._number))
        return self.manage(*self.command("--all-or-nothing", *more_options))

    def command(self, *options) -> List[str]:
        files = [f"--{alias}={self.folder / alias}.csv" for alias in FILES]
        return ["populate_db", "--verbosity=0", *files, *options]

    def finish(self, load: subprocess.Popen, *recovery) -> Run:
        """Wait for the load, recover, and look at what is there.

        `recovery` is the command that recovers, recover_load if none is given.
        """
        output, _ = load.communicate(timeout=120)
        self.be_quiet()
        self.last_statements = self.statements
        """Those of the load, without those of the recovery."""
        self.statements = []
        for server in self.servers.values():
            if not server.process:
                server.start()
        process = self.manage(*(recovery or ["recover_load"]))
        said, _ = process.communicate(timeout=120)
        stored = tuple(alias for alias in MODEL_ALIASES if self._is_stored(alias))
        prepared = sum(
            len(server.execute("SELECT gid FROM pg_prepared_xacts"))
            for server in self.servers.values()
        )
        return Run(
            load.returncode,
            output,
            process.returncode,
            said,
            stored,
            prepared,
        )

    def _is_stored(self, alias):
        sql = f"SELECT id FROM distributed_insert_{alias[:-1]} WHERE id = {self._number}"
        if alias in self.servers:
            return self.servers[alias].execute(sql) != []
        with closing(sqlite3.connect(str(self.folder / f"{alias}.db"))) as connection:
            return connection.execute(sql).fetchall() != []


def broken(loads: Loads, how: str, number: int) -> Tuple[str, Run]:
    """Break a load at its statement with this number; return which one it was, and the run.

    `how` is "kill" for the load, "crash" or "restart" for the server or "cut" for the connection
    between them, and "before" or "after" the statement.
    """
    what, when = how.split()
    place = "nothing"

    def do(alias, at):
        nonlocal place
        if at != number or place != "nothing":
            return
        place = f"{how} {loads.statements[at - 1][1]} in {alias}"
        if what == "kill":
            load.kill()
        if what in ("crash", "restart"):
            loads.servers[alias].crash()
        if what == "restart":
            loads.servers[alias].start()
        # Neither the statement nor its answer is to arrive any more.
        raise ConnectionAbortedError

    setattr(loads, when, do)
    load = loads.start()
    run = loads.finish(load)
    return place, run


def killed_at_random(loads: Loads, seconds: float) -> Run:
    load = loads.start()
    with suppress(subprocess.TimeoutExpired):
        load.wait(random.uniform(0, seconds))
    load.kill()
    return loads.finish(load)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--random", type=int, metavar="N", help="kill N loads at random moments")
    options = parser.parse_args()
    if why_not():
        return why_not()
    wrong = 0
    sys.stdout.write("| set-up | fault | loads | all stored | nothing stored | wrong |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for set_up, aliases in SET_UPS.items():
        with Loads(aliases) as loads:
            started = time.monotonic()
            loads.finish(loads.start())
            seconds = time.monotonic() - started
            numbers = range(1, len(loads.last_statements) + 1)
            for how in ["killed at random"] if options.random else HOW:
                found: Counter = Counter()
                for number in range(options.random) if options.random else numbers:
                    if options.random:
                        place, run = how, killed_at_random(loads, seconds)
                    else:
                        place, run = broken(loads, how, number)
                    found["all" if run.stored else "nothing"] += 1
                    if not run.is_right:
                        found["wrong"] += 1
                        sys.stdout.write(f"{set_up}: {place}: {run}\n")
                counts = " | ".join(str(found[each]) for each in ("all", "nothing", "wrong"))
                sys.stdout.write(f"| {set_up} | {how} | {sum(found.values())} | {counts} |\n")
                sys.stdout.flush()
                wrong += found["wrong"]
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
