"""More of it: python -m tests.faults.two_phase"""

from django.test import SimpleTestCase

from distributed_insert.two_phase.decisions import TABLE

from ..cases import MODEL_ALIASES
from ..faults.two_phase import Loads, broken
from ..servers import USER, needs_servers

NOTHING = "There is nothing to recover.\n"
COMMITTED = "Database '{}': committed what an earlier load had prepared.\n"
BOTH_COMMITTED = COMMITTED.format("products") + COMMITTED.format("orders")
GID = "'distributed_insert:users:[0-9a-f]{{32}}:[0-9a-f]{{32}}:{}'"
ROLLED_BACK = "Database '{}': rolled back what an earlier load had prepared.\n"
ALIVE = "Database '{}': left alone what a load has prepared, since it is still running.\n"


class CommitTestCase(SimpleTestCase):
    on_servers = MODEL_ALIASES
    configuration = ""
    undisturbed = 1
    """How many loads run before those that are broken."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.loads = Loads(cls.on_servers, cls.configuration)
        cls.loads.__enter__()
        cls.addClassCleanup(cls.loads.__exit__)
        cls.runs = [cls.loads.finish(cls.loads.start()) for _ in range(cls.undisturbed)]
        cls.statements = cls.loads.last_statements
        steps = [sql for _, sql in cls.statements]
        if "PREPARE TRANSACTION" in steps:
            cls.first = steps.index("PREPARE TRANSACTION") + 1
            """The number of the first statement of the commit."""
            cls.commit = cls.statements[cls.first - 1 :]

    def break_at(self, how, *wanted):
        """Break a load at each of these statements; return what became of it."""
        runs = []
        for number, (_, sql) in enumerate(self.commit, self.first):
            if sql in wanted:
                place, run = broken(self.loads, how, number)
                with self.subTest(place=place):
                    self.assertTrue(run.is_right, run)
                runs.append(run)
        return runs


@needs_servers
class ThreeServersTests(CommitTestCase):
    # The first one also makes the table of decisions.
    undisturbed = 2

    def test_the_decision_comes_after_all_others_are_prepared_and_is_followed_by_them(self):
        self.assertEqual(
            set(self.commit[:2]),
            {("products", "PREPARE TRANSACTION"), ("orders", "PREPARE TRANSACTION")},
        )
        self.assertEqual(
            self.commit[2:],
            [
                ("users", "COMMIT"),
                ("products", "COMMIT PREPARED"),
                ("orders", "COMMIT PREPARED"),
                ("users", "DELETE FROM"),
            ],
        )
        self.assertEqual(
            [(run.exit_status, run.recovery, run.stored) for run in self.runs],
            [(0, NOTHING, MODEL_ALIASES)] * 2,
        )

    def test_the_row_of_a_load_that_came_to_its_end_is_deleted(self):
        rows = f"SELECT name FROM {TABLE} ORDER BY name"
        before = self.loads.servers["users"].execute(rows)
        self.loads.finish(self.loads.start())
        self.assertEqual(self.loads.servers["users"].execute(rows), before)

    def test_only_the_deciding_database_gets_another_table(self):
        tables = "SELECT tablename FROM pg_tables WHERE tablename LIKE 'distributed%' ORDER BY 1"
        self.assertEqual(
            {alias: server.execute(tables) for alias, server in self.loads.servers.items()},
            {
                "users": [("distributed_insert_decision",), ("distributed_insert_user",)],
                "products": [("distributed_insert_product",)],
                "orders": [("distributed_insert_order",)],
            },
        )

    def test_a_load_killed_before_the_decision_stores_nothing(self):
        runs = self.break_at("kill before", "PREPARE TRANSACTION", "COMMIT")
        runs += self.break_at("kill after", "PREPARE TRANSACTION")
        self.assertEqual([run.stored for run in runs], [()] * 5)
        rolled_back = ROLLED_BACK.format("products") + ROLLED_BACK.format("orders")
        self.assertEqual(runs[2].recovery, rolled_back)

    def test_a_load_killed_after_the_decision_stores_all(self):
        runs = self.break_at("kill after", "COMMIT", "COMMIT PREPARED", "DELETE FROM")
        self.assertEqual(
            [(run.recovery, run.stored) for run in runs],
            [
                (BOTH_COMMITTED, MODEL_ALIASES),
                (COMMITTED.format("orders"), MODEL_ALIASES),
                (NOTHING, MODEL_ALIASES),
                (NOTHING, MODEL_ALIASES),
            ],
        )

    def test_a_server_that_is_lost_before_the_decision_stores_nothing(self):
        runs = self.break_at("crash before", "PREPARE TRANSACTION", "COMMIT")
        self.assertEqual([(run.exit_status, run.stored) for run in runs], [(1, ())] * 3)
        lost = [" ".join(run.output.split("CommandError: ")[1].split("\n")) for run in runs]
        self.assertRegex(
            lost[2],
            "^Database 'users': [^']* What is prepared will be committed or rolled back, all of "
            "it alike, by the next load or by: python manage.py recover_load Order records may "
            "have been stored. User records may have been stored. Product records may have been "
            "stored. To complete the load, run the same command again with --on-conflict ignore. $",
        )

    def test_a_server_that_is_lost_after_the_decision_stores_all_when_it_is_back(self):
        products, orders = self.break_at("crash before", "COMMIT PREPARED")
        self.assertEqual(
            [(run.exit_status, run.recovery, run.stored) for run in (products, orders)],
            [
                (1, BOTH_COMMITTED, MODEL_ALIASES),
                (1, COMMITTED.format("orders"), MODEL_ALIASES),
            ],
        )
        self.assertRegex(
            products.output,
            "CommandError: Database 'products': [^']*\n"
            "What is prepared will be committed by the next load or by: python manage.py "
            "recover_load\n"
            "Stored before that: User 1. Order records may have been stored. Product records may "
            "have been stored. To complete the load, run the same command again with "
            "--on-conflict ignore.\n$",
        )

    def test_a_load_that_loses_a_connection_ends_by_itself_what_it_decided(self):
        [run] = self.break_at("cut before", "COMMIT")
        self.assertEqual((run.exit_status, run.recovery, run.stored), (1, NOTHING, ()))
        runs = self.break_at("cut after", "COMMIT", "COMMIT PREPARED", "DELETE FROM")
        self.assertEqual(
            [(run.exit_status, run.recovery, run.stored) for run in runs],
            [(0, NOTHING, MODEL_ALIASES)] * 4,
        )

    def test_a_server_that_restarts_before_the_decision(self):
        [run] = self.break_at("restart before", "COMMIT")
        self.assertEqual((run.exit_status, run.stored), (1, ()))

    def test_a_transaction_that_the_server_ends_leaves_nothing_stored(self):
        alter = f"ALTER ROLE {USER} {{}} idle_in_transaction_session_timeout"
        for server in self.loads.servers.values():
            self.addCleanup(server.execute, alter.format("RESET"))
            server.execute(f"{alter.format('SET')} = 1")
        run = self.loads.finish(self.loads.start())
        self.assertEqual((run.exit_status, run.stored, run.prepared), (1, (), 0))
        # What the server said last is lost where something is sent to it after that.
        self.assertRegex(run.output, "idle-in-transaction timeout|server closed the connection")

    def killed(self, *recovery):
        """Kill a load when all is prepared and it has decided; return the run."""

        def kill(alias, number):
            if number == self.first + 2:
                load.kill()
                raise ConnectionAbortedError

        self.loads.after = kill
        load = self.loads.start()
        return self.loads.finish(load, *recovery)

    def test_the_next_load_recovers_first(self):
        run = self.killed(*self.loads.command("--on-conflict", "ignore"))
        self.assertRegex(
            run.recovery,
            COMMITTED.format("products")
            + COMMITTED.format("orders")
            + "Model    Database  Read  Inserted  Ignored  Rejected  Seconds\n"
            "Order    orders       1         0        1         0     .*\n"
            "User     users        1         0        1         0     .*\n"
            "Product  products     1         0        1         0     .*\n",
        )
        self.assertEqual((run.recovery_status, run.stored), (0, MODEL_ALIASES))

    def test_a_recovery_leaves_a_running_load_alone(self):
        recoveries = []

        def recover(alias, number):
            if number == self.first + 2:
                process = self.loads.manage("recover_load")
                recoveries.append((process.communicate()[0], process.returncode))

        self.loads.before = recover
        run = self.loads.finish(self.loads.start())
        self.assertEqual(recoveries, [(ALIVE.format("products") + ALIVE.format("orders"), 0)])
        self.assertEqual((run.exit_status, run.stored), (0, MODEL_ALIASES))

    def test_what_another_database_decided_is_left_for_people(self):
        """As when the settings do not name the database that the load's did."""
        users = self.loads.servers["users"]
        run = self.killed("check")
        self.assertEqual((run.stored, run.prepared), (("users",), 2))
        users.execute(f"UPDATE {TABLE} SET value = 'other' || value WHERE name = 'identity'")
        recovery = self.loads.manage("recover_load")
        output, _ = recovery.communicate()
        users.execute(f"UPDATE {TABLE} SET value = substr(value, 6) WHERE name = 'identity'")
        self.assertRegex(
            output,
            "^CommandError: "
            + "\n".join(
                f"Database '{alias}' holds what a load has prepared, and it cannot be ended: Its "
                "load was decided in another database than 'users' is now. When that is mended, "
                "run: python manage.py recover_load. If it cannot be, end it by hand, in every "
                f"database alike: COMMIT PREPARED {gid} or ROLLBACK PREPARED {gid}"
                for alias, gid in (
                    ("products", GID.format("products.product")),
                    ("orders", GID.format("orders.order")),
                )
            ),
        )
        self.assertEqual(recovery.returncode, 1)
        self.assertEqual(self.loads.manage("recover_load").communicate()[0], BOTH_COMMITTED)


