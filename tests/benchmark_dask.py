"""Loads through a Dask cluster whose scheduler is far from the coordinator: time and bytes."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from .cases import MODEL_ALIASES, ROOT, ScratchDatabases, environment
from .clusters import cluster
from .proxy import Proxy


def measure(files, rounds, milliseconds):
    """Print how long loads take, and how many bytes per record pass the scheduler."""
    import distributed

    folder = Path(shutil.copytree(files.empty, f"{files.empty}-dask"))
    databases = ScratchDatabases(folder, on_servers=False)
    env = environment(folder)
    paths = {alias: f"--{alias}={files.folders['all']}/{alias}.csv" for alias in MODEL_ALIASES}
    expected = {alias: rows for alias, (_, rows) in files.expected.items()}
    seconds = {}

    def load(name, *options, aliases=MODEL_ALIASES):
        rejects = f"--rejects={folder}/{name}"
        command = [sys.executable, "manage.py", "populate_db", "-v", "0", rejects, *options]
        started = time.perf_counter()
        subprocess.run(
            [*command, *(paths[alias] for alias in aliases)],
            cwd=ROOT,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        seconds.setdefault(name, []).append(time.perf_counter() - started)
        if any(databases.rows(alias) != expected[alias] for alias in aliases):
            raise SystemExit(f"{name}: did not store the same rows")
        written = {path.name: path.read_bytes() for path in (folder / name).iterdir()}
        shutil.rmtree(str(folder / name))
        return written

    passed = Counter()
    with cluster(env=env) as dask:
        port = int(dask.address.rpartition(":")[2])
        for _ in range(rounds):
            databases.empty()
            rejects = load("threads", "--workers=thread")
            for name, delay in (("near", 0), ("far", milliseconds / 2000)):
                databases.empty()
                with Proxy(port, delay=delay) as proxy:
                    if load(name, *through(proxy)) != rejects:
                        raise SystemExit(f"{name}: did not write the same rejects")
        databases.empty()
        for alias in MODEL_ALIASES:

            def count(data, alias=alias):
                passed[alias] += len(data)

            with Proxy(port, on_request=count, on_answer=count) as proxy:
                load("alone", *through(proxy), aliases=[alias])
    threads, near, far = (statistics.median(seconds[n]) for n in ("threads", "near", "far"))
    sys.stdout.write(
        f"{os.cpu_count()} cores, distributed {distributed.__version__}; 3 x {files.records:,} "
        f"records, medians of whole processes: threads {threads:.2f} s, Dask {near:.2f} s, "
        f"with {milliseconds} ms to the scheduler {far:.2f} s (ratio {near / far:.2f})\n"
        "Bytes per record, there and back: "
        + ", ".join(f"{alias} {passed[alias] / files.records:.1f}" for alias in MODEL_ALIASES)
        + "\n"
    )


def through(proxy):
    return "--workers=dask", f"--scheduler=tcp://127.0.0.1:{proxy.port}"
