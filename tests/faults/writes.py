"""Make one write of a load fail, or kill the load there, and see that nothing it says is untrue.

    python -m tests.faults.writes --rounds 20

A load of a few batches writes to its databases, rejects files and summary some fifty times. In
turn each of these calls (or `--rounds` of them) kills the process that makes it, or fails for want
of space or with an input/output error, once or from then on. Afterwards the databases are read
without Django, and must agree with the exit status, the message, the summary and the rejects files.
Then the same command with `--on-conflict ignore` must complete the load.

It needs Linux and a C compiler, which makes the library that is preloaded into the load.
"""

import argparse
import csv
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from ..cases import ROOT, environment, manage
from ..generated import write_files

MODELS = {"users": "User", "products": "Product", "orders": "Order"}
RECORDS, BATCH_SIZE = 60, 25
TIMEOUT = 60
TALLY_SIZE = 8192
FILES = ("*.db", "*.db-wal", "*.db-journal", "*/rejects/*", "*/summary/*")
OLD_SUMMARY = '{\n  "status": "complete",\n  "exit_code": 0,\n  "old": true\n}\n'
ENDINGS = ("not reached", "finished", "failed", "killed", "hung")


class Options(NamedTuple):
    """How to load: by threads or processes, and whether with --all-or-nothing."""

    workers: str
    all_or_nothing: bool

    @property
    def files(self):
        # One rejected record would roll all of the others back.
        return "valid" if self.all_or_nothing else "faulty"

    def __str__(self):
        return f"{self.workers}:{'all-or-nothing' if self.all_or_nothing else 'batches'}"


class Fault(NamedTuple):
    kind: str
    lasts: bool = False
    """Whether every later call fails too."""

    def __str__(self):
        return f"{self.kind}-for-good" if self.lasts else self.kind


class Load(NamedTuple):
    """What is left of a load."""

    status: Optional[int]
    """The exit status, or less than 0 if a signal ended it; None if it hung."""
    message: str
    """What it wrote to standard error."""
    rows: Dict[str, List[Tuple]]
    rejects: Dict[str, bytes]
    """The contents of each file of rejects, by its path."""
    summary: Dict[str, Any]
    calls: int
    """How many of its calls could have failed."""
    failed: str
    """The path of the file of the one that did; empty if it had fewer."""

    @property
    def ending(self):
        if not self.failed:
            return "not reached"
        if self.status is None:
            return "hung"
        return {0: "finished", 3: "finished", -signal.SIGKILL: "killed"}.get(self.status, "failed")


ALL_OPTIONS = [Options(w, a) for a in (False, True) for w in ("thread", "process")]
FAULTS = [
    Fault("kill"),
    Fault("ENOSPC"),
    Fault("ENOSPC", lasts=True),
    Fault("EIO"),
    Fault("EIO", lasts=True),
]


