from datetime import timedelta
from decimal import Decimal
from unittest import mock

from django.apps import apps
from django.db import (
    DataError,
    Error,
    IntegrityError,
    InternalError,
    OperationalError,
    connections,
    models,
    transaction,
)
from django.test import SimpleTestCase, TestCase

from distributed_insert.exceptions import LoadError
from distributed_insert.loading import statements as statements_module
from distributed_insert.loading import writers
from distributed_insert.loading.writers import (
    Insertion,
    Update,
    insert_each,
    pick,
    stored_rows,
    update,
)
from distributed_insert.models import User

from ..cases import SQLiteTestCase, stored
from .cases import TriggerTestCase

LEFT_OUT = "Refused by the database: the row was skipped, possibly by a trigger"


# What is said of the statements that any database takes.
portable = mock.patch.object(writers, "can_copy", lambda connection, model: False)


def row(number, name="Ann"):
    return (number, name, "ann@example.com")


def columns(rows):
    return [list(column) for column in zip(*rows)] or [[], [], []]


class Writes:
    """Writes rows of users, each time in a transaction of their own."""

    def insert(self, rows):
        with transaction.atomic(using="users"):
            return insert_each(User, "users", columns(rows))

    def update(self, rows):
        with transaction.atomic(using="users"):
            return update(User, "users", columns(rows))


class InsertTests(Writes, TestCase):
    databases = {"users"}

    @portable
    def test_a_statement_has_no_more_rows_than_the_database_takes(self):
        sent = []
        is_sqlite = connections["users"].vendor == "sqlite"
        name = "_execute_on_driver" if is_sqlite else "_execute_on_cursor"
        original = getattr(statements_module.Insert, name)

        def execute(self, sql, values):
            sent.append(values[::3])
            return original(self, sql, values)

        with mock.patch.object(connections["users"].ops, "bulk_batch_size", return_value=2):
            with mock.patch.object(statements_module.Insert, name, execute):
                self.assertEqual(self.insert([row(n) for n in range(1, 6)]), Insertion([], {}))
        self.assertEqual(sent, [[1, 2], [3, 4], [5]])

    def test_no_rows_are_no_error(self):
        self.assertEqual(self.insert([]), Insertion([], {}))

    def test_ids_already_stored_are_conflicts_and_the_rest_is_inserted(self):
        self.insert([row(2, "Old")])
        self.assertEqual(self.insert([row(1), row(2), row(3)]), Insertion([1], {}))
        self.assertEqual(stored(User), [row(1), row(2, "Old"), row(3)])

    def test_of_an_id_given_twice_the_first_stays(self):
        rows = [row(1, "First"), row(2), row(1, "Second"), row(1, "Third")]
        self.assertEqual(self.insert(rows), Insertion([2, 3], {}))
        self.assertEqual(stored(User), [row(1, "First"), row(2)])

    def test_rows_the_database_refuses_are_found_and_the_others_inserted(self):
        rows = [row(number, None if number in (3, 7) else "Ann") for number in range(1, 9)]
        conflicts, refused = self.insert(rows)
        self.assertEqual((conflicts, list(refused)), ([], [2, 6]))
        for error in refused.values():
            self.assertRegex(error, r"^Refused by the database: .*name")
        self.assertEqual([values[0] for values in stored(User)], [1, 2, 4, 5, 6, 8])

    def test_refused_rows_have_their_indexes_behind_conflicts(self):
        self.insert([row(1, "Old"), row(4, "Old")])
        rows = [row(1), row(2), row(3, None), row(4), row(2), row(5, None), row(6)]
        conflicts, refused = self.insert(rows)
        self.assertEqual((conflicts, list(refused)), ([0, 3, 4], [2, 5]))
        self.assertEqual([values[0] for values in stored(User)], [1, 2, 4, 6])

    def test_where_the_first_row_with_an_id_is_refused_the_next_one_is_inserted(self):
        rows = [row(1, None), row(2), row(1, "Second"), row(1, "Third"), row(2, "Second")]
        conflicts, refused = self.insert(rows)
        self.assertEqual((conflicts, list(refused)), ([3, 4], [0]))
        self.assertEqual(stored(User), [row(1, "Second"), row(2)])

    @portable
    def test_of_many_statements_only_those_that_fail_are_sent_row_by_row(self):
        rows = [row(number, None if number == 350 else "Ann") for number in range(1, 1001)]
        sent = []
        original = statements_module.Insert.__call__

        def call(self, columns, start=0, stop=None):
            sent.append((len(columns[0]) if stop is None else stop) - start)
            return original(self, columns, start, stop)

        with mock.patch.object(statements_module, "ROWS_PER_STATEMENT", 200):
            with mock.patch.object(statements_module.Insert, "__call__", call):
                conflicts, refused = self.insert(rows)
        self.assertEqual((conflicts, list(refused)), ([], [349]))
        self.assertEqual(len(stored(User)), 999)
        # The batch, five statements of 200 rows, and the rows of one of them.
        self.assertEqual(sorted(sent), [*[1] * 200, *[200] * 5, 1000])


