import os
import subprocess
import sys

from django.test import SimpleTestCase, tag

from .cases import ROOT, wait_until
from .clusters import cluster, needs_dask, needs_openssl
from .test_servers import folder_of_killed, listens

PRINT_CLUSTER = """
import os
from distributed import Client
with Client(os.environ["DASK_SCHEDULER_ADDRESS"]) as client:
    print(client.scheduler.address)
    for worker in client.scheduler_info()["workers"].values():
        print(worker["resources"])
raise SystemExit(3)
"""
START_AND_DIE = """
import os, signal
from tests.clusters import cluster
with cluster([{}]) as dask:
    print(dask.address.rpartition(":")[2], dask.workers[0].pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run_python(*arguments, **extra):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **extra},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def is_there(pid):
    import psutil

    try:
        # What has ended may stay as a zombie.
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def port_of(address):
    return int(address.rpartition(":")[2])


@tag("own_servers")
@needs_dask
class CommandTests(SimpleTestCase):
    def test_a_command_runs_with_a_cluster_which_ends_with_it(self):
        process = run_python("-m", "tests.clusters", sys.executable, "-c", PRINT_CLUSTER)
        self.assertEqual((process.returncode, process.stderr), (3, ""))
        address, *resources = process.stdout.splitlines()
        self.assertEqual(
            sorted(resources), ["{'orders': 1.0}", "{'products': 1.0}", "{'users': 1.0}"]
        )
        self.assertFalse(listens(port_of(address)))

    def test_a_cluster_ends_also_with_a_process_that_is_killed(self):
        killed = run_python("-c", START_AND_DIE, TMPDIR=folder_of_killed(self))
        port, worker = map(int, killed.stdout.split())
        wait_until(lambda: not listens(port) and not is_there(worker))


@tag("own_servers")
@needs_dask
class ClusterTests(SimpleTestCase):
    def test_all_listen_on_this_machine_only(self):
        import psutil

        with cluster([{"users": 1}, {}]) as dask:
            listening = [
                connection.laddr.ip
                for member in (dask.scheduler, *dask.workers)
                for connection in psutil.Process(member.pid).net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            ]
        self.assertEqual(listening, ["127.0.0.1"] * 6)

    def test_what_was_killed_is_started_again(self):
        with cluster([{"users": 1}]) as dask:
            members = (dask.scheduler, *dask.workers)
            killed = [member.pid for member in members]
            dask.kill()
            dask.start()
            started = [member.pid for member in members]
            added = dask.add_worker({}).pid
            self.assertEqual(list(map(is_there, killed)), [False, False])
            self.assertEqual(list(map(is_there, [*started, added])), [True, True, True])
        self.assertEqual(list(map(is_there, [*started, added])), [False, False, False])

    @needs_openssl
    def test_with_tls_nobody_without_the_certificate_is_answered(self):
        with cluster([{"users": 1}], tls=True) as dask:
            self.assertRegex(dask.address, r"^tls://127\.0\.0\.1:\d+$")
            inside = run_python("-c", PRINT_CLUSTER, **dask.environment)
            self.assertEqual(inside.stdout, f"{dask.address}\n{{'users': 1.0}}\n")
            plain = dask.address.replace("tls://", "tcp://")
            outside = run_python("-c", CONNECT, plain)
        self.assertEqual(outside.stdout, "OSError\n")


CONNECT = """
import sys
from distributed import Client
try:
    Client(sys.argv[1], timeout=1)
except OSError:
    print("OSError")
"""
