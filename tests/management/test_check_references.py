import io
import json
import os
import signal
import sqlite3
from contextlib import closing
from unittest import mock, skipIf

from django.core.management import CommandError, call_command
from django.db import OperationalError

from distributed_insert import references
from distributed_insert.management.output import SummaryFile
from distributed_insert.models import Order, Product, User

from ..cases import CommandTestCase, FilesTestCase, LoadTestCase, needs, printed_lists

TITLE = "Order records that refer to nothing"


class CheckReferencesTests(LoadTestCase):
    def setUp(self):
        super().setUp()
        User.objects.create(id=1, name="Ann", email="a@b")
        Product.objects.create(id=1, name="Lamp", price=9.5)

    def order(self, number, user, product):
        Order.objects.create(id=number, user_id=user, product_id=product, quantity=1)

    def check(self, **options):
        output, error = io.StringIO(), None
        try:
            call_command("check_references", stdout=output, **options)
        except CommandError as raised:
            error = raised
        return output.getvalue(), error

    def test_references_that_all_exist_exit_with_0(self):
        self.order(1, 1, 1)
        output, error = self.check()
        self.assertIsNone(error)
        self.assertEqual(printed_lists(output), {TITLE: []})
        self.assertEqual(
            [line.rsplit(maxsplit=1)[0] for line in output.splitlines()[-3:]],
            [
                "Model  Database  Read  Rejected",
                "Order  orders       1         0",
                "Total               1         0",
            ],
        )

    def test_missing_references_are_listed_and_exit_with_3_whatever_the_batch_size(self):
        self.order(1, 1, 1)
        self.order(5, 8, 1)
        self.order(7, 8, 9)
        for batch_size in (1, 2, 10):
            with self.subTest(batch_size=batch_size):
                output, error = self.check(batch_size=batch_size)
                self.assertEqual(
                    (str(error), error.returncode),
                    ("2 records have references that do not exist.", 3),
                )
                self.assertEqual(
                    printed_lists(output),
                    {
                        TITLE: [
                            {
                                "data": {"id": 5, "user_id": 8, "product_id": 1, "quantity": 1},
                                "success": False,
                                "errors": ["Invalid reference: user 8 does not exist"],
                                "file": "database 'orders'",
                                "record": 2,
                                "line": None,
                            },
                            {
                                "data": {"id": 7, "user_id": 8, "product_id": 9, "quantity": 1},
                                "success": False,
                                "errors": [
                                    "Invalid reference: user 8 does not exist",
                                    "Invalid reference: product 9 does not exist",
                                ],
                                "file": "database 'orders'",
                                "record": 3,
                                "line": None,
                            },
                        ]
                    },
                )

    def test_all_of_them_are_listed(self):
        for number in range(1, 26):
            self.order(number, 8, 1)
        output, error = self.check(batch_size=7)
        self.assertEqual(
            [reject["record"] for reject in printed_lists(output)[TITLE]], list(range(1, 26))
        )

    @skipIf(os.name == "nt", "Windows has no way for a process to send itself this signal.")
    def test_an_interrupt_stops_it_at_the_next_batch(self):
        for number in (1, 2, 3):
            self.order(number, 8, 1)
        original = references.missing_ids

        def interrupted(model, *args):
            if model is User:
                os.kill(os.getpid(), signal.SIGTERM)
            return original(model, *args)

        with mock.patch.object(references, "missing_ids", interrupted):
            output, error = self.check(batch_size=2)
        self.assertEqual(
            (str(error), error.returncode),
            ("Stopped before the end. 2 records have references that do not exist.", 143),
        )
        self.assertIn("Order  orders       2         2", output)

    def test_the_summary_is_a_document(self):
        self.order(5, 8, 9)
        self.order(6, 1, 9)
        path = self.folder / "summary.json"
        self.check(summary=str(path))
        document = json.loads(path.read_text())
        order = document["models"]["order"]
        self.assertEqual(
            (document["status"], document["exit_code"], order["read"], order["rejected"]),
            ("complete", 3, 2, 2),
        )
        self.assertEqual(
            list(order["reasons"].items()),
            [
                ("Invalid reference: product does not exist", 2),
                ("Invalid reference: user does not exist", 1),
            ],
        )

    def test_error_for_a_summary_that_would_replace_another_file(self):
        path = self.file("mine.json", '{"mine": 1}')
        output, error = self.check(summary=path)
        self.assertEqual(
            (output, str(error), error.returncode),
            ("", f"{path}: the summary would replace another file.", 2),
        )

    def test_a_check_that_fails_is_a_failure_in_the_summary(self):
        path = self.folder / "summary.json"
        self.check(summary=str(path))
        self.assertEqual(json.loads(path.read_text())["status"], "complete")
        self.order(5, 8, 1)
        error = OperationalError("disk I/O error")
        with mock.patch.object(references, "missing_ids", side_effect=error):
            _, failure = self.check(summary=str(path), batch_size=7)
        self.assertEqual(
            (str(failure), failure.returncode),
            ("Database 'users': disk I/O error", 1),
        )
        self.assertEqual(
            json.loads(path.read_text()),
            {
                "status": "failed",
                "exit_code": 1,
                "error": "Database 'users': disk I/O error",
                "options": {"batch_size": 7},
            },
        )

    def test_a_summary_that_cannot_be_written_is_a_failure_and_the_report_appears(self):
        path = self.folder / "summary.json"
        message = f"{path}: the summary cannot be written: No space left on device."
        with mock.patch.object(SummaryFile, "finish", return_value=message):
            output, error = self.check(summary=str(path))
        self.assertEqual((str(error), error.returncode), (message, 1))
        self.assertIn("Order  orders       0         0", output)


class CommandTests(CommandTestCase):
    def check(self, *options):
        return self.manage("check_references", *options)

    def test_error_for_databases_without_tables_names_the_commands(self):
        self.manage("migrate", "--database=products")
        summary = self.folder / "summary.json"
        process = self.check("--summary", str(summary))
        message = (
            "Database 'orders' has no table for Order records. "
            "Create it with: python manage.py migrate --database=orders\n"
            "Database 'users' has no table for User records. "
            "Create it with: python manage.py migrate --database=users"
        )
        self.assertEqual(
            (process.returncode, process.stdout, process.stderr),
            (1, "", f"CommandError: {message}\n"),
        )
        document = json.loads(summary.read_text())
        self.assertEqual((document["status"], document["error"]), ("failed", message))

    def test_the_summary_goes_alone_to_standard_output(self):
        self.migrate()
        process = self.check("--summary", "-")
        self.assertEqual((process.returncode, json.loads(process.stdout)["exit_code"]), (0, 0))
        self.assertEqual(
            process.stderr.splitlines()[:3], ["Order records that refer to nothing: [", "]", ""]
        )


class FileCommandTests(FilesTestCase):
    @needs("dj_database_url", "dj-database-url")
    def test_error_for_a_locked_database_says_the_remedy(self):
        self.migrate()
        with closing(sqlite3.connect(str(self.folder / "users.db"))) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            url = f"sqlite:///{self.folder}/users.db?timeout=0"
            process = self.manage("check_references", env=self.environment(USERS_DATABASE_URL=url))
        self.assertEqual(
            (process.returncode, process.stdout, process.stderr),
            (
                1,
                "",
                "CommandError: Database 'users': database is locked. Another process is writing "
                "to it: run the command again when that is done.\n",
            ),
        )