class FaultTests(SimpleTestCase):
    databases = {"users"}

    def fault(self, kind, sqlstate=None):
        """Return the error that is raised again, if the database gave this one."""
        error = kind("No.")
        error.__cause__ = Exception()
        error.__cause__.sqlstate = sqlstate
        try:
            statements_module.check_fault("users", error)
        except Error as raised:
            self.assertIs(raised, error)
            return raised
        return None

    def test_errors_that_a_row_has_caused_are_not_raised_again(self):
        for kind in (IntegrityError, DataError):
            with self.subTest(kind=kind):
                self.assertIsNone(self.fault(kind))

    def test_what_a_trigger_of_postgresql_raises_is_caused_by_a_row(self):
        self.assertIsNone(self.fault(InternalError, "P0001"))

    def test_other_errors_are_raised_again(self):
        for sqlstate in (None, "53100"):
            with self.subTest(sqlstate=sqlstate):
                self.assertIsInstance(self.fault(OperationalError, sqlstate), OperationalError)


class StatementsTests(SQLiteTestCase):
    def test_rows_are_inserted_many_per_statement(self):
        rows = [row(number) for number in range(1, 1002)]
        statements = []
        connections["users"].ensure_connection()
        connections["users"].connection.set_trace_callback(statements.append)
        self.addCleanup(connections["users"].connection.set_trace_callback, None)
        with mock.patch.object(statements_module, "ROWS_PER_STATEMENT", 200):
            with transaction.atomic(using="users"):
                self.assertEqual(insert_each(User, "users", columns(rows)), Insertion([], {}))
        self.assertEqual(len([sql for sql in statements if sql.startswith("INSERT")]), 6)
        self.assertEqual(stored(User), rows)


class TriggerTests(Writes, TriggerTestCase):
    def test_a_row_that_is_left_out_is_refused(self):
        self.trigger("INSERT", "RAISE(IGNORE)", "NEW.id = 2")
        self.assertEqual(self.insert([row(1), row(2), row(3)]), Insertion([], {1: LEFT_OUT}))
        self.assertEqual(stored(User), [row(1), row(3)])

    def test_an_update_that_is_left_out_is_refused(self):
        self.insert([row(1, "Old"), row(2, "Old")])
        self.trigger("UPDATE", "RAISE(IGNORE)", "NEW.id = 2")
        self.assertEqual(self.update([row(1), row(2), row(3)]), Update(0, {1: LEFT_OUT}))
        self.assertEqual(stored(User), [row(1), row(2, "Old"), row(3)])

    def test_error_for_a_transaction_that_a_trigger_ends(self):
        self.insert([row(1, "Old"), row(4, "Old")])
        self.trigger("INSERT", "RAISE(ROLLBACK, 'gone')", "NEW.id = 3")
        self.trigger("UPDATE", "RAISE(ROLLBACK, 'gone')", "NEW.id = 4")
        for write, rows in (
            (self.insert, [row(2), row(3)]),
            (self.insert, [row(1), row(2), row(3)]),
            (self.update, [row(1), row(4)]),
        ):
            with self.subTest(write=write.__name__, rows=rows):
                with self.assertRaises(LoadError) as caught:
                    write(rows)
                self.assertEqual(
                    str(caught.exception),
                    "Database 'users' ended the transaction by itself, as a trigger can: gone",
                )
                self.assertEqual(stored(User), [row(1, "Old"), row(4, "Old")])
                self.assertFalse(connections["users"].in_atomic_block)

    def test_error_for_a_statement_in_a_transaction_that_has_ended(self):
        with self.assertRaises(transaction.TransactionManagementError):
            with transaction.atomic(using="users"):
                transaction.set_rollback(True, using="users")
                statements_module.Insert(User, "users")(columns([row(1)]))
        self.assertEqual(stored(User), [])


