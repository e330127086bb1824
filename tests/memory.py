"""Measure the memory that loads of different sizes take.

    python -m tests.memory [--workers thread|process] [--records N N]

Loads so many users, products and orders each, and prints the peak resident size of the largest
process of either load and their ratio. Needs the `resource` module, which Windows lacks.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from .cases import ROOT, environment, manage
from .generated import write_files

# Runs a command, and prints the peak size of the largest process that it and its children were.
MEASURE = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_megabytes(records, workers):
    """Return the peak resident size, in MB, of a load of so many records of each model."""
    with tempfile.TemporaryDirectory() as folder:
        for alias in ("users", "products", "orders"):
            manage("migrate", f"--database={alias}", folder=folder)
        write_files(folder, records)
        files = [f"--{alias}={folder}/{alias}.csv" for alias in ("users", "products", "orders")]
        load = [sys.executable, "manage.py", "populate_db", f"--workers={workers}", *files]
        process = subprocess.run(
            [sys.executable, "-c", MEASURE, *load, f"--rejects={folder}/rejects"],
            cwd=ROOT,
            env=environment(Path(folder)),
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
    status, peak = map(int, process.stdout.split())
    if status != 3:
        raise SystemExit(f"The load ended with exit status {status}.")
    # Linux counts in kilobytes, macOS in bytes.
    return peak / (1024 if sys.platform == "linux" else 1024 * 1024)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", choices=("thread", "process"), default="thread")
    parser.add_argument("--records", type=int, nargs=2, default=(100_000, 1_000_000))
    options = parser.parse_args()
    small, large = (peak_megabytes(records, options.workers) for records in options.records)
    sys.stdout.write(
        "Largest {} of a load of {:,} and of {:,} records of each model: "
        "{:.1f} MB and {:.1f} MB, ratio {:.2f}\n".format(
            options.workers, *options.records, small, large, large / small
        )
    )


if __name__ == "__main__":
    main()
