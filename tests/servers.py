"""PostgreSQL servers that are made for one purpose and removed after it.

    python -m tests.servers python manage.py test
    python -m tests.servers --mixture python manage.py test
    python -m tests.servers

The first runs a command with each database on a server of its own, the second with users and orders
on servers and the others in SQLite files. Without a command it runs a shell. The servers listen on
127.0.0.1 only, on free ports, and are gone when the command ends.
"""

import argparse
import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Iterator, List, Optional, Sequence
from unittest import skipIf

from django.test import tag

from .cases import ALIASES, wait_until

MIXTURE = ("users", "orders")
USER, PASSWORD = "loader", "secret"
# PostgreSQL does not run as root.
UNPRIVILEGED = "nobody"
# No data here has to survive the machine, and waiting for the disk would take most of the time.
CONFIGURATION = """
listen_addresses = '127.0.0.1'
max_prepared_transactions = 10
fsync = off
full_page_writes = off
shared_buffers = 32MB
"""

# Run a server that ends when its standard input does: when the process that started it has ended,
# however it did. The first word is the signal that ends it.
UNTIL_END_OF_INPUT = 'exec 3<&0; (cat <&3; kill -"$0" $$) & exec "$@" </dev/null 3<&-'


def _is_root():
    return os.geteuid() == 0


def programs() -> Optional[Path]:
    """Return the folder of PostgreSQL's programs; None if it is not installed."""
    path = shutil.which("initdb")
    if path:
        return Path(path).resolve().parent
    # Debian keeps them out of the path.
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(found, key=lambda path: float(path.parent.parent.name), default=None)
    return newest.parent if newest else None


def why_not() -> str:
    """Return what is missing for servers to be started here, as a remedy; "" if nothing is."""
    if os.name != "posix":
        return "To enable this test: run it on Linux or macOS"
    if not programs():
        return "To enable this test: apt-get install postgresql"
    if _is_root() and not shutil.which("setpriv"):
        return "To enable this test: run it as a user other than root"
    if not find_spec("psycopg"):
        return 'To enable this test: pip install "psycopg[binary]"'
    return ""


def needs_servers(tests):
    """Mark tests that start servers of their own: they need no others to be there."""
    return tag("own_servers")(skipIf(why_not(), why_not())(tests))


class Server:
    """A server in `folder` with the superuser USER, who needs the PASSWORD.

    `options` are lines of postgresql.conf.
    """

    def __init__(self, folder: Path, options: str = ""):
        self.folder = folder
        self.port = free_port()
        self.process: Optional[subprocess.Popen] = None
        _run("cp", "-a", str(_template()), str(folder))
        with open(folder / "postgresql.auto.conf", "a") as file:
            file.write(f"{CONFIGURATION}\nport = {self.port}\n{options}\n")

    def url(self, database: str = "postgres", port: Optional[int] = None) -> str:
        """Return the URL of a database; `port` is that of a proxy."""
        return f"postgres://{USER}:{PASSWORD}@127.0.0.1:{port or self.port}/{database}"

    def start(self):
        """Start the server, and wait until it answers."""
        command = _as_unprivileged(programs() / "postgres", "-D", self.folder, "-k", self.folder)
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", UNTIL_END_OF_INPUT, "INT", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the command that uses the server.
                start_new_session=True,
            )
        log = self.folder / "log"
        wait_until(self.answers, self.process, lambda: log.read_text(errors="replace"))

    def answers(self) -> bool:
        status = subprocess.run(
            [str(programs() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            check=False,
        )
        return status.returncode == 0

    def stop(self):
        """Shut the server down; sessions are ended."""
        self._end(signal.SIGINT)

    def crash(self):
        """End the server at once, as a power cut would: the next start begins with a recovery."""
        self._end(signal.SIGQUIT)

    def _end(self, number):
        if self.process:
            self.process.send_signal(number)
            self.process.stdin.close()
            self.process.wait(60)
            self.process = None

    def execute(self, sql: str, database: str = "postgres") -> List[tuple]:
        """Run a statement outside of a transaction; return its rows."""
        import psycopg

        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def servers(number: int, options: str = "") -> Iterator[List[Server]]:
    """Yield so many servers, started; they are removed at the end."""
    folder = Path(tempfile.mkdtemp())
    _give_away(folder)
    with ExitStack() as ending:
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        made = []
        for place in range(number):
            server = Server(folder / str(place), options)
            ending.callback(server.stop)
            server.start()
            made.append(server)
        yield made


def free_port() -> int:
    """Return a port that stays free while a server is down: none that systems give to clients."""
    # Runs beside each other take theirs from different parts, since none holds it until it is used.
    first = 20_000 + os.getpid() % 120 * 100
    while True:
        port = first + secrets.randbelow(100)
        with closing(socket.socket()) as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


_templates: List[Path] = []


def _template():
    """Return the folder of a server that was never started; it is made once and copied."""
    if not _templates:
        folder = Path(tempfile.mkdtemp())
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _give_away(folder)
        password = folder / "password"
        password.write_text(PASSWORD)
        _give_away(password)
        _run(
            *_as_unprivileged(programs() / "initdb", "--pgdata", folder / "data"),
            *("--username", USER, "--pwfile", str(password), "--auth", "scram-sha-256"),
            # Small segments, since they are copied with it.
            *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--wal-segsize", "1"),
        )
        _templates.append(folder / "data")
    return _templates[0]


def _run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _as_unprivileged(*command) -> List[str]:
    words = [str(word) for word in command]
    if _is_root():
        import pwd

        user = pwd.getpwnam(UNPRIVILEGED)
        ids = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
        words = ["setpriv", *ids, *words]
    return words


def _give_away(path):
    if _is_root():
        for each in (path, *path.rglob("*")):
            shutil.chown(str(each), UNPRIVILEGED)


def main(arguments: Optional[Sequence[str]] = None):
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mixture", action="store_true", help="users and orders only")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="default: a shell")
    options = parser.parse_args(arguments)
    if why_not():
        raise SystemExit(why_not().replace("this test", "servers"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    aliases = MIXTURE if options.mixture else ALIASES
    with servers(len(aliases)) as made:
        environment = {
            **os.environ,
            **{f"{a.upper()}_DATABASE_URL": s.url() for a, s in zip(aliases, made)},
        }
        command = options.command or [os.environ.get("SHELL", "sh")]
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
