"""A Dask cluster of processes, made for one purpose and removed after it.

    python -m tests.clusters python manage.py populate_db --workers dask
    python -m tests.clusters

The first runs a command with DASK_SCHEDULER_ADDRESS set to a scheduler that has three Dask workers,
one for each model's database. Without a command it runs a shell. All of them listen on 127.0.0.1
only, on free ports, and are gone when the command ends.
"""

import argparse
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence
from unittest import skipIf, skipUnless

from .cases import MODEL_ALIASES, ROOT, wait_until
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

    def __init__(self, command: Sequence[str], log: Path, ready: str, **how):
        self._command = command
        self._log = log
        self._ready = ready
        self._how = how
        self._process: Optional[subprocess.Popen] = None

    @property
    def pid(self) -> Optional[int]:
        return self._process.pid if self._process else None

    def launch(self):
        """Start it, and do not wait for it."""
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", UNTIL_END_OF_INPUT, "KILL", *self._command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the command that uses the cluster.
                start_new_session=True,
                **self._how,
            )

    def wait(self):
        """Wait until it has its place in the cluster."""
        wait_until(lambda: self._ready in self.log(), self._process, self.log)

    def start(self):
        """Start it, for the first time or again, and wait until it has its place."""
        self.launch()
        self.wait()

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self):
        """Shut it down; a worker tells its scheduler."""
        self._end(signal.SIGTERM)

    def kill(self):
        """End it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def send_signal(self, number: int):
        self._process.send_signal(number)

    def _end(self, number):
        if self._process:
            self.send_signal(number)
            self._process.wait(60)
            self._process.stdin.close()
            self._process = None


class Cluster:
    """A scheduler and its workers, at first none; `env` is what all have in their environment."""

    def __init__(self, folder: Path, env: Mapping[str, str], tls: bool):
        self._folder = folder
        self._env = env
        self._protocol = "tls" if tls else "tcp"
        port = free_port()
        self.address = f"{self._protocol}://127.0.0.1:{port}"
        self.environment = {
            "DASK_SCHEDULER_ADDRESS": self.address,
            **(_encrypted(folder) if tls else {}),
        }
        """What a command needs in its environment to use the cluster."""
        # It is to work without the project.
        self.scheduler = self._member(
            *("Scheduler at:", "scheduler", "--port", str(port)),
            env={"PYTHONPATH": ""},
            cwd=folder,
        )
        self.workers: List[Member] = []

    def new_worker(self, resources: Mapping[str, int], *options: str, **how) -> Member:
        """Return a worker that has not been started.

        It has one thread, and no nanny, which would start another one in its place. `options` are
        more words of its command; `env`, `python` and `cwd` are what it has of its own.
        """
        offered = " ".join(f"{name}={amount}" for name, amount in resources.items())
        worker = self._member(
            *("Registered to:", "worker", self.address),
            *("--no-nanny", "--nthreads", "1", "--memory-limit", "0"),
            *(["--resources", offered] if offered else []),
            *options,
            **how,
        )
        self.workers.append(worker)
        return worker

    def add_worker(self, resources: Mapping[str, int], *options: str, **how) -> Member:
        """Start another worker: see `new_worker`."""
        worker = self.new_worker(resources, *options, **how)
        worker.start()
        return worker

    def start(self):
        """Start all that do not run."""
        launched = [each for each in (self.scheduler, *self.workers) if not each.pid]
        # Workers wait for the scheduler, and begin while it does.
        for member in launched:
            member.launch()
        for member in launched:
            member.wait()

    def kill(self):
        for member in (*self.workers, self.scheduler):
            member.kill()

    def _member(self, ready, kind, *arguments, env=None, python=sys.executable, cwd=ROOT):
        return Member(
            [python, "-m", "dask", kind, *arguments, "--protocol", self._protocol, *LOCAL],
            self._folder / f"{kind}-{secrets.token_hex(4)}.log",
            ready,
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
        ending.callback(made.kill)
        for resources in workers:
            made.new_worker(resources)
        made.start()
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
