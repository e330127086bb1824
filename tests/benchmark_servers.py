"""What `python -m tests.benchmark --postgresql` and `--distance` do: loads into servers.

Each database is on a server of its own, on this machine. The servers write through to the disk and
have PostgreSQL's own settings, except for those in OPTIONS.
"""

import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

from .cases import MODEL_ALIASES, ROOT, environment, manage, table_in, url_variable
from .proxy import Proxy
from .servers import servers, why_not

# No checkpoint falls into a race.
OPTIONS = "fsync = on\nfull_page_writes = on\nshared_buffers = 128MB\nmax_wal_size = 4GB"
PSQL = "psql \\copy, three processes, no validation"
WORKERS = {"populate_db, worker processes": "process", "populate_db, worker threads": "thread"}


class Servers:
    """A server for each model, with its table."""

    def __init__(self, folder, running, options=OPTIONS):
        if why_not():
            raise SystemExit(why_not().replace("this test", "this"))
        self._folder = folder
        self.server_of = dict(zip(MODEL_ALIASES, running.enter_context(servers(3, options))))
        for alias in MODEL_ALIASES:
            manage("migrate", f"--database={alias}", folder=folder, env=self.environment())
        [(self.version,)] = self.server_of["users"].execute("SHOW server_version")

    def urls(self, **ports):
        """Return the URL of each model's database; `ports` are those of proxies."""
        servers_of = self.server_of.items()
        return {alias: server.url(port=ports.get(alias)) for alias, server in servers_of}

    def environment(self, **ports):
        urls = {url_variable(alias): url for alias, url in self.urls(**ports).items()}
        return environment(self._folder, **urls)

    def clear(self):
        for alias, server in self.server_of.items():
            server.execute(f"TRUNCATE {table_in(alias)}")
            server.execute("CHECKPOINT")

    def rows(self):
        """Return the rows of each table, in the order of the ids."""
        return {
            alias: server.execute(f"SELECT * FROM {table_in(alias)} ORDER BY id")
            for alias, server in self.server_of.items()
        }

    def far(self, milliseconds, passing):
        """Return an environment in which each server's answer takes so long."""
        proxies = {
            alias: passing.enter_context(Proxy(server.port, delay=milliseconds / 2000))
            for alias, server in self.server_of.items()
        }
        return self.environment(**{alias: proxy.port for alias, proxy in proxies.items()})


def seconds_of(*commands, env):
    """Run commands at the same time; return how long all of them took."""
    started = time.perf_counter()
    streams = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
    processes = [subprocess.Popen(command, cwd=ROOT, env=env, **streams) for command in commands]
    for process in processes:
        process.wait()
    return time.perf_counter() - started


def populate(*options):
    return [sys.executable, "manage.py", "populate_db", *options]


def race(files, rounds):
    """Print how many records per second the shell loads, and how many `populate_db` does."""
    import django
    import psycopg

    expected = {alias: rows for alias, (_, rows) in files.expected.items()}
    rates = {name: [] for name in (PSQL, *WORKERS)}
    with ExitStack() as running:
        on = Servers(files.empty, running)
        options = [f"--{alias}={files.folders['all']}/{alias}.csv" for alias in MODEL_ALIASES]
        for number in range(rounds):
            contenders = {
                PSQL: [
                    ["psql", "-q", url, "-c", copy(alias, f"{files.folders['valid']}/{alias}.csv")]
                    for alias, url in on.urls().items()
                ]
            }
            for name, workers in WORKERS.items():
                rejects = f"--rejects={files.empty}/{workers}-{number}"
                contenders[name] = [populate(f"--workers={workers}", rejects, *options)]
            for name, commands in contenders.items():
                on.clear()
                seconds = seconds_of(*commands, env=on.environment())
                if on.rows() != expected:
                    raise SystemExit(f"{name}: did not store the same rows")
                rates[name].append(3 * files.records / seconds)
        details = [missing_ids(on, files), refused_rows(on, files)]
        version = on.version
    medians = {name: statistics.median(found) for name, found in rates.items()}
    sys.stdout.write(
        f"{os.cpu_count()} cores, PostgreSQL {version}, psycopg "
        f"{psycopg.__version__}, Django {django.__version__}; medians of whole processes\n\n"
        "| contender | records | records/s | of psql |\n|---|---|---|---|\n"
    )
    for name, rate in medians.items():
        sys.stdout.write(
            f"| {name} | 3 x {files.records:,} | {rate:,.0f} | {rate / medians[PSQL]:.2f} |\n"
        )
    sys.stdout.write("\n".join(["", *details, ""]))


def missing_ids(on, files):
    """Say how long it takes to ask which of 10,000 ids are missing."""
    milliseconds = manage(
        *("shell", "-v", "0", "-c", ASK.format(records=files.records)),
        folder=files.empty,
        env=on.environment(),
    ).stdout.strip()
    return f"Asking which of 10,000 ids are not among {files.records:,}: {milliseconds} ms."


ASK = """
import random, statistics, time
from distributed_insert.models import User
from distributed_insert.references import missing_ids
seconds = []
for _ in range(9):
    ids = random.sample(range(1, {records} + 1), min(10_000, {records}))
    started = time.perf_counter()
    missing_ids(User, "users", ids)
    seconds.append(time.perf_counter() - started)
print(round(statistics.median(seconds) * 1000))
"""


def refused_rows(on, files):
    """Say how long a load takes of which a trigger refuses one row in nine."""
    on.clear()
    server = on.server_of["users"]
    server.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no'; END $$"
    )
    server.execute(
        f"CREATE TRIGGER refuse BEFORE INSERT ON {table_in('users')} FOR EACH ROW "
        "WHEN (NEW.id % 9 = 0) EXECUTE FUNCTION refuse()"
    )
    load = populate(f"--users={files.folders['all']}/users.csv")
    seconds = seconds_of(load, env=on.environment())
    return f"{files.records:,} users, one in nine refused by a trigger: {seconds:.1f} s."


def copy(alias, path):
    return f"\\copy {table_in(alias)} from '{path}' (format csv, header)"


def distance(files, rounds, milliseconds):
    """Print how long loads take into servers whose answers take so long."""
    options = {alias: f"--{alias}={files.folders['all']}/{alias}.csv" for alias in MODEL_ALIASES}
    loads = {
        "sample": [populate()],
        "together": [populate(*options.values())],
        "one after another": [populate(option) for option in options.values()],
    }
    found = {name: [] for name in loads}
    with ExitStack() as running:
        on = Servers(files.empty, running)
        env = on.far(milliseconds, running)
        for _ in range(rounds):
            for name, commands in loads.items():
                on.clear()
                found[name].append(sum(seconds_of(command, env=env) for command in commands))
                if name != "sample" and on.rows() != {a: r for a, (_, r) in files.expected.items()}:
                    raise SystemExit(f"{name}: did not store the same rows")
    sample, together, apart = map(statistics.median, found.values())
    sys.stdout.write(
        f"{milliseconds} ms to each server; medians of whole processes: the sample {sample:.2f} s; "
        f"3 x {files.records:,} records together {together:.2f} s, one after another {apart:.2f} s "
        f"({together / apart:.2f})\n"
    )


def put(*lines):
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
