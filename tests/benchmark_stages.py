"""What `python -m tests.benchmark --stages` does: measure what each stage of a load costs.

A process does the jobs of all workers one after the other, and measures each: the time that passes,
its own processor time, and that of the PostgreSQL process which serves it. Processor times hardly
depend on what else the machine does.
"""

import csv
import json
import os
import platform
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copytree

from . import benchmark_parts
from .benchmark_servers import OPTIONS, Servers, populate, put, seconds_of
from .cases import MODEL_ALIASES, ROOT, environment, table_in

KINDS = ("loader", "server", "wall")
TEXTS = ("name", "email")
# How many users there are to be asked for, and what is asked.
PARENTS = (1_000_000, 3_000_000, 10_000_000)
QUESTIONS, IDS = 20, 10_000
# The users and their index fit into that, and not into what `benchmark_servers` allows.
LARGE = "shared_buffers = 2GB"
FILL = """
    WITH RECURSIVE ids(id) AS (SELECT {first} UNION ALL SELECT id + 1 FROM ids WHERE id < {last})
    INSERT INTO {table} (id, name, email)
    SELECT id, 'User ' || id, 'user' || id || '@example.com' FROM ids
"""


# In the process that is measured: each way prints the seconds of its stages.


class Stopwatch:
    def __init__(self):
        self.seconds = Counter()

    def measured(self, stage, using, function):
        """Return the function, which then adds what its calls take to those of the stage."""

        def call(*args):
            before = _now(using)
            result = function(*args)
            for kind, start, end in zip(KINDS, before, _now(using)):
                self.seconds[f"{stage}/{kind}"] += end - start
            return result

        return call


def _now(using):
    from django.db import connections

    connection = connections[using]
    server = 0
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        pid = connection.connection.info.backend_pid
        server = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    return time.process_time(), server / 1e9, time.perf_counter()


def stages(folder):
    """Load the files of a folder, and print the seconds of each stage."""
    import django

    django.setup()
    from distributed_insert.datasets import DATASETS, parents_first
    from distributed_insert.executors.collection import slow_collection
    from distributed_insert.loading import Options
    from distributed_insert.loading.worker import LoadingWorker
    from distributed_insert.sources import open_source

    watch, workers = Stopwatch(), {}
    options = Options(rejects=tempfile.mkdtemp(dir=folder))

    def opened(dataset, ending):
        source = open_source(f"{folder}/{dataset.plural}.{ending}")
        for job in ("check", "read"):
            stage = f"{dataset.plural}: {job} {ending}"
            setattr(source, job, watch.measured(stage, dataset.using, getattr(source, job)))
        return source

    def read_all(worker):
        worker.open()
        while worker.check():
            pass
        return iter(worker.read, None)

    with slow_collection:
        for dataset in parents_first(DATASETS):
            of = f"{dataset.plural}:"
            for _ in read_all(LoadingWorker(dataset, opened(dataset, "jsonl"), options, "")):
                pass
            worker = LoadingWorker(dataset, opened(dataset, "csv"), options, "")
            workers[dataset.model] = worker
            worker.read = watch.measured(f"{of} judge", worker.using, worker.read)
            write = watch.measured(f"{of} write", worker.using, worker.write)
            parents = {name: workers[parent] for name, parent in dataset.references.items()}
            asks = {
                name: watch.measured(f"{of} ask for {name}", parent.using, parent.missing)
                for name, parent in parents.items()
            }
            for ids in read_all(worker):
                write({name: ask(ids[name]) for name, ask in asks.items()}, None)
            for kind in KINDS:
                # Reading is a part of the job that also judges.
                watch.seconds[f"{of} judge/{kind}"] -= watch.seconds[f"{of} read csv/{kind}"]
    sys.stdout.write(json.dumps(watch.seconds))


def references(folder):
    """Ask for users in tables that grow, and print the median seconds of each kind of question."""
    import django

    django.setup()
    from django.db import connections, router

    from distributed_insert.datasets import dataset_of
    from distributed_insert.loading.base_worker import REMEMBERED_IDS, Worker
    from distributed_insert.models import User

    using = router.db_for_write(User)
    rng = random.Random(1)
    found = {}

    def fill(first, last):
        with connections[using].cursor() as cursor:
            cursor.execute(FILL.format(table=table_in(using), first=first, last=last))
        connections[using].close()

    def ask(what, choose, forget=lambda: None):
        worker, watches = Worker(dataset_of(User)), []
        worker.open()
        for number in range(QUESTIONS):
            ids = choose(number)
            forget()
            watch = Stopwatch()
            if watch.measured(what, using, worker.missing)(ids):
                raise SystemExit(f"{what}: users are missing")
            watches.append(watch.seconds)
        found.update({key: statistics.median(w[key] for w in watches) for key in watches[0]})
        worker.close()

    def in_order(number):
        first = REMEMBERED_IDS + number * IDS
        return range(first, first + IDS)

    fill(1, IDS)
    ask("remembered", lambda number: range(1, IDS + 1))
    start = REMEMBERED_IDS
    for users in PARENTS:
        end = REMEMBERED_IDS + users
        fill(start, end - 1)
        start = end

        def at_random(number, end=end):
            return rng.sample(range(REMEMBERED_IDS, end), IDS)

        ask(f"{users:,} users, in order", in_order)
        ask(f"{users:,} users, at random", at_random)
    if connections[using].vendor == "sqlite":
        ask(f"{users:,} users, at random, from the disk", at_random, forget_file)
    sys.stdout.write(json.dumps(found))


