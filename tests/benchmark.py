"""Compare `populate_db` with the bare databases and with other ways to load the same records.

    python -m tests.benchmark [--records N] [--rounds N]
    python -m tests.benchmark --profile [--records N]
    python -m tests.benchmark --stages [--postgresql] [--records N] [--rounds N]
    python -m tests.benchmark --postgresql [--distance MILLISECONDS] [--records N] [--rounds N]
    python -m tests.benchmark --dask [--distance MILLISECONDS] [--records N] [--rounds N]

Makes users, products and orders (3% with a bad field; references at random, 1% of them dangling),
and has each contender load them in a process of its own, on databases of its own, in turn. Prints
the medians of the whole processes' times. The slow contenders get fewer records.

What a contender stores is compared with what ours does. Those that do not validate are given only
the records that are valid, and nothing to check; the sqlite3 shell, which is the limit, is given
everything and stores everything.

With `--postgresql` it compares `populate_db` with psql on three servers that it starts; with
`--distance` it measures loads into servers whose answers take so long. With `--dask` it measures
loads through a cluster that it starts, near and at that distance (20 ms), and counts the bytes.

With `--profile` it does the jobs of the workers one after the other in this process, and prints
where the time of each went. With `--stages` it prints what each stage takes per record, and how
questions for references grow with the parents' table.
"""

import argparse
import cProfile
import csv
import gc
import importlib.util
import json
import os
import platform
import pstats
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from . import benchmark_dask, benchmark_servers, benchmark_stages
from .cases import ROOT, environment, manage
from .generated import write_files

TABLES = {alias: f"distributed_insert_{alias[:-1]}" for alias in ("users", "products", "orders")}


class Contender:
    def __init__(self, name, command, *, share=1.0, files="all", needs=None):
        self.name = name
        self.command = command
        """Given the folder of the files and the one of the databases: what to run at once."""
        self.share = share
        """Of the records, for those that would take hours."""
        self.files = files
        """"all" records or the "valid" ones."""
        self.needs = needs
        """What must be installed: a module, or a command after `$`."""

    @property
    def is_installed(self):
        if self.needs and self.needs[0] == "$":
            return shutil.which(self.needs[1:])
        return not self.needs or importlib.util.find_spec(self.needs)


def python(*arguments):
    return [sys.executable, *arguments]


def ours(workers):
    def command(files, databases):
        options = [f"--{alias}={files}/{alias}.csv" for alias in TABLES]
        rejects = f"--rejects={databases}/rejects"
        return [python("manage.py", "populate_db", f"--workers={workers}", rejects, *options)]

    return command


def here(way):
    return lambda files, databases: [python("-m", "tests.benchmark", "--way", way, files)]


def shell(files, databases):
    return [
        [
            "sqlite3",
            f"{databases}/{alias}.db",
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            f".import --csv --skip 1 '{files}/{alias}.csv' {table}",
        ]
        for alias, table in TABLES.items()
    ]


def sqlite_utils(files, databases):
    return [
        python("-m", "sqlite_utils", "insert", f"{databases}/{alias}.db", table)
        + [f"{files}/{alias}.csv", "--csv", "--silent"]
        for alias, table in TABLES.items()
    ]


def loaddata(files, databases):
    return [
        python("manage.py", "loaddata", f"--database={alias}", f"{files}/{alias}.json")
        for alias in TABLES
    ]


PROCESSES, THREADS = "populate_db, worker processes", "populate_db, worker threads"
CONTENDERS = [
    Contender("sqlite3 .import, three processes, no validation", shell, needs="$sqlite3"),
    Contender(PROCESSES, ours("process")),
    Contender(THREADS, ours("thread")),
    Contender(
        "sqlite-utils insert, three processes", sqlite_utils, files="valid", needs="sqlite_utils"
    ),
    Contender("bulk_create by 5,000, the same rules, three threads", here("bulk"), share=0.2),
    Contender(
        "django-import-export, use_bulk",
        here("import_export"),
        share=1 / 15,
        files="valid",
        needs="import_export",
    ),
    Contender(
        "create() and atomic() per record, the same rules, three threads",
        here("create"),
        share=1 / 15,
    ),
    Contender("loaddata, three processes", loaddata, share=1 / 15, files="valid"),
]


# The ways that are written here: each loads the files of a folder into the databases of this
# process, orders after users and products.


