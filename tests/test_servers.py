import os
import shutil
import socket
import subprocess
import sys
import tempfile
from unittest import mock

from django.test import SimpleTestCase

from . import servers
from .cases import ALIASES, ROOT, wait_until

PRINT_URLS = f"""
import os
for alias in {ALIASES!r}:
    print(os.environ.get(alias.upper() + "_DATABASE_URL"))
raise SystemExit(3)
"""
START_AND_DIE = """
import os, signal
from tests.servers import servers
with servers(1) as [server]:
    print(server.port, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def folder_of_killed(test):
    """Return a folder for what a process leaves that is killed; it is removed after the test."""
    folder = tempfile.mkdtemp()
    test.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    # A server of another user has its folder in it.
    os.chmod(folder, 0o711)
    return folder


@servers.needs_servers
class CommandTests(SimpleTestCase):
    def run_python(self, *arguments, **extra):
        environment = {k: v for k, v in os.environ.items() if not k.endswith("_DATABASE_URL")}
        environment.update(extra)
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def test_a_command_runs_with_the_servers_and_they_end_with_it(self):
        for options, with_server in (([], ALIASES), (["--mixture"], ("users", "orders"))):
            with self.subTest(options=options):
                process = self.run_python(
                    *("-m", "tests.servers", *options, sys.executable, "-c", PRINT_URLS)
                )
                self.assertEqual(process.returncode, 3)
                urls = dict(zip(ALIASES, process.stdout.split()))
                ports = {
                    alias: int(url.rpartition(":")[2].partition("/")[0])
                    for alias, url in urls.items()
                    if url != "None"
                }
                self.assertEqual(tuple(ports), with_server)
                self.assertEqual(len(set(ports.values())), len(ports))
                self.assertEqual([port for port in ports.values() if listens(port)], [])

    def test_a_server_ends_also_with_a_process_that_is_killed(self):
        process = self.run_python("-c", START_AND_DIE, TMPDIR=folder_of_killed(self))
        port = int(process.stdout)
        wait_until(lambda: not listens(port))


class WhyNotTests(SimpleTestCase):
    def test_what_is_missing_is_said_as_a_remedy(self):
        for programs, is_root, modules, remedy in (
            (None, False, {}, "apt-get install postgresql"),
            (ROOT, True, {}, "run it as a user other than root"),
            (ROOT, False, {"psycopg": None}, 'pip install "psycopg[binary]"'),
        ):
            with self.subTest(remedy=remedy), mock.patch.multiple(
                servers,
                programs=mock.Mock(return_value=programs),
                _is_root=mock.Mock(return_value=is_root),
            ), mock.patch.object(shutil, "which", return_value=None):
                with mock.patch.dict(sys.modules, modules):
                    self.assertEqual(servers.why_not(), f"To enable this test: {remedy}")