def forget_file():
    """Have the system read the file of the users from the disk when it is next asked for."""
    with open(f"{os.environ['DATABASES_FOLDER']}/users.db", "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


# In the process that starts the others.


def measure(files, rounds, with_postgresql):
    """Print what each stage takes with SQLite and, if asked for, with PostgreSQL servers."""
    import django

    write_json_lines(files.folders["all"])
    versions = [
        f"{os.cpu_count()} cores, Python {platform.python_version()}",
        f"Django {django.__version__}, SQLite {sqlite3.sqlite_version}",
    ]
    with ExitStack() as running:
        engines, large = {"SQLite": None}, {}
        if with_postgresql:
            engines["PostgreSQL"] = Servers(files.empty, running)
            large[LARGE] = Servers(files.empty, running, f"{OPTIONS}\n{LARGE}")
            versions.append(f"PostgreSQL {engines['PostgreSQL'].version}")
        put(f"{', '.join(versions)}; microseconds per record, or per id that is asked for")
        print_table("stages", engines, files, rounds, files.records)
        print_table("references", {**engines, **large}, files, 1, IDS)
        print_loads(engines, files, rounds)
        if with_postgresql:
            benchmark_parts.measure(files, rounds, engines["PostgreSQL"])


def write_json_lines(folder):
    for alias in MODEL_ALIASES:
        path = Path(folder) / f"{alias}.csv"
        with open(path, encoding="utf-8", newline="") as rows, open(
            path.with_suffix(".jsonl"), "w", encoding="utf-8"
        ) as lines:
            for row in csv.DictReader(rows):
                record = {k: v if k in TEXTS else json.loads(v) for k, v in row.items()}
                lines.write(f"{json.dumps(record)}\n")


@contextmanager
def empty_databases(files, on):
    """Yield an environment with empty tables: those of servers or, without, of files."""
    if on:
        on.clear()
        yield on.environment()
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield environment(copytree(files.empty, f"{folder}/databases"))


def print_table(way, engines, files, rounds, count):
    columns = {}
    for engine, on in engines.items():
        runs = []
        for _ in range(rounds):
            with empty_databases(files, on) as env:
                process = subprocess.run(
                    [sys.executable, "-m", "tests.benchmark", "--way", way, files.folders["all"]],
                    cwd=ROOT,
                    env=env,
                    stdout=subprocess.PIPE,
                    check=True,
                )
            runs.append(json.loads(process.stdout))
        for kind in KINDS if on else ("loader", "wall"):
            columns[f"{engine}: {kind}"] = {
                stage.rpartition("/")[0]: statistics.median(run[stage] for run in runs)
                for stage in runs[0]
                if stage.endswith(f"/{kind}")
            }
    put("", f"| {way} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|")
    for stage in columns["SQLite: wall"]:
        values = (column.get(stage) for column in columns.values())
        cells = ("" if v is None else f"{v / count * 1e6:.2f}" for v in values)
        put(f"| {stage} | {' | '.join(cells)} |")


def print_loads(engines, files, rounds):
    """Print how long whole loads take, to compare them with the sum of their stages."""
    options = [f"--{alias}={files.folders['all']}/{alias}.csv" for alias in MODEL_ALIASES]
    three = f"3 x {files.records:,}"
    loads = {
        "the sample": populate("--workers=thread"),
        f"{three}, threads": populate("--workers=thread", *options),
        f"{three}, processes": populate("--workers=process", *options),
    }
    columns = [f"{engine}: {kind}" for engine in engines for kind in ("loader", "wall")]
    put("", f"| whole loads, s | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|")
    for name, command in loads.items():
        cells = []
        for on in engines.values():
            runs = []
            for _ in range(rounds):
                with empty_databases(files, on) as env:
                    before = seconds_of_children()
                    wall = seconds_of(command, env=env)
                    runs.append((seconds_of_children() - before, wall))
            cells += [f"{statistics.median(seconds):.2f}" for seconds in zip(*runs)]
        put(f"| {name} | {' | '.join(cells)} |")


def seconds_of_children():
    """Return the processor time of the processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system
