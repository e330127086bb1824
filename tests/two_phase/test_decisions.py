import threading
from unittest import mock

from django.db import DatabaseError, OperationalError, connections, transaction

from distributed_insert.two_phase import DecidingTransaction, Verdict, decisions

from ..cases import LoadTestCase

ALIAS = "users"


class DecisionTests(LoadTestCase):
    def setUp(self):
        super().setUp()
        self.drop_table()
        # A verdict shortens the time that the connection waits.
        self.addCleanup(connections[ALIAS].close)
        self.addCleanup(self.drop_table)

    def drop_table(self):
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {decisions.TABLE}")

    def rows(self):
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(f"SELECT name FROM {decisions.TABLE} ORDER BY name DESC")
            return [name for (name,) in cursor.fetchall()]

    def test_a_database_is_given_an_identity_once(self):
        self.assertEqual(decisions.identity(ALIAS), "")
        identity = decisions.create_table(ALIAS)
        self.assertRegex(identity, "^[0-9a-f]{32}$")
        self.assertEqual(decisions.create_table(ALIAS), identity)
        self.assertEqual(decisions.identity(ALIAS), identity)
        self.assertEqual(self.rows(), ["identity"])

    def test_a_table_that_is_there_needs_no_right_to_create_one(self):
        identity = decisions.create_table(ALIAS)

        def refuse(execute, sql, *args):
            self.assertNotIn("CREATE", sql)
            return execute(sql, *args)

        with connections[ALIAS].execute_wrapper(refuse):
            self.assertEqual(decisions.create_table(ALIAS), identity)

    def test_error_for_a_table_that_takes_a_row_twice(self):
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(f"CREATE TABLE {decisions.TABLE} (name text, value text)")
        with self.assertRaisesMessage(DatabaseError, "ON CONFLICT"):
            decisions.create_table(ALIAS)
        self.assertEqual(self.rows(), [])

    def test_a_load_that_is_committed_has_a_row_until_it_is_forgotten(self):
        held = DecidingTransaction(ALIAS, "07ab")
        identity = held.begin()
        held.prepare()
        held.commit()
        self.assertEqual(self.rows(), ["identity", "07ab"])
        self.assertIs(decisions.verdict(ALIAS, identity, "07ab"), Verdict.COMMIT)
        held.forget()
        self.assertEqual(self.rows(), ["identity"])

    def test_a_load_that_is_rolled_back_or_never_was_is_rolled_back(self):
        held = DecidingTransaction(ALIAS, "07ab")
        identity = held.begin()
        held.roll_back()
        self.assertIs(decisions.verdict(ALIAS, identity, "07ab"), Verdict.ROLL_BACK)
        self.assertIs(decisions.verdict(ALIAS, identity, "other"), Verdict.ROLL_BACK)
        self.assertEqual(self.rows(), ["identity"])

    def test_a_load_that_still_runs_is_alive(self):
        has_begun, may_end = threading.Event(), threading.Event()

        def hold():
            held = DecidingTransaction(ALIAS, "07ab")
            try:
                held.begin()
                has_begun.set()
                may_end.wait()
                held.commit()
            finally:
                connections[ALIAS].close()

        identity = decisions.create_table(ALIAS)
        thread = threading.Thread(target=hold)
        thread.start()
        has_begun.wait()
        try:
            with mock.patch.object(decisions, "PATIENCE_MS", 10):
                self.assertIs(decisions.verdict(ALIAS, identity, "07ab"), Verdict.ALIVE)
            if connections[ALIAS].vendor == "sqlite":
                with connections[ALIAS].cursor() as cursor:
                    cursor.execute("PRAGMA busy_timeout")
                    self.assertEqual(cursor.fetchone(), (10,))
        finally:
            may_end.set()
            thread.join()
        self.assertIs(decisions.verdict(ALIAS, identity, "07ab"), Verdict.COMMIT)

    def test_a_database_that_never_decided_or_is_another_one_knows_nothing(self):
        self.assertIs(decisions.verdict(ALIAS, "9dcf", "07ab"), Verdict.UNKNOWN)
        decisions.create_table(ALIAS)
        self.assertIs(decisions.verdict(ALIAS, "9dcf", "07ab"), Verdict.UNKNOWN)
        self.assertEqual(self.rows(), ["identity"])

    def test_a_database_that_fails_has_not_decided(self):
        identity = decisions.create_table(ALIAS)
        error = OperationalError("disk I/O error")
        with mock.patch.object(decisions, "decide", side_effect=error):
            with self.assertRaisesMessage(OperationalError, "disk I/O error"):
                decisions.verdict(ALIAS, identity, "07ab")

    def test_the_row_is_part_of_the_transaction(self):
        identity = decisions.create_table(ALIAS)
        with transaction.atomic(using=ALIAS):
            decisions.decide(ALIAS, "07ab")
            transaction.set_rollback(True, using=ALIAS)
        self.assertEqual(self.rows(), ["identity"])
        self.assertIs(decisions.verdict(ALIAS, identity, "07ab"), Verdict.ROLL_BACK)
