"""What is PostgreSQL's alone, and the tests of the writers once more, on a server of their own."""

import unittest
from contextlib import ExitStack
from unittest import mock

from django.apps import apps
from django.core.management import call_command
from django.db import DataError, OperationalError, connections, models, transaction
from django.test import TestCase, TransactionTestCase, tag

from distributed_insert.loading import asking, postgresql, writers
from distributed_insert.loading.asking import atomic
from distributed_insert.loading.statements import Insert
from distributed_insert.loading.writers import Insertion, Update, insert_each, update
from distributed_insert.models import Product, User
from distributed_insert.references import missing_ids

from ..cases import database_at, stored
from ..servers import servers, why_not
from ..test_references import MissingIdsTests
from . import test_writers
from .test_writers import LEFT_OUT, Writes, columns, row

running = ExitStack()


def setUpModule():
    if why_not():
        raise unittest.SkipTest(why_not())
    [server] = running.enter_context(servers(1))
    running.enter_context(database_at("users", server.url()))
    call_command("migrate", database="users", verbosity=0)


def tearDownModule():
    running.close()


@tag("own_servers")
class InsertTests(test_writers.InsertTests):
    pass


@tag("own_servers")
class UpdateTests(test_writers.UpdateTests):
    pass


@tag("own_servers")
class ReadTests(test_writers.ReadTests):
    pass


@tag("own_servers")
class MissingTests(MissingIdsTests):
    pass


def execute(sql):
    with connections["users"].cursor() as cursor:
        cursor.execute(sql)


class PostgreSQLTestCase(Writes, TestCase):
    databases = {"users"}

    def trigger(self, event, action, when="true"):
        """Have the table of users do something before each `event`, INSERT or UPDATE."""
        execute(
            "CREATE FUNCTION test_trigger() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF {when} THEN {action}; END IF; RETURN NEW; END $$"
        )
        execute(
            f"CREATE TRIGGER test BEFORE {event} ON distributed_insert_user "
            "FOR EACH ROW EXECUTE FUNCTION test_trigger()"
        )


