"""What `python -m tests.benchmark --stages --postgresql` does last: load parts of a file at once.

Several loads, each of a part of the orders, run at the same time on one server, and so do several
`psql \\copy`. What is stored is compared with all the orders.
"""

import csv
import os
import statistics
from pathlib import Path

from .benchmark_servers import copy, populate, put, seconds_of
from .cases import MODEL_ALIASES, table_in

SIZE = "SELECT pg_total_relation_size('{table}') / count(*) FROM {table}"


def measure(files, rounds, on):
    """Print what 1, 2 and 4 loads take together: rows per second, and the server's processor."""
    on.clear()
    parents = (f"--{a}={files.folders['all']}/{a}.csv" for a in MODEL_ALIASES if a != "orders")
    seconds_of(populate(*parents), env=on.environment())
    server = on.server_of["orders"]
    put("", "| at once | psql: rows/s | server | populate_db: rows/s | server |", "|---" * 5 + "|")
    for number in (1, 2, 4):
        parts = write_parts(files, number)
        cells = []
        for commands in (
            [["psql", "-q", server.url(), "-c", copy("orders", part)] for part in parts],
            [populate("--workers=process", f"--orders={part}") for part in parts],
        ):
            runs = [race(commands, files, on) for _ in range(rounds)]
            rate, spent, logged = map(statistics.median, zip(*runs))
            cells += [f"{rate:,.0f}", f"{spent:.2f}"]
        put(f"| {number} | {' | '.join(cells)} |")
    put("", f"Each order is {logged:.0f} bytes of the write-ahead log.")
    for alias in MODEL_ALIASES:
        [(size,)] = on.server_of[alias].execute(SIZE.format(table=table_in(alias)))
        put(f"A row of {alias} and its place in the index are {size} bytes.")


def write_parts(files, number):
    """Write the valid orders into so many files; return their paths."""
    names, rows = files.expected["orders"]
    size = -(-len(rows) // number)
    paths = [f"{files.empty}/part-{place}.csv" for place in range(number)]
    for place, path in enumerate(paths):
        with open(path, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([names, *rows[place * size : (place + 1) * size]])
    return paths


def race(commands, files, on):
    """Return rows per second, and per row the server's microseconds and the bytes it logged."""
    server, table, rows = on.server_of["orders"], table_in("orders"), files.expected["orders"][1]
    server.execute(f"TRUNCATE {table}")
    server.execute("CHECKPOINT")
    logged, spent = bytes_logged(server), seconds_of_sessions(server)
    seconds = seconds_of(*commands, env=on.environment())
    logged, spent = bytes_logged(server) - logged, seconds_of_sessions(server) - spent
    if server.execute(f"SELECT * FROM {table} ORDER BY id") != rows:
        raise SystemExit(f"{len(commands)} at once: did not store the same rows")
    return len(rows) / seconds, spent / len(rows) * 1e6, logged / len(rows)


def bytes_logged(server):
    [(position,)] = server.execute("SELECT pg_current_wal_lsn() - '0/0'")
    return int(position)


def seconds_of_sessions(server):
    """Return the processor time of all sessions that have ended: see proc(5)."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