@needs_servers
class OrdersInSQLiteTests(CommitTestCase):
    on_servers = ("users", "products")
    undisturbed = 2

    def test_the_file_decides(self):
        self.assertEqual(
            (set(self.commit[:2]), self.commit[2:]),
            (
                {("users", "PREPARE TRANSACTION"), ("products", "PREPARE TRANSACTION")},
                [("users", "COMMIT PREPARED"), ("products", "COMMIT PREPARED")],
            ),
        )

    def test_a_killed_load_stores_all_or_nothing(self):
        runs = self.break_at("kill before", "PREPARE TRANSACTION", "COMMIT PREPARED")
        self.assertEqual([run.stored for run in runs], [(), (), MODEL_ALIASES, MODEL_ALIASES])

    def test_a_lost_server_leaves_all_or_nothing(self):
        runs = self.break_at("crash after", "PREPARE TRANSACTION", "COMMIT PREPARED")
        self.assertEqual([run.stored for run in runs], [(), (), MODEL_ALIASES, MODEL_ALIASES])


@needs_servers
class TwoFilesTests(CommitTestCase):
    on_servers = ("users",)

    def test_the_weaker_promise_is_said(self):
        run = self.runs[0]
        self.assertRegex(
            run.output,
            "Workers: one thread per model.\n"
            "The databases were committed one after the other: only PostgreSQL servers, and at "
            "most one SQLite file beside them, can be committed together.\n$",
        )
        self.assertEqual((run.exit_status, run.stored), (0, MODEL_ALIASES))


