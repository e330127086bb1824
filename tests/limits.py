"""Load small files that are made to take long, or much memory, and print what they take.

    python -m tests.limits

Each is loaded in a process of its own, by a thread, with a file of rejects. The size is that of the
file unpacked. Python and Django alone need the memory of the first row.
"""

import bz2
import gzip
import json
import lzma
import subprocess
import sys
import tempfile
from pathlib import Path

from .cases import ROOT, environment, manage

HEADER = b"id,name,price\n"
MB = 1 << 20
UNPACK = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}


def array(elements):
    return b"[" + b",".join(elements) + b"]"


def inputs():
    """Yield the name of each file, what it is, and its content."""
    yield "none.csv", "a header alone", HEADER
    yield "quotes.csv", "80 KB of lines that each leave a quote open", HEADER + b'a","\n' * 16_000
    yield "quotes.csv", "1 MB of such lines", HEADER + b'a","\n' * (MB // 5)
    quoted = b'"' + b"\n" * 100_000 + b'",,\n'
    yield "lines.csv", "32 MB of values of 100,000 line ends", HEADER + quoted * 320
    yield "open.csv", "32 MB of line ends after an open quote", HEADER + b'"' + b"\n" * (32 * MB)
    yield "commas.csv", "3 lines of a million commas", HEADER + (b"," * 1_000_000 + b"\n") * 3
    yield "commas.csv", "40 lines of a million commas", HEADER + (b"," * 1_000_000 + b"\n") * 40
    yield "columns.csv", "40,000 lines of 1,000 values", HEADER + (b"ab," * 999 + b"ab\n") * 40_000
    yield "long.csv", "400 lines of a million characters", HEADER + (b"x" * 1_000_000 + b"\n") * 400
    wide = ("\U0001f600" * 250_000 + "\n").encode()
    yield "wide.csv", "400 lines of 250,000 emoji", HEADER + wide * 400
    yield "header.csv", "a header of 40,000 columns", b",".join(b"c%d" % n for n in range(40_000))
    blank = gzip.compress(b"\n" * (256 * MB))
    yield "blank.csv.gz", "256 MB of line ends, gzipped", gzip.compress(HEADER) + blank
    zeros = gzip.compress(b"0" * (256 * MB))
    yield "zeros.csv.gz", "256 MB in one line, gzipped", gzip.compress(HEADER) + zeros
    keys = ", ".join(f'"k{n}": 1' for n in range(80_000))
    yield "keys.jsonl", "80,000 keys, the last one double", f'{{{keys}, "k79999": 1}}\n'.encode()
    digits = b'{"id": %s}\n' % (b"9" * 1_000_000)
    yield "digits.jsonl", "20 numbers of a million digits", digits * 20
    nested = json.dumps({"id": [["ab"] * 100] * 1_400}).encode() + b"\n"
    yield "nested.jsonl", "100 records of a million characters in lists", nested * 100
    deep = b'{"id": [' + b",".join([b"[" * 95 + b"]" * 95] * 5_000) + b"]}\n"
    yield "deep.jsonl", "40 records of 5,000 lists nested 95 deep", deep * 40
    yield "empty.jsonl", "200,000 records without a field", b"{}\n" * 200_000
    yield "blank.json", "an array in 256 MB of blanks", b"[" + b" \n" * (128 * MB) + b"]"
    yield "long.json", "400 elements of a million characters", array([b'"%s"' % (b"x" * MB)] * 400)
    yield "deep.json", "an element nested 10 million deep", array([b"[" * 10**7 + b"]" * 10**7])
    yield "one.json", "an element of 256 MB", array([b'{"a": "%s"}' % (b"x" * (256 * MB))])
    yield "marks.json", "an element of 64 MB of brackets", array([array([b"{}"] * (64 * MB // 3))])
    yield "zeros.csv.xz", "256 MB in one line, xz", lzma.compress(HEADER + b"0" * (256 * MB))
    yield "zeros.csv.bz2", "256 MB in one line, bzip2", bz2.compress(HEADER + b"0" * (256 * MB))
    yield "short.csv", "200,000 rows of a character", HEADER + b"a\n" * 200_000


# Runs a command, and prints the seconds it took and the peak size of its process. The process that
# runs it is small: the size of a large one would count for its child.
MEASURE = """
import resource, subprocess, sys, time
started = time.perf_counter()
subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
seconds = time.perf_counter() - started
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def measure(path, folder):
    """Load a file; return the seconds it took, and the most memory in MB."""
    load = [sys.executable, "manage.py", "populate_db", "--products", str(path)]
    load += ["--workers", "thread", "--rejects", str(folder / "rejects")]
    process = subprocess.run(
        [sys.executable, "-c", MEASURE, *load],
        cwd=ROOT,
        env=environment(folder),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    seconds, kilobytes = process.stdout.split()
    return float(seconds), int(kilobytes) / 1024


def main():
    sys.stdout.write("| file | unpacked MB | seconds | MB/s | most memory, MB |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manage("migrate", "--database=products", folder=folder)
        for file_name, what, content in inputs():
            path = folder / file_name
            path.write_bytes(content)
            unpacked = UNPACK.get(path.suffix, bytes)(content)
            size = len(unpacked) / MB
            del unpacked, content
            seconds, memory = measure(path, folder)
            speed = size / seconds
            sys.stdout.write(
                f"| {what} | {size:,.1f} | {seconds:.1f} | {speed:,.1f} | {memory:,.0f} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
