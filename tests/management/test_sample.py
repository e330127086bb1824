import json
from unittest import mock

from django.db import OperationalError, connections
from django.db.backends.signals import connection_created

from distributed_insert.management import sample
from distributed_insert.models import Order, Product, User

from ..cases import CommandTestCase, PopulateTestCase, stored

WAYS = (
    "Name files with --orders FILE, --users FILE or --products FILE, or add --sample to load the "
    "sample all the same."
)
REAL = {"id": 1, "name": "Real Person", "email": "real@example.com"}


def refusal(*tables):
    return f"The sample is not loaded beside other records: {', '.join(tables)}. {WAYS}"


class OtherRecordsTests(PopulateTestCase):
    def test_error_for_a_record_with_an_id_of_the_sample_and_other_values(self):
        User.objects.create(**REAL)
        output = self.assert_fails(refusal("User (database 'users')"), 2)
        self.assertEqual(output, "")
        self.assertEqual(stored(User), [(1, "Real Person", "real@example.com")])
        self.assertEqual([stored(model) for model in (Product, Order)], [[], []])

    def test_error_for_a_record_with_another_id(self):
        self.populate()
        before = stored(User)
        User.objects.create(**{**REAL, "id": 11})
        self.assert_fails(refusal("User (database 'users')"), 2)
        self.assertEqual(stored(User), before + [(11, "Real Person", "real@example.com")])

    def test_error_for_a_record_in_the_place_of_one_that_the_sample_rejects(self):
        User.objects.create(**{**REAL, "id": 10})
        self.assert_fails(refusal("User (database 'users')"), 2)

    def test_error_names_every_table(self):
        User.objects.create(**REAL)
        Product.objects.create(id=70, name="Lamp", price=9.5)
        Order.objects.create(id=1, user_id=1, product_id=70, quantity=1)
        self.assert_fails(
            refusal(
                "Order (database 'orders')",
                "User (database 'users')",
                "Product (database 'products')",
            ),
            2,
        )

    def test_the_first_records_of_a_large_table_are_enough(self):
        self.populate()
        User.objects.bulk_create(User(**{**REAL, "id": n}) for n in range(11, 1011))
        fetched = []
        original = sample._holds_others

        def watch(dataset, *args):
            with connections[dataset.using].execute_wrapper(keep):
                return original(dataset, *args)

        def keep(execute, sql, *args):
            fetched.append(sql)
            return execute(sql, *args)

        with mock.patch.object(sample, "_holds_others", watch):
            self.assert_fails(refusal("User (database 'users')"), 2)
        self.assertEqual(
            [sql[-len("LIMIT 11") :] for sql in fetched if "distributed_insert_user" in sql],
            ["LIMIT 11"],
        )

    def test_the_sample_is_loaded_beside_other_records_where_it_is_asked_for(self):
        User.objects.create(**REAL)
        output, error = self.populate(sample=True)
        self.assertIsNone(error)
        self.assertIn("'errors': ['ID 1 already exists']", output)
        self.assertEqual(stored(User)[0], (1, "Real Person", "real@example.com"))
        self.assertEqual(len(stored(User)), 9)
        _, error = self.populate(sample=True, on_conflict="update")
        self.assertIsNone(error)
        self.assertEqual(stored(User)[0], (1, "Alice", "alice@example.com"))

    def test_files_are_loaded_beside_other_records(self):
        User.objects.create(**REAL)
        _, error = self.populate(users=self.file("u.csv", "id,name,email\n2,Ben,b@c\n"))
        self.assertIsNone(error)

    def test_a_part_of_the_sample_is_not_another_record(self):
        self.populate()
        User.objects.filter(id__gt=3).delete()
        Order.objects.all().delete()
        _, error = self.populate()
        self.assertIsNone(error)
        self.assertEqual([len(stored(model)) for model in (User, Product, Order)], [9, 9, 7])

    def test_a_dry_run_is_refused_too_and_the_summary_says_so(self):
        User.objects.create(**REAL)
        path = self.folder / "summary.json"
        message = refusal("User (database 'users')")
        self.assert_fails(message, 2, dry_run=True, summary=str(path))
        document = json.loads(path.read_text())
        self.assertEqual(
            (document["status"], document["exit_code"], document["error"]), ("failed", 2, message)
        )

    def test_error_for_a_database_that_fails(self):
        with mock.patch.object(
            sample, "has_table", side_effect=OperationalError("disk I/O\nerror")
        ):
            output = self.assert_fails("Database 'orders': disk I/O error", 1)
        self.assertEqual(output, "")

    def test_no_connection_is_left_open(self):
        opened = []

        def keep(connection, **kwargs):
            opened.append(connection)

        connection_created.connect(keep)
        self.addCleanup(connection_created.disconnect, keep)
        with mock.patch("distributed_insert.management.commands.populate_db.load") as load:
            load.side_effect = ZeroDivisionError
            with self.assertRaises(ZeroDivisionError):
                self.populate()
        self.assertEqual({each.alias for each in opened}, set(self.databases))
        self.assertEqual([each.alias for each in opened if each.connection], [])


class TypedTests(CommandTestCase):
    def test_real_records_stay_as_they_are(self):
        self.migrate()
        users = self.file("users.csv", "id,name,email\n1,Real Person,real@example.com\n")
        self.assertEqual(self.populate("--users", users).returncode, 0)
        message = refusal("User (database 'users')")
        for options in ([], ["--migrate"], ["--batch-size=2", "--workers=process"]):
            with self.subTest(options=options):
                process = self.populate(*options)
                self.assertEqual(
                    (process.returncode, process.stdout, process.stderr),
                    (2, "", f"CommandError: {message}\n"),
                )
        self.assertEqual(self.stored("users"), [(1, "Real Person", "real@example.com")])

    def test_the_advice_of_a_sample_that_failed_completes_it(self):
        self.migrate()
        script = (
            "import signal\n"
            "from unittest import mock\n"
            "from django.core.management import CommandError, call_command\n"
            "from distributed_insert.loading import load\n"
            "from distributed_insert.management.commands import populate_db\n"
            "written = []\n"
            "def stopped(sources, options, *_):\n"
            "    return load(sources, options, lambda: signal.SIGTERM if written else None,\n"
            "                lambda *progress: written.append(progress))\n"
            "with mock.patch.object(populate_db, 'load', stopped):\n"
            "    try:\n"
            "        call_command('populate_db', batch_size=1)\n"
            "    except CommandError as error:\n"
            "        print(error)\n"
        )
        advice = self.run_script(script).stdout.splitlines()[-1]
        again = advice.rpartition("run the same command again with ")[2]
        self.assertEqual(again, "--sample --on-conflict ignore.")
        process = self.populate(*again.rstrip(".").split())
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        self.assertEqual(
            [len(self.stored(alias)) for alias in ("users", "products", "orders")], [9, 9, 7]
        )
