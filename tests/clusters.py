"""A Dask cluster of processes, made for one purpose and removed after it.

    python -m tests.clusters python manage.py populate_db --workers dask
    python -m tests.clusters

The first runs a command with DASK_SCHEDULER_ADDRESS set to a scheduler that has three Dask workers,
one for each model's database. Without a command it runs a shell. All of them listen on 127.0.0.1
only, on free ports, and are gone when the command ends.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence
from unittest import skipIf, skipUnless

from .cases import MODEL_ALIASES, ROOT
from .servers import UNTIL_END_OF_INPUT, free_port

needs_openssl = skipUnless(shutil.which("openssl"), "To enable this test: apt-get install openssl")

# A worker for each model's database.
THREE = tuple({alias: 1} for alias in MODEL_ALIASES)
# The HTTP server of a dashboard listens on all addresses, also without a dashboard, unless told.
LOCAL = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--no-dashboard")


def why_not() -> str:
    """Return what is missing for a cluster to be started here, as a remedy; "" if nothing is."""
    if os.name != "posix":
        return "To enable this test: run it on Linux or macOS"
    return "" if find_spec("distributed") else "To enable this test: pip install distributed"


needs_dask = skipIf(why_not(), why_not())


class Member:
    """A process of a cluster, which ends with the process that started it."""

    def __init__(self, log: Path, arguments: Sequence[str], env: Mapping[str, str], **how):
        self.log = log
        with open(log, "wb") as file:
            self._process = subprocess.Popen(
                ["sh", "-c", UNTIL_END_OF_INPUT, "KILL", *arguments],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
                env=env,
                # Ctrl-C is for the command that uses the cluster.
                start_new_session=True,
                **how,
            )
        self.pid = self._process.pid

    def wait_until_it_says(self, text: str):
        deadline = time.monotonic() + 60
        while text not in self.said():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self.said())
            # It tells nobody but its log, and needs the processor meanwhile.
            time.sleep(0.02)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self):
        """Shut it down; a worker tells its scheduler."""
        self._end(signal.SIGTERM)

    def kill(self):
        """End it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, number):
        self._process.send_signal(number)
        self._process.stdin.close()
        self._process.wait(60)


class Cluster:
    """A scheduler and its workers: see `cluster`."""

    def __init__(self, folder: Path, env: Mapping[str, str], tls: bool):
        self._folder = folder
        self._env = env
        self._protocol = "tls" if tls else "tcp"
        self._port = free_port()
        self.address = f"{self._protocol}://127.0.0.1:{self._port}"
        self.environment = {
            "DASK_SCHEDULER_ADDRESS": self.address,
            **(_encrypted(folder) if tls else {}),
        }
        """Variables that a command needs in order to use the cluster."""
        self.workers: List[Member] = []
        self.scheduler = self._start("scheduler", "--port", str(self._port))

    def start_worker(self, resources: Mapping[str, int], *options: str, **how) -> Member:
        """Start a worker, and do not wait for it.

        It has one thread, and no nanny, which would start another one in its place. `options` are
        more words of its command; `env`, `python` and `cwd` are what it has of its own.
        """
        offered = " ".join(f"{name}={amount}" for name, amount in resources.items())
        worker = self._start(
            *("worker", self.address, "--no-nanny", "--nthreads", "1", "--memory-limit", "0"),
            *(["--resources", offered] if offered else []),
            *options,
            **how,
        )
        self.workers.append(worker)
        return worker

    def add_worker(self, resources: Mapping[str, int], *options: str, **how) -> Member:
        """Start a worker like `start_worker`, and wait until the scheduler knows it."""
        worker = self.start_worker(resources, *options, **how)
        self.wait_for(worker)
        return worker

    def wait_for(self, *workers: Member):
        for worker in workers:
            worker.wait_until_it_says("Registered to:")

    def end(self):
        for member in (*self.workers, self.scheduler):
            member.kill()

    def _start(self, kind, *arguments, env=None, python=sys.executable, cwd=ROOT):
        return Member(
            self._folder / f"{len(self.workers)}-{kind}.log",
            [python, "-m", "dask", kind, *arguments, "--protocol", self._protocol, *LOCAL],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "DASK_TEMPORARY_DIRECTORY": str(self._folder),
                **self._env,
                **self.environment,
                **(env or {}),
            },
            cwd=cwd,
        )


@contextmanager
def cluster(
    workers: Sequence[Mapping[str, int]] = THREE,
    env: Optional[Mapping[str, str]] = None,
    tls: bool = False,
) -> Iterator[Cluster]:
    """Yield a cluster with a worker for each of these resources, all known to the scheduler.

    Its processes have the variables `env` beside those of this process, and run in the project's
    folder. They are removed at the end. With `tls` they talk to nobody who has not the certificate,
    which is made for them.
    """
    with ExitStack() as ending:
        folder = Path(tempfile.mkdtemp())
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        made = Cluster(folder, env or {}, tls)
        ending.callback(made.end)
        # They wait for the scheduler, and begin while it does.
        for resources in workers:
            made.start_worker(resources)
        made.wait_for(*made.workers)
        yield made


def _encrypted(folder: Path) -> Dict[str, str]:
    """Return Dask's variables for TLS with a new certificate, which vouches for itself."""
    key, certificate = str(folder / "key.pem"), str(folder / "certificate.pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subprocess.run(
        [*command.split(), "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    variables = {"REQUIRE_ENCRYPTION": "True", "TLS__CA_FILE": certificate}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        variables.update({f"TLS__{role}__CERT": certificate, f"TLS__{role}__KEY": key})
    return {f"DASK_DISTRIBUTED__COMM__{name}": value for name, value in variables.items()}


def main(arguments: Optional[Sequence[str]] = None):
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tls", action="store_true", help="encrypt what they say to each other")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="default: a shell")
    options = parser.parse_args(arguments)
    if why_not():
        raise SystemExit(why_not().replace("this test", "clusters"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with cluster(tls=options.tls) as dask:
        command = options.command or [os.environ.get("SHELL", "sh")]
        environment = {**os.environ, **dask.environment}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
