"""What can happen to a cluster: each ends in one message, and then the load can be completed."""

import re
import shutil
import signal
import socket
import tempfile
import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from importlib import metadata
from pathlib import Path
from unittest import SkipTest, addModuleCleanup

from django.test import tag

from ..cases import (
    MODEL_ALIASES,
    ROOT,
    CommandTestCase,
    ScratchDatabases,
    migrated,
    run_python,
    wait_until,
)
from ..clusters import THREE, Cluster, cluster, needs_openssl, why_not
from ..generated import write_files
from ..servers import PASSWORD, free_port
from ..test_server_faults import COMPLETE, HEADERS, ROWS

NOTHING = "Nothing was stored."
# A batch was on its way when the answer could not come any more.
STORED = f"Stored before that: Product 30. User records may have been stored. {COMPLETE}"
WORKER_LOST = (
    "The Dask worker tcp://HOST:PORT that loaded users is lost. "
    "What it had not committed is rolled back."
)
SCHEDULER_LOST = "The Dask scheduler is lost. What had not been committed is rolled back."
NOT_FREE = "Another load has ALIAS=1 of the Dask worker tcp://HOST:PORT"

# Runs on servers leave these out after a run on files.
same_on_all_databases = tag("own_servers")


class Shared:
    """What the tests of this module share."""

    scratch: ScratchDatabases
    """Databases that Dask workers know from their start."""
    dask: Cluster
    """A cluster with these, and a worker for each model."""


def setUpModule():
    if why_not():
        raise SkipTest(why_not())
    ending = ExitStack()
    addModuleCleanup(ending.close)
    folder = tempfile.mkdtemp()
    ending.callback(shutil.rmtree, folder)
    Shared.scratch = ScratchDatabases(Path(folder))
    ending.callback(Shared.scratch.remove)
    Shared.scratch.copy(migrated())
    Shared.dask = ending.enter_context(cluster(env=Shared.scratch.environment()))


def general(said):
    """Return what was said, without what differs from cluster to cluster."""
    said = re.sub(r"127\.0\.0\.1:\d+", "HOST:PORT", said)
    return re.sub(r"Another load has \w+=1", "Another load has ALIAS=1", said)


class ClusterTestCase(CommandTestCase):
    """Each test loads 30 users, products and orders, 10 in a batch, on a cluster."""

    maxDiff = None

    def setUp(self):
        super().setUp()
        self.scratch = Shared.scratch
        self.scratch.empty()
        self.dask = Shared.dask
        # A Dask worker of a slow machine takes long to import Django.
        self.options = ["--batch-size", "10", "-v", "0", "--wait", "60"]
        for alias in MODEL_ALIASES:
            lines = [HEADERS[alias], *(",".join(map(str, row)) for row in ROWS[alias])]
            self.options += [f"--{alias}", self.file(f"{alias}.csv", "\n".join(lines))]

    @contextmanager
    def cluster(self, *workers, **how):
        """Have the test use a cluster of its own."""
        with cluster(workers, env=self.environment(), **how) as self.dask:
            yield self.dask

    def start_load(self, *options, **extra):
        env = self.environment(**{**self.dask.environment, **extra})
        process = self.start(*self.options, "--workers", "dask", *options, env=env)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def load(self, *options, **extra):
        return self.ended(self.start_load(*options, **extra))

    def ended(self, process):
        """Return the exit status of a load, and what it says about its end."""
        output, errors = process.communicate(timeout=180)
        self.assertNotIn(PASSWORD, output + errors)
        errors = general(errors.rstrip("\n"))
        # That it waits, for a worker that imports Django, it says on a slow machine only.
        errors = re.sub(r"^.*: waiting for at most \d+ s\.\n?", "", errors, flags=re.M)
        return process.returncode, errors.replace("CommandError: ", "", 1)

    def assert_waits_for(self, missing, process):
        """Assert that a load says what it waits for."""
        # On a slow machine it waits first until all are there.
        earlier = ("does not answer", "is ready:")
        said = next(line for line in process.stderr if not any(each in line for each in earlier))
        self.assertEqual(general(said), f"{missing}: waiting for at most 60 s.\n")

    @contextmanager
    def blocked(self, *options):
        """Load until all products are stored, while users cannot be."""
        with self.scratch.locked("users"):
            process = self.start_load(*options)
            wait_until(lambda: self.stored("products") == ROWS["products"], process)
            yield process

    def assert_completes(self, *options):
        """Assert that no order refers to nothing, and that the same command completes the load."""
        users, products = ({row[0] for row in self.stored(a)} for a in ("users", "products"))
        dangling = [o for o in self.stored("orders") if o[1] not in users or o[2] not in products]
        self.assertEqual(dangling, [])
        self.assertEqual(self.load("--on-conflict", "ignore", *options), (0, ""))
        self.assert_stored(ROWS)

    def assert_stored(self, rows):
        self.assertEqual({alias: self.stored(alias) for alias in MODEL_ALIASES}, rows)


