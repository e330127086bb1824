"""What can happen to a server: each ends in one message, and the load can be completed after it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Dict
from unittest import addModuleCleanup, skipUnless
from urllib.parse import quote

from .cases import (
    MODEL_ALIASES,
    CommandTestCase,
    environment,
    manage,
    printed_lists,
    wait_until,
)
from .proxy import Proxy
from .servers import PASSWORD, UNPRIVILEGED, Server, free_port, needs_servers, servers

HEADERS = {
    "users": "id,name,email",
    "products": "id,name,price",
    "orders": "id,user_id,product_id,quantity",
}
ROWS = {
    "users": [(n, "Ann", "a@b") for n in range(1, 31)],
    "products": [(n, "Lamp", 1.5) for n in range(1, 31)],
    "orders": [(n, n, 31 - n, 1) for n in range(1, 31)],
}
COMPLETE = "To complete the load, run the same command again with --on-conflict ignore."
STORED_10 = f"Stored before that: User 10, Product 30. {COMPLETE}"
LOST = "Check that the server is running."
TERMINATED = f"Database 'users': terminating connection due to administrator command. {LOST}"
CLOSED = (
    f"Database 'users': consuming input failed: server closed the connection unexpectedly. {LOST}"
)
SILENT = (
    "Database 'users': the server has not answered for 1 s, as long as DATABASE_TIMEOUT "
    f"allows. {LOST}"
)
REFUSED = 'connection to server at "127.0.0.1", port N failed: Connection refused.'


class ServerTestCase(CommandTestCase):
    """Each test loads 30 users, products and orders, 10 in a batch, into three servers."""

    made: Dict[str, Server] = {}

    def setUp(self):
        super().setUp()
        if not self.made:
            self.start_servers()
        self.variables = {}
        self.options = ["--batch-size", "10", "--no-progress", "-v", "0"]
        self.empty()
        for alias, server in self.made.items():
            self.set_url(alias, server.url())
            lines = [HEADERS[alias], *(",".join(map(str, row)) for row in ROWS[alias])]
            self.options += [f"--{alias}", self.file(f"{alias}.csv", "\n".join(lines))]

    def start_servers(self):
        """Start servers with the tables, for all tests of this module."""
        ending = ExitStack()
        addModuleCleanup(ending.close)
        self.made.update(zip(MODEL_ALIASES, ending.enter_context(servers(len(MODEL_ALIASES)))))
        urls = {f"{alias.upper()}_DATABASE_URL": s.url() for alias, s in self.made.items()}
        env = environment(self.folder, **urls)
        for alias in MODEL_ALIASES:
            manage("migrate", f"--database={alias}", folder=self.folder, env=env)

    def empty(self):
        for alias, server in self.made.items():
            server.execute(f"TRUNCATE {table(alias)}")

    def set_url(self, alias, url, **query):
        words = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
        self.variables[f"{alias.upper()}_DATABASE_URL"] = f"{url}?{words}" if query else url

    def start_load(self, *options):
        env = environment(self.folder, **self.variables)
        return self.start(*self.options, *options, env=env)

    def load(self, *options):
        return self.ended(self.start_load(*options))

    def ended(self, process):
        """Return the exit status of a load, and what it says about its end."""
        try:
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        self.assertNotIn(PASSWORD, output + errors)
        errors = re.sub(r"port \d+", "port N", errors.rstrip("\n"))
        return process.returncode, errors.replace("CommandError: ", "", 1)

    def rows(self, alias):
        return self.made[alias].execute(f"SELECT * FROM {table(alias)} ORDER BY id")

    def assert_completes(self, *options):
        """Assert that no order refers to nothing, and that the same command completes the load."""
        users, products = ({row[0] for row in self.rows(a)} for a in ("users", "products"))
        dangling = [o for o in self.rows("orders") if o[1] not in users or o[2] not in products]
        self.assertEqual(dangling, [])
        self.assertEqual(self.load("--on-conflict", "ignore", *options), (0, ""))
        self.assertEqual({alias: self.rows(alias) for alias in MODEL_ALIASES}, ROWS)

    @contextmanager
    def proxy(self):
        """Have the database of users reached through a proxy."""
        with Proxy(self.made["users"].port) as proxy:
            self.set_url("users", self.made["users"].url(port=proxy.port))
            yield proxy
        self.set_url("users", self.made["users"].url())

    @contextmanager
    def blocked(self, *options, aliases=("users",), stored=("products",)):
        """Load until the second batch of each of `aliases` waits, and all of `stored` is stored.

        Yields the load, the processes of the servers that wait, by the alias, and what they wait
        for: other connections, which have inserted one of the rows.
        """
        import psycopg

        with ExitStack() as ending:
            holders = []
            for alias in aliases:
                holder = psycopg.connect(self.made[alias].url())
                ending.enter_context(closing(holder))
                row = ROWS[alias][14]
                marks = ", ".join(["%s"] * len(row))
                holder.execute(f"INSERT INTO {table(alias)} VALUES ({marks})", row)
                holders.append(holder)
            process = self.start_load(*options)
            ending.callback(process.communicate)
            ending.callback(process.kill)
            backends = {}
            for alias in aliases:
                wait_until(lambda alias=alias: self.waiting(alias), process)
                [backends[alias]] = self.waiting(alias)
            for alias in stored:
                wait_until(lambda alias=alias: self.rows(alias) == ROWS[alias], process)
            yield process, backends, holders

    def waiting(self, alias):
        return [
            pid
            for (pid,) in self.made[alias].execute(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            )
        ]


def table(alias):
    return f"distributed_insert_{alias[:-1]}"


@contextmanager
def frozen(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@needs_servers
class BeginningTests(ServerTestCase):
    """Where there is no connection, nothing is stored."""

    def assert_cannot_begin(self, message):
        self.assertEqual(self.load(), (1, f"Database 'users': {message}\nNothing was stored."))
        self.assertEqual([self.rows(alias) for alias in MODEL_ALIASES], [[], [], []])

    def test_a_wrong_password(self):
        self.set_url("users", self.made["users"].url().replace(PASSWORD, "wrong"))
        self.assert_cannot_begin(
            'connection to server at "127.0.0.1", port N failed: FATAL: '
            'password authentication failed for user "loader". '
            "Check the user and the password in USERS_DATABASE_URL."
        )
        self.set_url("users", self.made["users"].url())
        self.assert_completes()

    def test_a_wrong_port(self):
        self.set_url("users", self.made["users"].url(port=free_port()))
        self.assert_cannot_begin(f"{REFUSED} Check the host and the port in USERS_DATABASE_URL.")

    def test_a_wrong_host(self):
        self.set_url("users", self.made["users"].url().replace("127.0.0.1", "db.invalid"))
        status, said = self.load()
        self.assertEqual(status, 1)
        self.assertRegex(
            said,
            r"^Database 'users': failed to resolve host 'db\.invalid': [^\n]*\. "
            r"Check the host and the port in USERS_DATABASE_URL\.\nNothing was stored\.$",
        )

    def test_a_wrong_database(self):
        self.set_url("users", self.made["users"].url("people"))
        self.assert_cannot_begin(
            'connection to server at "127.0.0.1", port N failed: FATAL: '
            'database "people" does not exist. '
            "Check the name of the database in USERS_DATABASE_URL."
        )

    def test_a_host_that_does_not_answer(self):
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            port = silent.getsockname()[1]
            self.set_url("users", self.made["users"].url(port=port), connect_timeout=2)
            self.assert_cannot_begin(
                "connection timeout expired. Check the host and the port in USERS_DATABASE_URL."
            )

    def test_too_many_connections(self):
        server = self.made["users"]
        server.execute(f"CREATE ROLE few LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 0")
        self.set_url("users", server.url().replace("//loader", "//few"))
        self.assert_cannot_begin(
            'connection to server at "127.0.0.1", port N failed: FATAL: '
            'too many connections for role "few". '
            "Run the command again when others have disconnected."
        )

    def test_two_servers(self):
        for alias in ("users", "orders"):
            self.set_url(alias, self.made[alias].url(port=free_port()))
        self.assertEqual(
            self.load(),
            (
                1,
                f"Database 'orders': {REFUSED} "
                "Check the host and the port in ORDERS_DATABASE_URL.\n"
                f"Database 'users': {REFUSED} "
                "Check the host and the port in USERS_DATABASE_URL.\n"
                "Nothing was stored.",
            ),
        )

    def test_a_migration(self):
        self.set_url("users", self.made["users"].url(port=free_port()))
        self.assertEqual(
            self.load("--migrate"),
            (
                1,
                f"Database 'users' cannot be migrated: {REFUSED} "
                "Check the host and the port in USERS_DATABASE_URL.",
            ),
        )

    def test_one_database_for_two_aliases(self):
        self.set_url("products", self.made["users"].url())
        status, said = self.load("--migrate")
        self.assertEqual(status, 1)
        self.assertEqual(
            said.splitlines()[:5],
            [
                "SystemCheckError: System check identified some issues:",
                "",
                "ERRORS:",
                "?: (distributed_insert.E003) "
                "'users' and 'products' are one and the same database.",
                "\tHINT: Give each of them a database of its own, with USERS_DATABASE_URL "
                "and PRODUCTS_DATABASE_URL.",
            ],
        )


@needs_servers
class LostServerTests(ServerTestCase):
    """Where a server is lost, what was committed before stays, and is said."""

    def assert_lost(self, lose, message, *options):
        with self.blocked(*options) as (process, backends, _):
            lose(self.made["users"], backends["users"])
            self.assertEqual(self.ended(process), (1, f"{message}\n{STORED_10}"))
        if self.made["users"].process is None:
            self.made["users"].start()
        self.assert_completes(*options)

    def test_a_backend_that_is_terminated(self):
        for workers in ("thread", "process"):
            with self.subTest(workers=workers):
                self.assert_lost(terminate, TERMINATED, "--workers", workers)
                self.empty()

    def test_a_server_that_is_stopped(self):
        self.assert_lost(lambda server, backend: server.stop(), TERMINATED)

    def test_a_server_that_crashes(self):
        self.assert_lost(lambda server, backend: server.crash(), CLOSED)

    def test_a_server_that_is_restarted(self):
        def restart(server, backend):
            server.stop()
            server.start()

        self.assert_lost(restart, TERMINATED)

    def test_a_connection_that_is_cut(self):
        with self.proxy() as proxy, self.blocked() as (process, _, _):
            proxy.cut()
            self.assertEqual(self.ended(process), (1, f"{CLOSED}\n{STORED_10}"))
        self.assert_completes()

    def test_one_of_two_that_wait(self):
        with self.blocked(aliases=("users", "products"), stored=()) as (process, backends, _):
            terminate(self.made["users"], backends["users"])
            self.assertEqual(
                self.ended(process),
                (1, f"{TERMINATED}\nStored before that: User 10, Product 10. {COMPLETE}"),
            )
            # What is given up is not left running.
            self.assertEqual(self.waiting("products"), [])
        self.assert_completes()

    def test_a_transaction_that_was_idle_for_too_long(self):
        server = self.made["products"]
        limit = "-c idle_in_transaction_session_timeout=100"
        self.set_url("products", server.url(), options=limit)
        told = "terminating connection due to idle-in-transaction timeout"
        with self.blocked("--all-or-nothing", stored=()) as (process, _, [holder]):
            wait_until(lambda: told in (server.folder / "log").read_text(), process)
            holder.rollback()
            self.assertEqual(
                self.ended(process),
                (
                    1,
                    f"Database 'products': {told}. Raise idle_in_transaction_session_timeout, or "
                    "set it to 0 for this user.\nNothing was stored.",
                ),
            )
        self.set_url("products", server.url())
        self.assert_completes("--all-or-nothing")


def terminate(server, backend):
    server.execute(f"SELECT pg_terminate_backend({backend})")


@needs_servers
class WaitingTests(ServerTestCase):
    """No server is waited for for ever, and none for long once the load is to stop."""

    def assert_stopped(self, process, number, stored=f".\n{STORED_10}"):
        name = signal.Signals(number).name
        self.assertEqual(self.ended(process), (128 + number, f"Stopped by {name}{stored}"))

    def test_a_lock(self):
        self.set_url("users", self.made["users"].url(), lock_timeout=500)
        with self.blocked() as (process, _, _):
            self.assertEqual(
                self.ended(process),
                (
                    1,
                    "Database 'users': canceling statement due to lock timeout. Another process "
                    f"is writing to it: run the command again when that is done.\n{STORED_10}",
                ),
            )
        self.assert_completes()

    def test_a_frozen_backend(self):
        self.variables["DATABASE_TIMEOUT"] = "1"
        for workers in ("thread", "process"):
            with self.subTest(workers=workers):
                with self.blocked("--workers", workers) as (process, backends, _):
                    with frozen(backends["users"]):
                        self.assertEqual(self.ended(process), (1, f"{SILENT}\n{STORED_10}"))
                self.assert_completes()
                self.empty()

    def test_a_silent_network(self):
        self.variables["DATABASE_TIMEOUT"] = "1"
        with self.proxy() as proxy, self.blocked() as (process, _, _):
            proxy.be_silent()
            self.assertEqual(self.ended(process), (1, f"{SILENT}\n{STORED_10}"))
        self.assert_completes()

    def test_a_signal_during_a_lock(self):
        for workers, number in (("thread", signal.SIGINT), ("process", signal.SIGTERM)):
            with self.subTest(workers=workers):
                with self.blocked("--workers", workers) as (process, _, _):
                    process.send_signal(number)
                    self.assert_stopped(process, number)
                    # What is given up is not left running.
                    self.assertEqual(self.waiting("users"), [])
                self.assert_completes()
                self.empty()

    def test_a_signal_while_the_sample_waits_for_a_lock(self):
        import psycopg

        with closing(psycopg.connect(self.made["users"].url())) as holder:
            holder.execute(f"LOCK TABLE {table('users')}")
            self.variables["DATABASE_TIMEOUT"] = "0"
            self.set_url("users", self.made["users"].url(), lock_timeout=0)
            process = self.start("-v", "0", env=environment(self.folder, **self.variables))
            wait_until(lambda: self.waiting("users"), process)
            process.send_signal(signal.SIGINT)
            self.assertEqual(self.ended(process), (130, "Interrupted."))
            self.assertEqual(self.waiting("users"), [])
        self.assertEqual(self.rows("users"), [])

    def test_a_signal_beside_a_frozen_backend(self):
        with self.blocked() as (process, backends, _), frozen(backends["users"]):
            process.send_signal(signal.SIGINT)
            self.assert_stopped(process, signal.SIGINT)
        self.assert_completes()

    def test_a_signal_before_the_transactions_of_a_load_are_committed(self):
        with self.blocked("--all-or-nothing", stored=()) as (process, _, _):
            process.send_signal(signal.SIGINT)
            self.assert_stopped(process, signal.SIGINT, ". Nothing was stored.")
        self.assert_completes("--all-or-nothing")


@needs_servers
class RecordTests(ServerTestCase):
    """What the database cannot hold is the fault of its record, and the others are stored."""

    def load_names(self, encoding, *names):
        """Load users with these names into a database with this encoding."""
        server = self.made["users"]
        server.execute(f"CREATE DATABASE {encoding} TEMPLATE template0 ENCODING '{encoding}'")
        self.set_url("users", server.url(encoding))
        path = self.folder / "named.csv"
        lines = [f"{n},{name},a@b\n" for n, name in enumerate(names, 1)]
        path.write_text("id,name,email\n" + "".join(lines), encoding="utf-8")
        env = environment(self.folder, **self.variables)
        manage("migrate", "--database=users", folder=self.folder, env=env)
        loads = [
            manage("populate_db", "--users", str(path), *options, folder=self.folder, env=env)
            for options in ((), ("--on-conflict", "ignore"))
        ]
        stored = server.execute(f"SELECT id, name FROM {table('users')} ORDER BY id", encoding)
        return loads, [(n, name if isinstance(name, str) else name.decode()) for n, name in stored]

    def test_a_database_in_latin1(self):
        loads, stored = self.load_names("latin1", "Jörg", "Łucja", "Anna")
        for load in loads:
            self.assertEqual(load.returncode, 3)
            [reject] = printed_lists(load.stdout)["User rejects"]
            self.assertEqual(reject["data"]["name"], "Łucja")
            self.assertEqual(
                reject["errors"],
                [
                    "Refused by the database: character with byte sequence 0xc5 0x81 in encoding "
                    '"UTF8" has no equivalent in encoding "LATIN1"'
                ],
            )
        self.assertEqual(stored, [(1, "Jörg"), (3, "Anna")])

    def test_a_database_without_an_encoding(self):
        loads, stored = self.load_names("sql_ascii", "Jörg", "Łucja", "Anna")
        self.assertEqual([load.returncode for load in loads], [0, 0])
        self.assertEqual(stored, [(1, "Jörg"), (2, "Łucja"), (3, "Anna")])

    def test_a_nul(self):
        names = enumerate(("Ann", "A\0n", "Ann"), 1)
        lines = [json.dumps({"id": n, "name": name, "email": "a@b"}) for n, name in names]
        env = environment(self.folder, **self.variables)
        path = self.file("nul.jsonl", "\n".join(lines))
        load = manage("populate_db", "--users", path, folder=self.folder, env=env)
        self.assertEqual(load.returncode, 3)
        [reject] = printed_lists(load.stdout)["User rejects"]
        self.assertEqual(reject["errors"], ["Name contains invalid characters"])
        self.assertEqual(self.rows("users"), [ROWS["users"][0], ROWS["users"][2]])


@needs_servers
@skipUnless(hasattr(os, "geteuid") and os.geteuid() == 0, "To enable this test: run it as root")
class FullDiskTests(ServerTestCase):
    def setUp(self):
        super().setUp()
        self.disk = str(self.folder / "disk")
        os.mkdir(self.disk)
        self.folder.chmod(0o711)
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.disk]
        mounted = subprocess.run(mount, stderr=subprocess.PIPE, encoding="utf-8", check=False)
        if mounted.returncode:
            self.skipTest(f"To enable this test: allow mount ({mounted.stderr.strip()})")
        self.addCleanup(subprocess.run, ["umount", self.disk], check=True)
        shutil.chown(self.disk, UNPRIVILEGED)

    def move_users(self, tablespace):
        self.made["users"].execute(f"ALTER TABLE {table('users')} SET TABLESPACE {tablespace}")

    def test_a_full_disk(self):
        self.made["users"].execute(f"CREATE TABLESPACE small LOCATION '{self.disk}'")
        self.addCleanup(self.made["users"].execute, "DROP TABLESPACE small")
        self.move_users("small")
        with suppress(OSError), open(f"{self.disk}/ballast", "wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        status, said = self.load()
        self.move_users("pg_default")
        self.assertEqual(status, 1)
        self.assertRegex(
            said.splitlines()[0],
            r"^Database 'users': could not extend file \"[^\"]*\": No space left on device\. "
            r"Make room on the disk of the server\.$",
        )
        self.assert_completes()