@needs_servers
class WithoutPrepareTests(CommitTestCase):
    configuration = "max_prepared_transactions = 0"

    def test_error_before_any_write(self):
        run = self.runs[0]
        self.assertEqual(
            run.output,
            "CommandError: Database 'orders' cannot prepare transactions, and without that "
            "--all-or-nothing is not atomic. Set max_prepared_transactions to 10 in "
            "postgresql.conf on every server and restart them, or load without --all-or-nothing.\n"
            "Nothing was stored.\n",
        )
        self.assertEqual((run.exit_status, run.stored, run.recovery), (1, (), NOTHING))
        tables = self.loads.servers["users"].execute(f"SELECT to_regclass('{TABLE}')")
        self.assertEqual(tables, [(None,)])

    def test_a_dry_run_needs_none(self):
        run = self.loads.finish(self.loads.start("--dry-run"))
        self.assertEqual((run.exit_status, run.stored), (0, ()))


@needs_servers
class AsynchronousCommitTests(CommitTestCase):
    configuration = "synchronous_commit = off\nwal_writer_delay = 10000"

    def test_a_crash_during_the_first_load_of_all_leaves_what_can_be_recovered(self):
        server = self.loads.servers["users"]
        server.execute(f"DROP TABLE {TABLE}")
        server.execute("CHECKPOINT")

        def crash(alias, number):
            *earlier, last = self.loads.statements[:number]
            if last == ("users", "COMMIT") and ("orders", "PREPARE TRANSACTION") in earlier:
                server.crash()
                raise ConnectionAbortedError

        self.loads.before = crash
        run = self.loads.finish(self.loads.start())
        self.assertTrue(run.is_right, run)
        self.assertEqual((run.exit_status, run.stored), (1, ()))
