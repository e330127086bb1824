from unittest import mock, skipUnless

from django.db import OperationalError, connections, transaction
from django.test import TestCase

from distributed_insert.loading import writers
from distributed_insert.loading.writers import Insertion, insert, update
from distributed_insert.models import User

from ..cases import LoadTestCase, stored

skipUnlessSQLite = skipUnless(
    connections["users"].vendor == "sqlite", "Unset USERS_DATABASE_URL to test SQLite's file."
)


def row(number, name="Ann"):
    return [number, name, "ann@example.com"]


class InsertTests(TestCase):
    databases = {"users"}

    def insert(self, rows):
        with transaction.atomic(using="users"):
            return insert(User, "users", rows)

    @skipUnlessSQLite
    def test_rows_are_inserted_many_a_statement(self):
        rows = [row(number) for number in range(1, 1001)]
        statements = []
        connections["users"].connection.set_trace_callback(statements.append)
        self.addCleanup(connections["users"].connection.set_trace_callback, None)
        with mock.patch.object(writers, "ROWS_PER_STATEMENT", 200):
            self.assertEqual(insert(User, "users", rows), Insertion(1000, [], {}))
        self.assertEqual(len([sql for sql in statements if sql.startswith("INSERT")]), 5)
        self.assertEqual(stored(User), [tuple(row) for row in rows])

    def test_no_rows_are_no_error(self):
        self.assertEqual(self.insert([]), Insertion(0, [], {}))

    def test_ids_already_stored_are_refused_and_the_rest_inserted(self):
        self.insert([row(2, "Old")])
        self.assertEqual(self.insert([row(1), row(2), row(3)]), Insertion(2, [1], {}))
        self.assertEqual(stored(User), [tuple(row(1)), tuple(row(2, "Old")), tuple(row(3))])

    def test_of_an_id_given_twice_the_first_stays(self):
        self.assertEqual(
            self.insert([row(1, "First"), row(2), row(1, "Second")]), Insertion(2, [2], {})
        )
        self.assertEqual(stored(User), [tuple(row(1, "First")), tuple(row(2))])

    def test_rows_the_database_refuses_are_found_by_halving(self):
        rows = [row(number, None if number in (3, 7) else "Ann") for number in range(1, 9)]
        inserted, conflicts, refused = self.insert(rows)
        self.assertEqual((inserted, conflicts, sorted(refused)), (6, [], [2, 6]))
        for error in refused.values():
            self.assertRegex(error, r"^Refused by the database: .*name")
        self.assertEqual([values[0] for values in stored(User)], [1, 2, 4, 5, 6, 8])


@skipUnlessSQLite
class FullDiskTests(LoadTestCase):
    def test_an_error_of_the_database_is_raised_and_nothing_kept(self):
        with connections["users"].cursor() as cursor:
            [pages] = cursor.execute("PRAGMA page_count").fetchone()
            cursor.execute(f"PRAGMA max_page_count={pages}")
        self.addCleanup(connections["users"].close)
        with self.assertRaisesMessage(OperationalError, "database or disk is full"):
            with transaction.atomic(using="users"):
                insert(User, "users", [row(number) for number in range(1, 10_001)])
        self.assertEqual(stored(User), [])


class UpdateTests(TestCase):
    databases = {"users"}

    def test_rows_go_over_those_with_their_ids_and_the_last_wins(self):
        insert(User, "users", [row(1, "Old"), row(2, "Old"), row(3, "Old")])
        rows = [row(1, "New"), row(3, "Newer"), row(3, "Newest")]
        self.assertEqual(update(User, "users", rows), {})
        self.assertEqual(
            stored(User), [tuple(row(1, "New")), tuple(row(2, "Old")), tuple(row(3, "Newest"))]
        )

    def test_rows_the_database_refuses_leave_the_old_ones(self):
        insert(User, "users", [row(1, "Old"), row(2, "Old")])
        refused = update(User, "users", [row(1, None), row(2, "New")])
        self.assertEqual(list(refused), [0])
        self.assertRegex(refused[0], r"^Refused by the database: .*name")
        self.assertEqual(stored(User), [tuple(row(1, "Old")), tuple(row(2, "New"))])