class Loads:
    """Loads of the same files, each into databases and folders of its own."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.library = compiled(self.folder)
        for name, bad in (("valid", 0), ("faulty", 0.1)):
            (self.folder / name).mkdir()
            write_files(self.folder / name, RECORDS, bad=bad, dangling=bad)
        self.empty = self.folder / "empty"
        self.empty.mkdir()
        manage("populate_db", "--migrate", "--dry-run", folder=self.empty)
        self._undisturbed = {}

    def undisturbed(self, options) -> Load:
        """Return a load in which no call failed; it says how many there are."""
        if options not in self._undisturbed:
            databases = self.databases()
            load = self.load(databases, options, Fault("kill"), 0)
            shutil.rmtree(databases)
            if load.status not in (0, 3) or load.summary.get("status") != "complete":
                raise AssertionError(f"exit status {load.status}: {load.message}")
            self._undisturbed[options] = load
        return self._undisturbed[options]

    def databases(self):
        """Return a folder with empty databases and the summary of an earlier load."""
        databases = Path(shutil.copytree(self.empty, self.folder / "load"))
        (databases / "summary").mkdir()
        (databases / "summary" / "summary.json").write_text(OLD_SUMMARY)
        return databases

    def load(self, databases, options, fault, at, on_conflict="error") -> Load:
        arguments = [f"--{alias}={self.folder / options.files / alias}.csv" for alias in MODELS]
        arguments += [f"--batch-size={BATCH_SIZE}", f"--workers={options.workers}"]
        arguments += [
            f"--rejects={databases}/rejects",
            f"--summary={databases}/summary/summary.json",
        ]
        arguments += [f"--on-conflict={on_conflict}"]
        if options.all_or_nothing and on_conflict == "error":
            arguments.append("--all-or-nothing")
        tally = databases / "tally"
        tally.write_bytes(bytes(TALLY_SIZE))
        extra = {
            "LD_PRELOAD": str(self.library),
            "FAULT_TALLY": str(tally),
            "FAULT_FILES": ":".join(FILES),
            "FAULT_AT": str(at),
            "FAULT": fault.kind,
            "FAULT_LASTS": str(int(fault.lasts)),
        }
        try:
            process = subprocess.run(
                [sys.executable, "manage.py", "populate_db", *arguments],
                cwd=ROOT,
                env=environment(databases, **extra),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                timeout=TIMEOUT,
            )
            status, message = process.returncode, process.stderr
        except subprocess.TimeoutExpired:
            status, message = None, ""
        counted = tally.read_bytes()
        return Load(
            status=status,
            message=message,
            rows={alias: stored_rows(databases, alias) for alias in MODELS},
            rejects={str(p): p.read_bytes() for p in sorted(databases.glob("rejects/*"))},
            summary=read_summary(databases / "summary" / "summary.json"),
            calls=struct.unpack_from("q", counted)[0],
            failed=os.fsdecode(counted[8:].partition(b"\0")[0]),
        )

    def disturb(self, options, fault, at) -> Tuple[Load, List[str]]:
        """Load with a fault, and once more to the end; return the first load and what is wrong."""
        whole = self.undisturbed(options)
        databases = self.databases()
        load = self.load(databases, options, fault, at)
        problems = [*problems_of_ending(load, fault), *problems_of_rows(load, whole, options)]
        problems += [*problems_of_message(load, whole), *problems_of_rejects(load, whole)]
        problems += problems_of_summary(load, whole, fault)
        completed = self.load(databases, options, fault, 0, on_conflict="ignore")
        problems += problems_of_completion(completed, load, whole)
        shutil.rmtree(databases)
        return load, problems


def compiled(folder):
    library = Path(folder) / "inject.so"
    source = Path(__file__).with_name("inject.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def stored_rows(databases, alias):
    with closing(sqlite3.connect(str(databases / f"{alias}.db"))) as connection:
        table = f"distributed_insert_{MODELS[alias].lower()}"
        return connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def read_summary(path):
    """Return the document, or one that only says that it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {"status": "not a document"}


def rejected_ids(load, alias) -> Set[int]:
    """Return the ids of the records in all rejects files of a model."""
    ids = set()
    for path, content in load.rejects.items():
        if Path(path).name.startswith(alias):
            rows = csv.DictReader(content.decode().splitlines())
            ids.update(int(row["id"]) for row in rows)
    return ids


def claims(message) -> Dict[str, Tuple[int, bool]]:
    """Return how many rows of each model a message says are stored, and whether these are all.

    Empty if it says nothing about it.
    """
    stored = re.search(r"^Stored before that: (.*?)\.(?: |$)", message, re.MULTILINE)
    is_sure = "may have been stored" not in message
    if not stored and is_sure and "Nothing was stored." not in message:
        return {}
    found = re.findall(r"(\w+) (at least )?([\d,]+)", stored.group(1)) if stored else []
    counts = {m: (int(n.replace(",", "")), not at_least) for m, at_least, n in found}
    return {alias: counts.get(model, (0, is_sure)) for alias, model in MODELS.items()}


def problems_of_ending(load, fault):
    if load.status is None:
        yield f"did not end within {TIMEOUT} seconds"
    elif load.status not in (0, 1, 3, *([-signal.SIGKILL] if fault.kind == "kill" else [])):
        yield f"exit status {load.status}"
    if "Traceback" in load.message:
        yield "traceback: " + load.message.strip().splitlines()[-1]


def problems_of_rows(load, whole, options):
    parents = [{row[0] for row in load.rows[alias]} for alias in ("users", "products")]
    for key, *references, _ in load.rows["orders"]:
        if not all(reference in ids for reference, ids in zip(references, parents)):
            yield f"order {key} is stored without its user or product"
    for alias in MODELS:
        rows, all_rows = load.rows[alias], whole.rows[alias]
        if not set(rows) <= set(all_rows):
            yield f"{alias} that are in no file are stored: {sorted(set(rows) - set(all_rows))}"
        if options.all_or_nothing and rows not in ([], all_rows):
            yield f"{len(rows)} of {len(all_rows)} {alias} are stored, neither all nor none"
    if load.status in (0, 3) and load.rows != whole.rows:
        yield f"exit status {load.status}, and not everything is stored"


def problems_of_message(load, whole):
    claimed = claims(load.message)
    if load.status == 1 and not claimed and any(load.rows.values()) and load.rows != whole.rows:
        yield "does not say what is stored"
    for alias, (count, is_exact) in claimed.items():
        stored = len(load.rows[alias])
        if count > stored or (is_exact and count != stored):
            yield f"says that {count} {alias} are stored, there are {stored}"