@tag("own_servers")
class CopyTests(PostgreSQLTestCase):
    def test_values_are_stored_as_they_are(self):
        names = (r"a\b", r"\N", r"\.", "Zoë 👍", '"', "'", "{}", "NULL", "%s", "a,b", "x" * 100)
        rows = [row(number, name) for number, name in enumerate(names, 1)]
        self.assertEqual(self.insert(rows), Insertion([], {}))
        self.assertEqual(stored(User), rows)
        User.objects.update(name="Old")
        self.assertEqual(self.update(rows), Update(0, {}))
        self.assertEqual(stored(User), rows)

    def test_all_rows_of_a_batch_are_sent_at_once(self):
        # In UTF-8, a name has more bytes than characters.
        rows = [(number, "Łucja", "lucja@example.com") for number in range(1, 5001)]
        writers.writer(User, "users")
        with self.assertNumQueries(3, using="users"):
            # A savepoint, the COPY and the end of the savepoint.
            with transaction.atomic(using="users"):
                self.assertEqual(
                    writers.insert_all(User, "users", columns(rows)), Insertion([], {})
                )
        self.assertEqual(stored(User), rows)

    def test_values_that_are_not_of_their_type_are_left_to_the_portable_statement(self):
        for suffix in ("", "ON CONFLICT DO NOTHING"):
            with self.subTest(suffix=suffix):
                write = writers.writer(User, "users", suffix)
                write(columns([("1", "Ann", "a@b"), (2, "Ben", "c@d")]))
                self.assertEqual(stored(User), [(1, "Ann", "a@b"), (2, "Ben", "c@d")])
                User.objects.all().delete()

    def test_error_for_rows_in_a_transaction_that_has_ended(self):
        with self.assertRaises(transaction.TransactionManagementError):
            with transaction.atomic(using="users"):
                transaction.set_rollback(True, using="users")
                writers.insert_all(User, "users", columns([row(1)]))
        self.assertEqual(stored(User), [])

    def test_another_driver_gets_the_portable_statements(self):
        with mock.patch("django.db.backends.postgresql.psycopg_any.is_psycopg3", False):
            self.assertIs(type(writers.writer(User, "users")), Insert)
        self.assertIs(type(writers.writer(User, "users")), postgresql.Copy)

    def test_a_table_into_which_copy_goes_otherwise_gets_the_portable_statements(self):
        kept = "id int, name text"
        for columns_, more in (
            # COPY would take the bytes of a price for an amount of money, or a whole number.
            (f"{kept}, price money", ""),
            (f"{kept}, price bigint", ""),
            (f"{kept}, price numeric", ""),
            ("id bigint, name text, price float8", ""),
            (f"{kept}, price float8", "CREATE RULE r AS ON INSERT TO {table} DO ALSO SELECT 1"),
            (f"{kept}, price float8", "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
        ):
            with self.subTest(columns=columns_, more=more):
                table = Product._meta.db_table
                execute(f"DROP TABLE IF EXISTS {table}")
                execute(f"CREATE TABLE {table} ({columns_})")
                if more:
                    execute(more.format(table=table))
                postgresql.column_types.cache_clear()
                self.addCleanup(postgresql.column_types.cache_clear)
                write = writers.writer(Product, "users")
                self.assertIs(type(write), Insert)
                write(columns([(1, "Lamp", 250.0)]))
                with connections["users"].cursor() as cursor:
                    cursor.execute(f"SELECT id, name, price::numeric FROM {table}")
                    self.assertEqual(cursor.fetchall(), [(1, "Lamp", 250)])

    def test_copy_goes_into_columns_of_a_like_type_in_any_order(self):
        execute("CREATE DOMAIN amount AS float8 CHECK (VALUE > 0)")
        execute(
            "CREATE TABLE distributed_insert_product "
            "(price amount, more int DEFAULT 7, name char(4), id int)"
        )
        write = writers.writer(Product, "users")
        self.assertIs(type(write), postgresql.Copy)
        write(columns([(1, "Lamp", 2.5)]))
        self.assertEqual(list(Product.objects.using("users").values_list()), [(1, "Lamp", 2.5)])

    def test_numbers_of_any_size_are_stored_as_they_are(self):
        prices = [5e-324, 0.1, 1 / 3, 1.7976931348623157e308, 3]
        execute("CREATE TABLE distributed_insert_product (id int, name text, price float8)")
        rows = [(number, "Lamp", price) for number, price in enumerate(prices, 1)]
        writers.writer(Product, "users")(columns(rows))
        self.assertEqual(list(Product.objects.using("users").values_list()), rows)


@tag("own_servers")
class TriggerTests(PostgreSQLTestCase):
    def test_a_row_that_is_skipped_is_refused(self):
        self.trigger("INSERT", "RETURN NULL", "NEW.id = 2")
        self.assertEqual(self.insert([row(1), row(2), row(3)]), Insertion([], {1: LEFT_OUT}))
        self.assertEqual(stored(User), [row(1), row(3)])

    def test_what_was_done_for_a_row_that_is_skipped_is_rolled_back(self):
        execute("CREATE TABLE elsewhere (id int)")
        skip = "INSERT INTO elsewhere VALUES (NEW.id); RETURN NULL"
        self.trigger("INSERT", skip, "NEW.id = 2")
        self.assertEqual(self.insert([row(1), row(2)]), Insertion([], {1: LEFT_OUT}))
        with connections["users"].cursor() as cursor:
            cursor.execute("SELECT id FROM elsewhere")
            self.assertEqual(cursor.fetchall(), [])

    def test_an_update_that_is_skipped_is_refused(self):
        self.insert([row(1, "Old"), row(2, "Old")])
        self.trigger("UPDATE", "RETURN NULL", "NEW.id = 2")
        self.assertEqual(self.update([row(1), row(2), row(3)]), Update(0, {1: LEFT_OUT}))
        self.assertEqual(stored(User), [row(1), row(2, "Old"), row(3)])

    def test_what_a_trigger_raises_is_told_without_details(self):
        self.trigger("INSERT", "RAISE EXCEPTION 'no % here', NEW.id", "NEW.id % 2 = 0")
        refused = {1: "Refused by the database: no 2 here", 3: "Refused by the database: no 4 here"}
        rows = [row(1), row(2), row(3), row(4)]
        self.assertEqual(self.insert(rows), Insertion([], refused))
        self.assertEqual(stored(User), [row(1), row(3)])

    def test_the_same_is_found_without_a_language_for_procedures(self):
        self.trigger("INSERT", "RAISE EXCEPTION 'no\n% here', NEW.id", "NEW.id % 2 = 0")
        rows = [row(1), row(2), row(3), row(4)]
        with mock.patch.object(postgresql, "SEARCH", "not a program"):
            found = self.insert(rows)
        User.objects.all().delete()
        self.assertEqual(found, self.insert(rows))
        self.assertEqual(found.refused[1], "Refused by the database: no 2 here")

    def test_refused_rows_are_found_in_one_turn(self):
        self.trigger("INSERT", "RAISE EXCEPTION 'no'", "NEW.id % 9 = 0")
        rows = [row(number) for number in range(1, 1001)]
        with self.assertNumQueries(10, using="users"):
            conflicts, refused = self.insert(rows)
        self.assertEqual((conflicts, list(refused)), ([], list(range(8, 1000, 9))))
        self.assertEqual(len(stored(User)), 889)

    def test_a_fault_of_the_server_is_not_blamed_on_a_row(self):
        self.trigger(
            "INSERT",
            "IF NEW.id = 2 THEN RAISE EXCEPTION 'no'; END IF; "
            "RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'",
            "NEW.id > 1",
        )
        for rows in ([row(1), row(3)], [row(1), row(2), row(3)]):
            with self.subTest(rows=rows):
                again = mock.patch.object(Insert, "_search")
                with again as search, self.assertRaisesMessage(OperationalError, "full"):
                    self.insert(rows)
                search.assert_not_called()
                self.assertEqual(stored(User), [])

    def test_columns_may_have_the_names_of_variables(self):
        class Reading(models.Model):
            inserted = models.IntegerField(primary_key=True)
            message = models.CharField(max_length=2)

            class Meta:
                app_label = "sensors"

        self.addCleanup(apps.all_models.pop, "sensors")
        with connections["users"].schema_editor() as editor:
            editor.create_model(Reading)
        too_long = "Refused by the database: value too long for type character varying(2)"
        given = [[1, 2, 3], ["ab", "abc", "b"]]
        self.assertEqual(insert_each(Reading, "users", given), Insertion([], {1: too_long}))
        given = [[1, 3], ["c", "def"]]
        with mock.patch.object(Insert, "_search", side_effect=AssertionError):
            self.assertEqual(update(Reading, "users", given), Update(0, {1: too_long}))
        rows = Reading.objects.using("users").order_by("pk").values_list()
        self.assertEqual(list(rows), [(1, "c"), (3, "b")])


@tag("own_servers")
class PlanTests(PostgreSQLTestCase):
    """An index is searched for ids, however many they are: a table may be large."""

    def plan(self, ask):
        """Return how the server does what is asked of it."""
        asked = []

        def keep(execute, sql, params, *args):
            asked.append((sql, params))
            return execute(sql, params, *args)

        self.insert([row(number) for number in range(1, 3001)])
        execute("ANALYZE distributed_insert_user")
        with connections["users"].execute_wrapper(keep):
            ask(User, "users", range(1, 1001))
        [(sql, params)] = asked
        with connections["users"].cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}", params)
            return "\n".join(line for (line,) in cursor.fetchall())

    def test_to_find_the_missing_ids(self):
        plan = self.plan(missing_ids)
        self.assertIn("Index Only Scan using distributed_insert_user_pkey", plan)
        self.assertNotIn("Seq Scan", plan)

    def test_to_fetch_stored_rows(self):
        plan = self.plan(writers.stored_rows)
        self.assertIn("Index Scan using distributed_insert_user_pkey", plan)
        self.assertNotIn("Seq Scan", plan)


