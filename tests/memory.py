"""Measure the memory that loads of different sizes take.

    python -m tests.memory

Prints the peak resident size of a process that loads 100,000 orders, and of one that loads
1,000,000, and the ratio of the two. Needs an operating system with `os.wait4`.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .cases import ROOT, environment, manage
from .generated import write_files


def peak_megabytes(records):
    """Return the peak resident size, in MB, of a load of so many orders."""
    with tempfile.TemporaryDirectory() as folder:
        for alias in ("users", "products", "orders"):
            manage("migrate", f"--database={alias}", folder=folder)
        write_files(folder, records)
        process = subprocess.Popen(
            [sys.executable, "manage.py", "populate_db", "--orders", f"{folder}/orders.csv"],
            cwd=ROOT,
            env=environment(Path(folder)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, _, usage = os.wait4(process.pid, 0)
        # Linux counts in kilobytes, macOS in bytes.
        return usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)


def main():
    small, large = peak_megabytes(100_000), peak_megabytes(1_000_000)
    sys.stdout.write(
        f"100,000 orders: {small:.1f} MB; 1,000,000 orders: {large:.1f} MB; "
        f"ratio {large / small:.2f}\n"
    )


if __name__ == "__main__":
    main()