def problems_of_summary(load, whole, fault):
    summary = load.summary
    status, could_be_written = summary["status"], "/summary/" not in load.failed
    if "old" in summary:
        # It stays only if the first write of the new one failed: then the load has not begun.
        if could_be_written or any(load.rows.values()):
            yield "the summary is that of an earlier load"
    elif status == "running":
        if load.status in (0, 1, 3) and could_be_written and not fault.lasts:
            yield f"exit status {load.status}, and the summary says that the load is running"
    elif status in ("complete", "failed"):
        if load.status in (0, 1, 3) and load.status != summary["exit_code"]:
            yield f"exit status {load.status}, in the summary {summary['exit_code']}"
        if status == "complete" and (load.rows, load.rejects) != (whole.rows, whole.rejects):
            yield "the summary says that the load is complete, and it is not"
        yield from problems_of_counts(load)
    else:
        yield f"the summary is {status}"


def problems_of_counts(load):
    for alias, name in MODELS.items():
        model, stored = load.summary["models"][name.lower()], len(load.rows[alias])
        count = model["inserted"] + model["updated"] if model["stored"] else 0
        if count > stored or (count < stored and not model["unconfirmed"]):
            yield f"the summary says that {count} {alias} are stored, there are {stored}"
        if model["rejected"] > len(rejected_ids(load, alias)):
            yield f"the summary has more rejected {alias} than the rejects file"


def problems_of_rejects(load, whole):
    """No batch may be stored before its rejects are in the file."""
    for alias in MODELS:
        batches = {(row[0] - 1) // BATCH_SIZE for row in load.rows[alias]}
        expected = rejected_ids(whole, alias)
        if load.status not in (0, 3):
            expected = {key for key in expected if (key - 1) // BATCH_SIZE in batches}
        lost = expected - rejected_ids(load, alias)
        if lost:
            yield f"rejected {alias} that are in no file: {sorted(lost)}"


def problems_of_completion(completed, load, whole):
    if completed.status != whole.status:
        why = completed.message.partition("\n")[0]
        yield f"cannot be completed: exit status {completed.status}: {why}"
        return
    if completed.rows != whole.rows:
        yield "is not complete after it was run again"
    if completed.summary["status"] != "complete":
        yield f"the summary is {completed.summary['status']} after it was run again"
    new = {p: content for p, content in completed.rejects.items() if not load.rejects.get(p)}
    for alias in MODELS:
        if rejected_ids(completed._replace(rejects=new), alias) != rejected_ids(whole, alias):
            yield f"the new file of rejected {alias} is not complete after it was run again"
    for path, content in load.rejects.items():
        if content and completed.rejects.get(path) != content:
            yield f"{Path(path).name} was written over"


def chosen(text):
    """WORKERS:MODE:FAULT:N, as a problem is reported."""
    by_name = {f"{o}:{f}": (o, f) for o in ALL_OPTIONS for f in FAULTS}
    name, _, at = text.rpartition(":")
    if name not in by_name or not at.isdigit():
        raise argparse.ArgumentTypeError(
            f"'{text}' is not one of {', '.join(by_name)}, and a number"
        )
    return (*by_name[name], int(at))


def rounds_of(loads, count):
    """Yield options, fault and number of each call to fail, all or so many of each combination."""
    for options in ALL_OPTIONS:
        calls = loads.undisturbed(options).calls
        sys.stdout.write(f"{options}: {calls} calls\n")
        for fault in FAULTS:
            numbers = range(1, calls + 1)
            if count is not None and count < calls:
                numbers = sorted(random.sample(numbers, count))
            for at in numbers:
                yield options, fault, at


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, help="of each fault with each of the options")
    parser.add_argument("--only", type=chosen, help="one round, as it is reported")
    arguments = parser.parse_args()
    endings, wrong = defaultdict(Counter), Counter()
    with tempfile.TemporaryDirectory() as folder:
        loads = Loads(folder)
        for round_ in [arguments.only] if arguments.only else rounds_of(loads, arguments.rounds):
            options, fault, at = round_
            load, problems = loads.disturb(*round_)
            endings[str(fault)][load.ending] += 1
            wrong[str(fault)] += bool(problems)
            for problem in problems:
                name = Path(load.failed).name
                sys.stdout.write(f"{options}:{fault}:{at} ({name}): {problem}\n")
    sys.stdout.write("\n" + table(endings, wrong))
    return int(any(wrong.values()))


def table(endings, wrong):
    names = [*endings, "total"]
    endings = {**endings, "total": sum(endings.values(), Counter())}
    wrong = {**wrong, "total": sum(wrong.values())}
    lines = ["".join(["fault".ljust(18), *(e.rjust(13) for e in ENDINGS), "wrong".rjust(13)])]
    for name in names:
        numbers = [*(endings[name][ending] for ending in ENDINGS), wrong[name]]
        lines.append("".join([name.ljust(18), *(str(number).rjust(13) for number in numbers)]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