@tag("own_servers")
class QuestionTests(TransactionTestCase):
    """What is asked in the turn in which a transaction or a savepoint begins."""

    databases = {"users"}

    def asked(self, *ids):
        with atomic(User, "users", set(ids)) as stored_ids:
            User.objects.create(id=max(ids) + 1, name="Ann", email="a@b")
        return stored_ids

    def test_the_stored_ids_are_those_stored_before(self):
        self.assertEqual(self.asked(1, 2), set())
        self.assertEqual(self.asked(1, 3, 4), {3})
        with transaction.atomic(using="users"):
            self.assertEqual(self.asked(3, 5, 6), {3, 5})
        self.assertEqual([values[0] for values in stored(User)], [3, 5, 7])

    def test_the_block_is_a_transaction_or_a_savepoint(self):
        with self.assertRaisesMessage(ZeroDivisionError, ""), atomic(User, "users", {1}):
            User.objects.create(id=1, name="Ann", email="a@b")
            raise ZeroDivisionError
        with transaction.atomic(using="users"):
            User.objects.create(id=2, name="Ann", email="a@b")
            with self.assertRaisesMessage(ZeroDivisionError, ""), atomic(User, "users", {1}):
                User.objects.create(id=1, name="Ann", email="a@b")
                raise ZeroDivisionError
        self.assertEqual([values[0] for values in stored(User)], [2])

    def test_the_transaction_has_the_level_of_isolation_that_is_set(self):
        level = connections["users"].Database.IsolationLevel.SERIALIZABLE
        connections["users"].ensure_connection()
        self.addCleanup(connections["users"].close)
        connections["users"].connection.isolation_level = level
        with atomic(User, "users", {1}), connections["users"].cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            self.assertEqual(cursor.fetchone(), ("serializable",))

    def test_errors_are_those_of_django(self):
        def ask(sql):
            with asking.atomic_asking("users", sql, []):
                self.fail("No answer")

        with self.assertRaisesMessage(DataError, "division by zero"):
            ask("SELECT 1 / 0")
        with transaction.atomic(using="users"):
            with self.assertRaisesMessage(DataError, "division by zero"):
                ask("SELECT 1 / 0")
            User.objects.create(id=1, name="Ann", email="a@b")
        self.assertEqual(self.asked(1), {1})
        with self.assertRaisesMessage(OperationalError, "terminating connection"):
            ask("SELECT pg_terminate_backend(pg_backend_pid())")

    def test_a_driver_without_pipelines_takes_a_turn_more(self):
        driver = connections["users"].Database
        without = mock.patch.multiple(
            driver.Pipeline, is_supported=lambda: False, __init__=mock.Mock(side_effect=TypeError)
        )
        with without, transaction.atomic(using="users"):
            self.assertEqual(self.asked(1, 2), set())
            self.assertEqual(self.asked(1, 3), {3})