def in_threads(load):
    """Call `load` with each dataset in a thread of its own, when its parents have been loaded."""
    import django

    django.setup()
    from distributed_insert.datasets import DATASETS

    finished = {dataset.model: threading.Event() for dataset in DATASETS}

    def run(dataset):
        for parent in dataset.references.values():
            finished[parent].wait()
        try:
            load(dataset)
        finally:
            finished[dataset.model].set()

    threads = [threading.Thread(target=run, args=(dataset,)) for dataset in DATASETS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def valid_batches(dataset, folder, size):
    """Yield the valid records of a model's file, as dicts, `size` records of the file at a time."""
    from django.db import router

    from distributed_insert.loading.batch import Batch
    from distributed_insert.sources import open_source

    source = open_source(f"{folder}/{dataset.plural}.csv")
    source.open(dataset)
    while source.check():
        pass
    rules = dataset.rules(source.number_parser)
    for read in iter(lambda: source.read(size), None):
        _, columns = Batch(dataset, source, rules, read).accepted()
        records = [dict(zip(dataset.fields, row)) for row in zip(*columns)]
        for name, parent in dataset.references.items():
            ids = {record[name] for record in records}
            stored = parent.objects.using(router.db_for_read(parent)).in_bulk(list(ids))
            records = [record for record in records if record[name] in stored]
        yield records
    source.close()


def bulk(folder):
    from django.db import transaction

    def load(dataset):
        for records in valid_batches(dataset, folder, 5_000):
            with transaction.atomic(using=dataset.using):
                dataset.model.objects.bulk_create(dataset.model(**record) for record in records)

    in_threads(load)


def create(folder):
    from django.db import transaction

    def load(dataset):
        for records in valid_batches(dataset, folder, 5_000):
            for record in records:
                with transaction.atomic(using=dataset.using):
                    dataset.model.objects.create(**record)

    in_threads(load)


def import_export(folder):
    import django

    django.setup()
    from import_export import resources
    from tablib import Dataset

    from distributed_insert.datasets import DATASETS

    for dataset in DATASETS:
        options = {"model": dataset.model, "use_bulk": True, "batch_size": 5_000}
        options.update(skip_diff=True, force_init_instance=True)
        meta = type("Meta", (), options)
        resource = type("RecordResource", (resources.ModelResource,), {"Meta": meta})()
        with open(f"{folder}/{dataset.plural}.csv", encoding="utf-8", newline="") as file:
            rows = Dataset().load(file, format="csv")
        resource.import_data(rows, raise_errors=True, use_transactions=True)


def jobs(folder):
    """Do the jobs of the workers one after the other, and print where the time of each went."""
    import django

    django.setup()
    from distributed_insert.datasets import DATASETS
    from distributed_insert.executors.collection import GC_THRESHOLD
    from distributed_insert.loading import Options
    from distributed_insert.loading.worker import LoadingWorker
    from distributed_insert.sources import open_source

    gc.set_threshold(GC_THRESHOLD)
    workers = {}
    rejects = tempfile.mkdtemp(dir=folder)
    for dataset in sorted(DATASETS, key=lambda dataset: len(dataset.references)):
        source = open_source(f"{folder}/{dataset.plural}.csv")
        worker = LoadingWorker(dataset, source, Options(rejects=rejects), load_id="")
        workers[dataset.model] = worker
        profiler = cProfile.Profile()
        profiler.enable()
        worker.open()
        while worker.check():
            pass
        for ids in iter(worker.read, None):
            parents = dataset.references.items()
            missing = {name: workers[parent].missing(ids[name]) for name, parent in parents}
            worker.write(missing, None)
        profiler.disable()
        sys.stdout.write(f"{dataset.plural}:\n")
        pstats.Stats(profiler).sort_stats("tottime").print_stats(12)
    for worker in workers.values():
        worker.close()


MEASURED = (benchmark_stages.stages, benchmark_stages.references)
WAYS = {way.__name__: way for way in (bulk, create, import_export, jobs, *MEASURED)}


# The files, the races and the table.


class Files:
    """Files of so many records of each model: all of them, the valid ones, and what they hold."""

    def __init__(self, folder, records):
        self.records = records
        self.folders = {kind: Path(folder) / f"{kind}-{records}" for kind in ("all", "valid")}
        self.empty = Path(folder) / f"empty-{records}"
        for path in (*self.folders.values(), self.empty):
            path.mkdir()
        write_files(self.folders["all"], records)
        for alias in TABLES:
            manage("migrate", f"--database={alias}", folder=self.empty)
        databases = Path(shutil.copytree(self.empty, Path(folder) / f"expected-{records}"))
        for command in ours("thread")(self.folders["all"], databases):
            subprocess.run(
                command,
                cwd=ROOT,
                env=environment(databases),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self.expected = stored_rows(databases)
        for alias, rows in self.expected.items():
            self._write_valid(alias, *rows)

    def _write_valid(self, alias, names, rows):
        folder = self.folders["valid"]
        with open(folder / f"{alias}.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([names, *rows])
        model = f"distributed_insert.{alias[:-1]}"
        objects = [
            {"model": model, "pk": row[0], "fields": dict(zip(names[1:], row[1:]))} for row in rows
        ]
        with open(folder / f"{alias}.json", "w", encoding="utf-8") as file:
            json.dump(objects, file)


def stored_rows(databases):
    """Return the columns and the rows of each table, in the order of the ids."""
    found = {}
    for alias, table in TABLES.items():
        with closing(sqlite3.connect(f"{databases}/{alias}.db")) as connection:
            cursor = connection.execute(f"SELECT * FROM {table} ORDER BY id")
            rows = cursor.fetchall()
            found[alias] = [name for name, *_ in cursor.description], rows
    return found


def race(contender, files, folder):
    """Let a contender load the files once; return its seconds and what was wrong with the rows."""
    databases = Path(shutil.copytree(files.empty, Path(folder) / "databases"))
    source = str(files.folders[contender.files])
    started = time.perf_counter()
    processes = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(databases),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for command in contender.command(source, databases)
    ]
    for process in processes:
        process.wait()
    seconds = time.perf_counter() - started
    rows = stored_rows(databases)
    shutil.rmtree(databases)
    if contender.command is shell:
        is_right = all(len(found) == files.records for _, found in rows.values())
    else:
        is_right = rows == files.expected
    return seconds, is_right


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=300_000, help="of each model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--stages", action="store_true")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--distance", type=int, metavar="MILLISECONDS")
    parser.add_argument("--dask", action="store_true")
    parser.add_argument("--way", nargs=2, metavar=("WAY", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ds_project.settings")
    if options.way:
        WAYS[options.way[0]](options.way[1])
        return
    if options.profile:
        profile(options.records)
        return
    if options.stages:
        with tempfile.TemporaryDirectory() as folder:
            files = Files(folder, options.records)
            benchmark_stages.measure(files, options.rounds, options.postgresql)
        return
    if options.dask:
        with tempfile.TemporaryDirectory() as folder:
            files = Files(folder, options.records)
            benchmark_dask.measure(files, options.rounds, options.distance or 20)
        return
    if options.postgresql:
        with tempfile.TemporaryDirectory() as folder:
            files = Files(folder, options.records)
            if options.distance is None:
                benchmark_servers.race(files, options.rounds)
            else:
                benchmark_servers.distance(files, options.rounds, options.distance)
        return
    contenders = [contender for contender in CONTENDERS if contender.is_installed]
    rates = {contender.name: [] for contender in contenders}
    with tempfile.TemporaryDirectory() as folder:
        sizes = {c.share: max(int(options.records * c.share), 1) for c in contenders}
        files = {share: Files(folder, records) for share, records in sizes.items()}
        for _ in range(options.rounds):
            for contender in contenders:
                mine = files[contender.share]
                seconds, is_right = race(contender, mine, folder)
                if not is_right:
                    raise SystemExit(f"{contender.name}: did not store the same rows")
                rates[contender.name].append(3 * mine.records / seconds)
        sample = sample_ratio(folder, options.rounds)
    for line in table(contenders, rates, sizes):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"\nThe sample takes {sample:.2f} times as long as `manage.py check`.\n")


def sample_ratio(folder, rounds):
    """Return how many times as long as `manage.py check` the load of the sample takes."""
    manage("populate_db", "--migrate", folder=folder)
    ratios = []
    for _ in range(rounds):
        seconds = []
        for command in ("populate_db", "check"):
            started = time.perf_counter()
            manage(command, folder=folder)
            seconds.append(time.perf_counter() - started)
        ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)


def profile(records):
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder, records)
        [command] = here("jobs")(str(files.folders["all"]), None)
        subprocess.run(command, cwd=ROOT, env=environment(files.empty), check=True)


def table(contenders, rates, sizes):
    import django

    medians = {name: statistics.median(found) for name, found in rates.items()}
    processes, threads = medians[PROCESSES], medians[THREADS]
    yield (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"Django {django.__version__}, SQLite {sqlite3.sqlite_version}; medians of whole processes"
    )
    yield ""
    yield "| contender | records | records/s | processes, times faster | threads, times faster |"
    yield "|---|---|---|---|---|"
    for contender in contenders:
        rate = medians[contender.name]
        yield (
            f"| {contender.name} | 3 x {sizes[contender.share]:,} | {rate:,.0f} "
            f"| {processes / rate:.2f} | {threads / rate:.2f} |"
        )
    for contender in CONTENDERS:
        if contender not in contenders:
            yield f"Left out, since it is not installed: {contender.name}."


if __name__ == "__main__":
    main()