EMPTY = {alias: [] for alias in MODEL_ALIASES}


class LostTests(ClusterTestCase):
    """A machine that a load needs is lost while it runs."""

    def lose_worker(self, number):
        """Send the worker of users a signal; it is started again at the end of the test."""
        worker = self.dask.workers[MODEL_ALIASES.index("users")]
        self.addCleanup(self.dask.start)
        self.addCleanup(worker.stop)
        worker.send_signal(number)
        return worker

    def test_a_worker(self):
        for number in (signal.SIGKILL, signal.SIGTERM):
            with self.subTest(number=number):
                with self.blocked() as process:
                    worker = self.lose_worker(number)
                    self.assertEqual(self.ended(process), (1, f"{WORKER_LOST}\n{STORED}"))
                # It may have waited for the lock until now.
                worker.stop()
                self.assertNotIn("Traceback", worker.log())
                self.dask.start()
                self.assert_completes()
                self.scratch.empty()

    def test_a_worker_with_an_open_transaction(self):
        self.begin_large_load()
        self.lose_worker(signal.SIGKILL)
        self.assertEqual(self.ended(self.process), (1, f"{WORKER_LOST}\n{NOTHING}"))
        self.assertEqual(self.scratch.in_use(), [])
        self.assert_stored(EMPTY)

    def begin_large_load(self):
        """Start a load that will not have ended before the test does something about it."""
        write_files(self.folder, 60_000, bad=0, dangling=0)
        self.process = self.start_load("--all-or-nothing", "--batch-size", "10000")
        wait_until(lambda: self.scratch.in_use() == list(MODEL_ALIASES), self.process)

    def test_a_scheduler(self):
        with self.cluster(*THREE) as dask:
            with self.blocked() as process:
                dask.scheduler.kill()
                status, said = self.ended(process)
            # The answers to the batches of products were heard before, or never.
            self.assertEqual(status, 1)
            self.assertRegex(
                said,
                rf"^{SCHEDULER_LOST}\n(Stored before that: Product (at least [12]0|30)\. )?"
                r"User records may have been stored\. "
                rf"((More )?Product records may have been stored\. )?{COMPLETE}$",
            )
            dask.kill()
            dask.start()
            self.assert_completes()

    def test_a_coordinator(self):
        self.begin_large_load()
        self.process.kill()
        wait_until(lambda: not self.scratch.in_use())
        self.assert_stored(EMPTY)
        self.assertEqual(self.load("--all-or-nothing", "--batch-size", "10000"), (0, ""))
        self.assertEqual([self.scratch.count(alias) for alias in MODEL_ALIASES], [60_000] * 3)


class ListeningTests(ClusterTestCase):
    def test_a_load_listens_nowhere(self):
        import psutil

        with self.blocked() as process:
            connections = psutil.Process(process.pid).net_connections("tcp")
            states = {each.status for each in connections}
            self.assertIn(psutil.CONN_ESTABLISHED, states)
            self.assertNotIn(psutil.CONN_LISTEN, states)
        self.assertEqual(self.ended(process), (0, ""))


class SignalTests(ClusterTestCase):
    def test_a_load_stops(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number):
                with self.blocked() as process:
                    process.send_signal(number)
                status, said = self.ended(process)
                # Those batches that had been asked for are written.
                users = self.scratch.count("users")
                self.assertIn(users, (10, 20, 30))
                self.assertEqual(
                    (status, said),
                    (
                        128 + number,
                        f"Stopped by {number.name}.\n"
                        f"Stored before that: User {users}, Product 30. {COMPLETE}",
                    ),
                )
                self.assert_completes()
                self.scratch.empty()

    def test_a_load_that_waits_stops(self):
        with self.cluster():
            process = self.start_load()
            self.assert_waits_for("The Dask scheduler has no workers", process)
            process.send_signal(signal.SIGINT)
            self.assertEqual(self.ended(process), (130, f"Stopped by SIGINT. {NOTHING}"))


