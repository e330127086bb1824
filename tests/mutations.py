"""Put known bugs into copies of the project, one in each, and see that the tests notice.

    python -m tests.mutations
    python -m tests.mutations worker.py "wrong record"

With names, only the bugs are put in whose name or file contains one of them. A bug that no test
notices survives: then a test is missing, or the code that was changed is not needed.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from .bugs import MUTATIONS

ROOT = Path(__file__).resolve().parent.parent
NOT_COPIED = shutil.ignore_patterns(".git", "*env", "__pycache__", "*.db", "*.db-*")
# Seconds. Tests that hang have noticed something.
TIMEOUT = 120


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a bug's name or file")
    parser.add_argument("--all-tests", action="store_true", help="run all tests on each bug")
    options = parser.parse_args()
    chosen = [
        mutation
        for mutation in MUTATIONS
        if any(name in f"{mutation.name} {mutation.file}" for name in options.names or [""])
    ]
    if not chosen:
        parser.error("no bug has such a name or file")
    tests = sorted({test for mutation in chosen for test in mutation.tests})
    failure = run_tests(None, [] if options.all_tests else tests)
    if failure:
        return f"The tests fail without any bug: {failure}"
    survivors = 0
    for mutation in chosen:
        started = time.perf_counter()
        failure = run_tests(mutation, [] if options.all_tests else mutation.tests)
        survivors += not failure
        seconds = time.perf_counter() - started
        verdict = f"noticed by {failure}" if failure else "SURVIVES"
        sys.stdout.write(f"{mutation.file}: {mutation.name}: {verdict} ({seconds:.1f} s)\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} mutations, {survivors} survivors.\n")
    return int(survivors > 0)


def run_tests(mutation, tests):
    """Run tests in a copy of the project, mutated if told to; return what fails first, or ""."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(str(ROOT), str(Path(folder, "copy")), ignore=NOT_COPIED)
        if mutation:
            mutate(mutation, Path(copy))
        log = Path(folder, "log")
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "test", "--failfast", "--noinput"]
                # A picture of the code notices any change, whether it is a bug or not.
                + ["--exclude-tag=pictures_of_code"]
                + [f"tests.{test}" for test in tests],
                cwd=copy,
                env={n: v for n, v in os.environ.items() if not n.endswith("_DATABASE_URL")},
                stdout=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
            )
        try:
            if process.wait(TIMEOUT if mutation else None) == 0:
                return ""
        except subprocess.TimeoutExpired:
            return "a test that hangs"
        finally:
            # With all that the tests have started.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        failure = re.search(r"^(?:FAIL|ERROR): (\w+)", log.read_text(errors="replace"), re.M)
        return failure[1] if failure else f"exit status {process.returncode}"


def mutate(mutation, folder):
    """Put the bug into its file. Raises ValueError if there is not one place for it."""
    path = folder / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.before) != 1:
        raise ValueError(f"{mutation.file} does not have exactly once: {mutation.before}")
    path.write_text(text.replace(mutation.before, mutation.after), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