class AdaptedTests(TriggerTestCase):
    def test_values_are_stored_as_their_field_stores_them(self):
        """A decimal is a text in SQLite, which its driver does not make of it by itself."""

        class Reading(models.Model):
            id = models.IntegerField(primary_key=True)
            taken = models.DurationField()
            value = models.DecimalField(max_digits=5, decimal_places=2)

            class Meta:
                app_label = "sensors"

        self.addCleanup(apps.all_models.pop, "sensors")
        with connections["users"].schema_editor() as editor:
            editor.create_model(Reading)
        self.addCleanup(self.execute, "DROP TABLE sensors_reading")
        rows = [(1, timedelta(seconds=1), Decimal("1.50")), (2, timedelta(1), Decimal("2.25"))]
        with transaction.atomic(using="users"):
            self.assertEqual(insert_each(Reading, "users", columns(rows)), Insertion([], {}))
        stored = Reading.objects.using("users").order_by("pk").values_list()
        self.assertEqual(list(stored), rows)


class FullDiskTests(SQLiteTestCase):
    """An error of the database is raised, and blamed on no row."""

    def assert_raised(self, write, rows, before):
        with connections["users"].cursor() as cursor:
            # Without the free pages that other tests have left.
            cursor.execute("VACUUM")
            [pages] = cursor.execute("PRAGMA page_count").fetchone()
            cursor.execute(f"PRAGMA max_page_count={pages}")
        self.addCleanup(connections["users"].close)
        with self.assertRaisesMessage(OperationalError, "database or disk is full"):
            with transaction.atomic(using="users"):
                write(User, "users", columns(rows))
        self.assertEqual(stored(User), before)

    def test_while_rows_are_inserted(self):
        self.assert_raised(insert_each, [row(number) for number in range(1, 10_001)], [])

    def test_while_rows_are_inserted_beside_one_whose_id_is_taken(self):
        with transaction.atomic(using="users"):
            insert_each(User, "users", columns([row(1, "Old")]))
        rows = [row(number) for number in range(1, 10_001)]
        self.assert_raised(insert_each, rows, [row(1, "Old")])

    def test_while_rows_are_updated(self):
        with transaction.atomic(using="users"):
            insert_each(User, "users", columns([row(1, "Old")]))
        rows = [row(number) for number in range(1, 10_001)]
        self.assert_raised(update, rows, [row(1, "Old")])