@same_on_all_databases
class WaitingTests(ClusterTestCase):
    """What a load needs of the cluster is waited for, but not for ever."""

    def assert_waits(self, missing, start, worker):
        """Assert that a load fails, and that the next one is done when a worker has joined."""
        waited = (
            f"{missing} (waited for 5 s). Start one, in the project's folder: "
            f"PYTHONPATH=. dask worker tcp://HOST:PORT{start}"
        )
        self.assertEqual(self.load("--wait", "5"), (1, f"{waited}\n{NOTHING}"))
        process = self.start_load()
        self.assert_waits_for(missing, process)
        self.dask.add_worker(worker)
        self.assertEqual(self.ended(process), (0, ""))
        self.assert_stored(ROWS)

    def test_any_worker_joins_late(self):
        with self.cluster():
            self.assert_waits("The Dask scheduler has no workers", "", {})

    def test_a_worker_with_the_resource_joins_late(self):
        with self.cluster({"users": 1, "products": 1}):
            missing = "No Dask worker has the resource orders=1, only products=1 and users=1"
            self.assert_waits(missing, " --resources orders=1", {"orders": 1})

    def test_an_owner_that_another_load_has(self):
        with self.blocked() as first:
            remedy = "Run the command again when that has ended, or wait longer with --wait."
            self.assertEqual(
                self.load("--wait", "5", "--on-conflict", "ignore"),
                (1, f"{NOT_FREE} (waited for 5 s). {remedy}\n{NOTHING}"),
            )
            second = self.start_load("--on-conflict", "ignore")
            self.assert_waits_for(NOT_FREE, second)
        self.assertEqual(self.ended(first), (0, ""))
        self.assertEqual(self.ended(second), (0, ""))
        self.assert_stored(ROWS)


@same_on_all_databases
class AddressTests(ClusterTestCase):
    def test_none(self):
        self.assertEqual(
            self.load(DASK_SCHEDULER_ADDRESS=""),
            (
                2,
                "--workers dask needs a scheduler: add --scheduler tcp://HOST:PORT, or set "
                "DASK_SCHEDULER_ADDRESS.",
            ),
        )

    def test_what_is_no_address(self):
        self.assertEqual(
            self.load("--scheduler", "10.0.0.1"),
            (
                2,
                "manage.py populate_db: error: argument --scheduler: '10.0.0.1' is not an address "
                "like tcp://HOST:PORT. See --help.",
            ),
        )

    def test_an_unknown_protocol(self):
        status, said = self.load("--scheduler", "http://127.0.0.1:1")
        self.assertEqual(status, 1)
        self.assertRegex(
            said,
            r"^The Dask scheduler http://HOST:PORT cannot be reached: unknown address scheme "
            rf"'http' \(known schemes: \[[^]]*'tcp'[^]]*\]\)\. Check its address\.\n{NOTHING}$",
        )

    def assert_does_not_answer(self, port):
        self.assertEqual(
            self.load("--scheduler", f"tcp://127.0.0.1:{port}", "--wait", "1"),
            (
                1,
                "The Dask scheduler tcp://HOST:PORT does not answer (waited for 2 s). Check its "
                f"address, and start it.\n{NOTHING}",
            ),
        )

    def test_a_port_where_nothing_listens(self):
        self.assert_does_not_answer(free_port())

    def test_a_port_where_another_server_answers(self):
        with closing(socket.create_server(("127.0.0.1", 0))) as server:

            def greet():
                with suppress(OSError):
                    while True:
                        server.accept()[0].sendall(b"SSH-2.0-OpenSSH_9.2 and some more words\r\n")

            greeting = threading.Thread(target=greet, daemon=True)
            greeting.start()
            status, said = self.load("--scheduler", f"tcp://127.0.0.1:{server.getsockname()[1]}")
            server.shutdown(socket.SHUT_RDWR)
            greeting.join()
        self.assertEqual(
            (status, said),
            (
                1,
                "The Dask scheduler tcp://HOST:PORT cannot be reached: what answers there is "
                f"another server. Check its address: with TLS, it begins with tls://.\n{NOTHING}",
            ),
        )

    def test_a_port_where_nothing_answers(self):
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            self.assert_does_not_answer(silent.getsockname()[1])