class UpdateTests(Writes, TestCase):
    databases = {"users"}

    def setUp(self):
        insert_each(User, "users", columns([row(1, "Old"), row(2, "Old"), row(3, "Old")]))

    def test_rows_replace_those_with_their_ids_and_the_last_wins(self):
        rows = [row(1, "New"), row(3, "Newer"), row(3, "Newest")]
        self.assertEqual(self.update(rows), Update(0, {}))
        self.assertEqual(stored(User), [row(1, "New"), row(2, "Old"), row(3, "Newest")])

    def sent(self, rows):
        """Update rows; return what is said of them, and the rows of each statement."""
        statements = []
        kind = type(writers.writer(User, "users"))
        original = kind.__call__

        def call(self, columns, *args):
            statements.append(list(zip(*columns)))
            return original(self, columns, *args)

        with mock.patch.object(kind, "__call__", call):
            return self.update(rows), statements

    def test_no_statement_has_an_id_twice(self):
        """PostgreSQL does not update a row twice in one statement."""
        turns = [[row(n, name) for n in (1, 2, 9)] for name in ("New", "Newer", "Newest")]
        self.assertEqual(self.sent(sum(turns, [])), (Update(0, {}), turns))
        self.assertEqual(
            stored(User), [row(1, "Newest"), row(2, "Newest"), row(3, "Old"), row(9, "Newest")]
        )

    def test_a_row_that_is_stored_as_it_is_is_not_sent(self):
        self.assertEqual(self.sent([row(1, "Old"), row(3, "Old")]), (Update(2, {}), []))
        rows = [row(1, "Old"), row(2, "New"), (3, "Old", "other@example.com")]
        self.assertEqual(self.sent(rows), (Update(1, {}), [rows[1:]]))
        self.assertEqual(stored(User), rows)

    def test_a_row_is_compared_with_the_one_before_it_that_has_its_id(self):
        rows = [row(1, "New"), row(2, "Old"), row(1, "New"), row(1, "Old"), row(2, "New")]
        rows += [row(1, "Old"), row(2, "New"), row(9, "New"), row(9, "New")]
        turns = [[rows[0], rows[7]], [rows[4]], [rows[3]]]
        self.assertEqual(self.sent(rows), (Update(5, {}), turns))
        self.assertEqual(stored(User), [row(1, "Old"), row(2, "New"), row(3, "Old"), row(9, "New")])

    def test_a_refused_row_is_not_the_one_before_it(self):
        rows = [row(1, None), row(1, None), row(1, "Old"), row(1, "New"), row(1, None)]
        unchanged, refused = self.update([*rows, row(1, "New")])
        self.assertEqual((unchanged, list(refused)), (2, [0, 1, 4]))
        self.assertEqual(stored(User)[0], row(1, "New"))

    def test_rows_with_new_ids_are_inserted(self):
        self.assertEqual(self.update([row(4), row(4, "Newest")]), Update(0, {}))
        self.assertEqual(stored(User)[3:], [row(4, "Newest")])

    def test_rows_the_database_refuses_leave_the_old_ones(self):
        unchanged, refused = self.update([row(1, None), row(2, "New"), row(3, None)])
        self.assertEqual((unchanged, list(refused)), (0, [0, 2]))
        for error in refused.values():
            self.assertRegex(error, r"^Refused by the database: .*name")
        self.assertEqual(stored(User), [row(1, "Old"), row(2, "New"), row(3, "Old")])

    def test_a_refused_row_has_the_index_that_it_has_among_rows_with_the_same_ids(self):
        rows = [row(1, "New"), row(1, "Newer"), row(2, "New"), row(2, None), row(3, "New")]
        self.assertEqual(list(self.update(rows).refused), [3])
        self.assertEqual(stored(User), [row(1, "Newer"), row(2, "New"), row(3, "New")])

    def test_no_rows_are_no_error(self):
        self.assertEqual(self.sent([]), (Update(0, {}), []))


class ReadTests(TestCase):
    databases = {"users"}

    def test_rows_are_picked_from_columns(self):
        self.assertEqual(pick([[1, 2, 3], ["a", "b", "c"]], [2, 0]), [[3, 1], ["c", "a"]])
        self.assertEqual(pick([[1], ["a"]], []), [[], []])

    def test_stored_rows_by_their_ids(self):
        rows = [row(number, f"User {number}") for number in range(1, 3001)]
        insert_each(User, "users", columns(rows))
        self.assertEqual(stored_rows(User, "users", [3, 1, 3, 9999]), {1: rows[0], 3: rows[2]})
        self.assertEqual(stored_rows(User, "users", list(range(1, 3001))), {r[0]: r for r in rows})
        self.assertEqual(stored_rows(User, "users", []), {})

    def test_stored_rows_of_a_database_that_takes_no_list_of_ids(self):
        rows = [row(number) for number in range(1, 8)]
        insert_each(User, "users", columns(rows))
        with mock.patch.object(connections["users"], "vendor", "other"):
            features = type(connections["users"].features)
            with mock.patch.object(features, "max_query_params", 2):
                self.assertEqual(
                    stored_rows(User, "users", {5, 1, 7, 9, 2}),
                    {n: row(n) for n in (1, 2, 5, 7)},
                )
            self.assertEqual(stored_rows(User, "users", []), {})