@same_on_all_databases
class OtherWorkerTests(ClusterTestCase):
    """The Dask worker of users is not like this process."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ending = ExitStack()
        cls.addClassCleanup(ending.close)
        workers = [{"products": 1}, {"orders": 1}]
        cls.others = ending.enter_context(cluster(workers, env=Shared.scratch.environment()))

    def assert_refused(self, message, *options, **how):
        self.dask = self.others
        worker = self.dask.add_worker({"users": 1}, *options, **how)
        self.addCleanup(worker.kill)
        self.assertEqual(self.load(), (1, f"{message}\n{NOTHING}"))
        self.assert_stored(EMPTY)

    def assert_versions_differ(self, differences, *options, **how):
        self.assert_refused(
            f"The Dask worker tcp://HOST:PORT does not have the same versions: {differences}. "
            "Install the same there, and start it again.",
            *options,
            **how,
        )

    def test_it_has_not_the_project(self):
        self.assert_refused(
            "A Dask worker cannot load 'users': No module named 'distributed_insert'. "
            "Start it with the project's folder in PYTHONPATH, and with what is needed.",
            env={"PYTHONPATH": ""},
            cwd=self.folder,
        )

    def test_it_has_another_version_of_the_project(self):
        for name in ("distributed_insert", "ds_project"):
            shutil.copytree(str(ROOT / name), str(self.folder / name))
        (self.folder / "distributed_insert" / "more.py").write_text("")
        worker = {"env": {"PYTHONPATH": str(self.folder)}, "cwd": self.folder}
        digests = [run_python("-c", DIGEST, folder=self.folder, **how) for how in ({}, worker)]
        here, there = (found.stdout.strip() for found in digests)
        difference = f"files of this project {here} here, {there} there"
        self.assert_versions_differ(difference, **worker)

    def test_it_has_another_version_of_distributed(self):
        version = metadata.version("distributed")
        preload = self.file("preload.py", "import distributed\ndistributed.__version__ = '1.0'\n")
        difference = f"distributed {version} here, 1.0 there"
        self.assert_versions_differ(difference, "--preload", preload)

    def test_its_url_is_broken(self):
        self.assert_refused(
            "A Dask worker cannot load 'users': USERS_DATABASE_URL is not the URL of a database. "
            "Write it like postgres://user:password@host:5432/name (in a password, %40 for @, "
            "%2F for /), or like sqlite:////folder/name.db.",
            env={"USERS_DATABASE_URL": PASSWORD},
        )

    def test_its_database_is_of_another_kind(self):
        kinds, url = ("sqlite", "postgresql"), f"postgres://loader:{PASSWORD}@127.0.0.1/users"
        if self.environment()["USERS_DATABASE_URL"]:
            kinds, url = kinds[::-1], ""
        here, there = kinds
        self.assert_refused(
            f"Database 'users' is {here} here, and {there} on the Dask worker "
            "tcp://HOST:PORT. Set USERS_DATABASE_URL in both environments.",
            env={"USERS_DATABASE_URL": url},
        )

    def test_its_database_has_no_table(self):
        server, slash, _ = self.environment()["USERS_DATABASE_URL"].rpartition("/")
        url = f"{server}/postgres" if server else f"sqlite:///{self.folder}/empty.db"
        self.assert_refused(
            "Database 'users' has no table for User records. "
            "Create it with: python manage.py migrate --database=users\n"
            f"That was on the Dask worker tcp://HOST:PORT, in {ROOT}.",
            env={"USERS_DATABASE_URL": url},
        )

    def test_it_has_not_the_database(self):
        self.file("other.py", "from ds_project.settings import *\n\ndel DATABASES['users']\n")
        self.assert_refused(
            "The Dask worker tcp://HOST:PORT has no database 'users' in its settings. "
            "Start it with the settings of this project.",
            env={"PYTHONPATH": f"{self.folder}:{ROOT}", "DJANGO_SETTINGS_MODULE": "other"},
        )


DIGEST = """
from distributed_insert.executors.place import VERSIONS

print(VERSIONS["files of this project"])
"""


@needs_openssl
@same_on_all_databases
class TLSTests(ClusterTestCase):
    def test_a_load(self):
        with self.cluster(*THREE, tls=True) as dask:
            self.assertEqual(self.load(), (0, ""))
            self.assert_stored(ROWS)
            self.dask = Shared.dask
            self.assertEqual(
                self.load("--scheduler", dask.address),
                (
                    1,
                    "The Dask scheduler tls://HOST:PORT cannot be reached: TLS expects a "
                    "`ssl_context` argument of type ssl.SSLContext (perhaps check your TLS "
                    "configuration?) Instead got None. Check its address, and Dask's settings for "
                    f"TLS.\n{NOTHING}",
                ),
            )
