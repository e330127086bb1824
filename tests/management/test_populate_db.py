import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, redirect_stderr, suppress
from pathlib import Path
from unittest import mock, skipIf, skipUnless

from django.db import OperationalError

from distributed_insert import reports
from distributed_insert.loading import worker
from distributed_insert.management.commands.populate_db import Command
from distributed_insert.management.output import Printer
from distributed_insert.models import Order, Product, User
from distributed_insert.sample_data import ORDERS, PRODUCTS, USERS

from ..cases import (
    MODEL_ALIASES,
    ROOT,
    CommandTestCase,
    FilesTestCase,
    PopulateTestCase,
    needs,
    printed_lists,
    stored,
    wait_until,
)
from ..generated import write_files

SAMPLE_ERRORS = {
    "Order": {
        8: ["Quantity must be positive"],
        9: ["Quantity must be positive"],
        10: [
            "Invalid reference: user 10 does not exist",
            "Invalid reference: product 11 does not exist",
        ],
    },
    "User": {10: ["Name cannot be empty"]},
    "Product": {10: ["Price must be positive"]},
}


def expected_lists(errors):
    return {
        f"{name} insert results": [
            {
                "data": record,
                "success": record["id"] not in errors[name],
                "errors": errors[name].get(record["id"]),
            }
            for record in records
        ]
        for name, records in (("Order", ORDERS), ("User", USERS), ("Product", PRODUCTS))
    }


class SampleTests(PopulateTestCase):
    def test_the_sample_is_loaded_and_every_record_is_listed(self):
        output, error = self.populate()
        self.assertIsNone(error)
        lists = printed_lists(output)
        self.assertEqual(list(lists.items()), list(expected_lists(SAMPLE_ERRORS).items()))
        self.assertEqual(
            stored(User),
            [(r["id"], r["name"], r["email"]) for r in USERS if r["id"] != 10],
        )
        self.assertEqual(
            stored(Product), [(r["id"], r["name"], r["price"]) for r in PRODUCTS if r["id"] != 10]
        )
        self.assertEqual(
            stored(Order),
            [(r["id"], r["user_id"], r["product_id"], r["quantity"]) for r in ORDERS[:7]],
        )

    def test_the_sample_has_no_progress_bars(self):
        terminal = mock.patch.object(Printer, "is_terminal", True)
        with terminal, mock.patch.object(reports, "bars") as bars:
            _, error = self.populate()
        self.assertIsNone(error)
        bars.assert_not_called()

    def test_the_output_has_one_record_per_line_and_a_summary(self):
        lines = self.populate()[0].splitlines()
        self.assertEqual(
            lines[:2] + lines[8:12],
            [
                "Order insert results: [",
                "  {'data': {'id': 1, 'user_id': 1, 'product_id': 1, 'quantity': 2}, "
                "'success': True, 'errors': None},",
                "  {'data': {'id': 8, 'user_id': 8, 'product_id': 8, 'quantity': 0}, "
                "'success': False, 'errors': ['Quantity must be positive']},",
                "  {'data': {'id': 9, 'user_id': 9, 'product_id': 1, 'quantity': -1}, "
                "'success': False, 'errors': ['Quantity must be positive']},",
                "  {'data': {'id': 10, 'user_id': 10, 'product_id': 11, 'quantity': 2}, "
                "'success': False, 'errors': ['Invalid reference: user 10 does not exist', "
                "'Invalid reference: product 11 does not exist']},",
                "]",
            ],
        )
        self.assertEqual(
            [line.rsplit(maxsplit=1)[0] for line in lines[-5:-1]],
            [
                "Order    orders      10         7         3",
                "User     users       10         9         1",
                "Product  products    10         9         1",
                "Total                30        25         5",
            ],
        )
        self.assertEqual(lines[-1], f"Workers: one {self.named_workers} per model.")

    def test_a_second_run_changes_nothing_and_says_what_already_exists(self):
        self.populate()
        before = [stored(model) for model in (User, Product, Order)]
        output, error = self.populate()
        self.assertIsNone(error)
        self.assertEqual([stored(model) for model in (User, Product, Order)], before)
        stored_before = {"Order": range(1, 8), "User": range(1, 10), "Product": range(1, 10)}
        self.assertEqual(
            printed_lists(output),
            expected_lists(
                {
                    name: {**{n: [f"ID {n} already exists"] for n in stored_before[name]}, **errors}
                    for name, errors in SAMPLE_ERRORS.items()
                }
            ),
        )

    def test_the_output_does_not_depend_on_the_batch_size(self):
        first = self.populate(batch_size=3)[0]
        for model in (User, Product, Order):
            model.objects.all().delete()
        second = self.populate(batch_size=10_000)[0]
        self.assertEqual(printed_lists(first), printed_lists(second))


class FileTests(PopulateTestCase):
    users = "id,name,email\n1,Ann,ann@example.com\n2,Ben,ben@example.com\n"
    products = "price,id,name\n9.5,1,Lamp\n"

    def test_files_are_loaded_instead_of_the_sample(self):
        output, error = self.populate(
            users=self.file("u.csv", self.users),
            products=self.file("p.csv", self.products),
            orders=self.file("o.csv", "id,user_id,product_id,quantity\n1,2,1,3\n"),
        )
        self.assertIsNone(error)
        self.assertEqual(
            printed_lists(output), {"Order rejects": [], "User rejects": [], "Product rejects": []}
        )
        self.assertEqual(
            stored(User), [(1, "Ann", "ann@example.com"), (2, "Ben", "ben@example.com")]
        )
        self.assertEqual(stored(Product), [(1, "Lamp", 9.5)])
        self.assertEqual(stored(Order), [(1, 2, 1, 3)])

    def test_rejects_are_listed_with_file_record_and_line_and_exit_status_3(self):
        path = self.file("u.csv", 'id,name,email\n1,"A\nnn",a@b\n\n2,Ben,b@c\n2,Bob,\n3,Cid\n')
        output = self.assert_fails("3 records were rejected.", returncode=3, users=path)
        self.assertEqual(
            printed_lists(output),
            {
                "User rejects": [
                    {
                        "data": {"id": "1", "name": "A\nnn", "email": "a@b"},
                        "success": False,
                        "errors": ["Name contains invalid characters"],
                        "file": path,
                        "record": 1,
                        "line": 2,
                    },
                    {
                        "data": {"id": "2", "name": "Bob", "email": ""},
                        "success": False,
                        "errors": ["ID 2 already exists", "Email cannot be empty"],
                        "file": path,
                        "record": 3,
                        "line": 6,
                    },
                    {
                        "data": {"id": "3", "name": "Cid"},
                        "success": False,
                        "errors": ["Missing field: email"],
                        "file": path,
                        "record": 4,
                        "line": 7,
                    },
                ]
            },
        )
        self.assertEqual(stored(User), [(2, "Ben", "b@c")])

    def test_a_name_of_two_words_makes_one_option_and_one_file_of_rejects(self):
        path = self.file("p.csv", "id,name,price\n1,Lamp,1\n2,,2\n")
        rejects = self.folder / "rejects"
        with mock.patch.object(Product._meta, "verbose_name_plural", "order items"):
            _, error = self.populate(f"--order-items={path}", rejects=str(rejects))
        self.assertEqual(str(error), "1 record was rejected.")
        self.assertEqual(stored(Product), [(1, "Lamp", 1.0)])
        self.assertEqual(
            {file.name: file.read_text() for file in rejects.iterdir()},
            {"order_items.csv": "_line,_errors,id,name,price\n3,Name cannot be empty,2,,2\n"},
        )

    def test_twenty_rejects_are_listed_and_the_others_counted(self):
        lines = "".join(f"{n},,a@b\n" for n in range(1, 1035))
        path = self.file("u.csv", "id,name,email\n" + lines)
        output = self.assert_fails("1,034 records were rejected.", returncode=3, users=path)
        rejects = printed_lists(output)["User rejects"]
        self.assertEqual([reject["record"] for reject in rejects], list(range(1, 21)))
        self.assertEqual(
            output[output.index("\n]\n") : output.index("\n\n")],
            "\n]\n... and 1,014 more; to have them written to files, add --rejects DIR\n"
            "By reason:\n  Name cannot be empty: 1,034",
        )

    def test_verbosity_2_lists_all_rejects(self):
        lines = "".join(f"{n},,a@b\n" for n in range(1, 1035))
        path = self.file("u.csv", "id,name,email\n" + lines)
        output = self.assert_fails(
            "1,034 records were rejected.", returncode=3, users=path, verbosity=2
        )
        rejects = printed_lists(output)["User rejects"]
        self.assertEqual([reject["record"] for reject in rejects], list(range(1, 1035)))
        self.assertIn("\n]\nBy reason:\n  Name cannot be empty: 1,034\n\n", output)

    def test_verbosity_0_lists_no_record(self):
        path = self.file("u.csv", "id,name,email\n1,,a@b\n2,Ben,b@c\n3,,b\n")
        output = self.assert_fails(
            "2 records were rejected.",
            returncode=3,
            users=path,
            rejects=str(self.folder / "rejects"),
            verbosity=0,
        )
        self.assertEqual(
            re.sub(r"\d\.\d\d$", "n.nn", output, flags=re.M),
            f"Written to {self.folder / 'rejects' / 'users.csv'}\n"
            "User rejects by reason:\n  Name cannot be empty: 2\n  Email is not valid: 1\n\n"
            "Model  Database  Read  Inserted  Rejected  Seconds\n"
            "User   users        3         1         2     n.nn\n"
            "Total               3         1         2     n.nn\n"
            f"Workers: one {self.named_workers} per model.\n",
        )

    def test_error_for_files_that_cannot_be_read_names_them_all_and_nothing_is_written(self):
        missing = str(self.folder / "u.csv")
        wrong = self.file("p.csv", "id,title\n")
        output = self.assert_fails(
            f"{missing}: No such file or directory.\n"
            f"{wrong}: wrong header: missing columns 'name', 'price'; unknown column 'title'. "
            "Its columns are 'id', 'title'; it must name id, name, price, each once, in any order. "
            "For each with another name, say so: --map product.name=title. To ignore other "
            "columns: --ignore-unknown.\n"
            "Nothing was stored.",
            users=missing,
            products=wrong,
            orders=self.file("o.csv", "id,user_id,product_id,quantity\n1,1,1,1\n"),
        )
        self.assertEqual(output, "")
        self.assertEqual(stored(Order), [])

    def test_error_in_the_middle_says_what_was_committed(self):
        original = worker.insert_all

        def insert(model, using, columns):
            if model is User and columns[0][0] == 2:
                raise OperationalError("database or disk is full")
            return original(model, using, columns)

        with mock.patch.object(worker, "insert_all", insert):
            output = self.assert_fails(
                "Database 'users': database or disk is full\nStored before that: User 1. "
                "To complete the load, run the same command again with --on-conflict ignore.",
                users=self.file("u.csv", self.users),
                batch_size=1,
            )
        self.assertEqual(stored(User), [(1, "Ann", "ann@example.com")])
        self.assertEqual(printed_lists(output), {"User rejects": []})


class CommandTests(CommandTestCase):
    def test_migrate_creates_the_tables_and_the_sample_exits_with_0(self):
        process = self.populate("--migrate")
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        self.assertEqual(printed_lists(process.stdout), expected_lists(SAMPLE_ERRORS))

    def test_error_for_databases_without_tables_names_the_commands(self):
        self.manage("migrate", "--database=products")
        process = self.populate()
        self.assertEqual(
            (process.returncode, process.stdout, process.stderr),
            (
                1,
                "",
                "CommandError: Database 'orders' has no table for Order records. "
                "Create it with: python manage.py migrate --database=orders\n"
                "Database 'users' has no table for User records. "
                "Create it with: python manage.py migrate --database=users\n"
                "Nothing was stored.\n",
            ),
        )
        for alias in ("orders", "users"):
            self.manage("migrate", f"--database={alias}")
        process = self.populate()
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        self.assertEqual(printed_lists(process.stdout), expected_lists(SAMPLE_ERRORS))

    def test_exit_status_3_for_rejects(self):
        self.migrate()
        users = self.file("users.csv", "id,name,email\n1,,a@b\n2,Ben,b@c\n")
        process = self.populate("--users", users)
        self.assertEqual(
            (process.returncode, process.stderr), (3, "CommandError: 1 record was rejected.\n")
        )

    def test_exit_status_2_for_wrong_usage(self):
        for option, message in (
            ("--batch-size=0", "argument --batch-size: '0' is not a positive integer"),
            ("--batch-size=x", "argument --batch-size: 'x' is not a positive integer"),
            ("--users", "argument --users: expected one argument"),
            (
                "--batch-size=9999999999",
                "argument --batch-size: '9999999999' is not a positive integer",
            ),
            ("--max-errors=-1", "argument --max-errors: '-1' is not 0 or a positive integer"),
            (
                "--users=x --users=y".split(),
                "argument --users: given twice, but a model is loaded from one file",
            ),
            ("--encoding=hex", "argument --encoding: 'hex' is not a text encoding"),
            ("--encoding=idna", "argument --encoding: 'idna' is not a text encoding"),
            ("--encoding=none", "argument --encoding: 'none' is not a text encoding"),
            ("--delimiter=ab", "argument --delimiter: 'ab' is not a single character"),
            ("--map=name", "argument --map: 'name' is not of the form MODEL.FIELD=COLUMN"),
            ("--summary=", "argument --summary: a path is needed"),
            ("--zip=x", "unrecognized arguments: --zip=x"),
        ):
            with self.subTest(option=option):
                command = Command()
                command._called_from_command_line = True
                parser = command.create_parser("manage.py", "populate_db")
                errors = io.StringIO()
                with redirect_stderr(errors), self.assertRaises(SystemExit) as caught:
                    parser.parse_args([option] if isinstance(option, str) else option)
                self.assertEqual(caught.exception.code, 2)
                self.assertEqual(
                    errors.getvalue(), f"manage.py populate_db: error: {message}. See --help.\n"
                )
        self.assertEqual(self.populate("--batch-size=0").returncode, 2)

    def test_a_closed_pipe_is_not_an_error(self):
        self.migrate()
        read_end, write_end = os.pipe()
        os.close(read_end)
        process = self.populate(stdout=write_end)
        os.close(write_end)
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        self.assertEqual(len(self.stored("users")), 9)

    @skipUnless(os.path.exists("/dev/full"), "Needs a device that is always full: Linux has one.")
    def test_output_that_cannot_be_written_is_one_message_and_the_summary_is_true(self):
        self.migrate()
        users = self.file("users.csv", "id,name,email\n1,Ann,a@b\n2,,b@c\n")
        summary = self.folder / "summary.json"
        summary.write_text('{\n  "status": "complete",\n  "exit_code": 0\n}\n')
        with open("/dev/full", "w") as full:
            process = self.populate("--users", users, "--summary", str(summary), stdout=full)
        self.assertEqual(
            (process.returncode, process.stderr),
            (
                1,
                "CommandError: The report cannot be written: No space left on device.\n"
                "1 record was rejected.\n",
            ),
        )
        document = json.loads(summary.read_text())
        self.assertEqual(
            (document["status"], document["exit_code"], document["models"]["user"]["inserted"]),
            ("complete", 3, 1),
        )
        self.assertEqual(self.stored("users"), [(1, "Ann", "a@b")])

    @skipUnless(os.path.exists("/dev/full"), "Needs a device that is always full: Linux has one.")
    def test_output_that_cannot_be_written_does_not_hide_why_the_load_gave_up(self):
        self.migrate()
        users = self.file("users.csv", "id,name,email\n1,Ann,a@b\n2,,b@c\n")
        with open("/dev/full", "w") as full:
            process = self.populate(
                *("--users", users, "--max-errors", "0", "--batch-size", "1"), stdout=full
            )
        self.assertEqual(
            (process.returncode, process.stderr),
            (
                1,
                "CommandError: The report cannot be written: No space left on device.\n"
                "Gave up: more records were rejected than --max-errors 0 allows. Fix them or allow "
                "more before you run it again.\n"
                "Stored before that: User 1. To complete the load, run the same command again "
                "with --on-conflict ignore.\n",
            ),
        )

    @skipIf(os.name == "nt", "Windows has no such signals.")
    def test_a_signal_stops_the_load_and_the_summary_still_appears(self):
        self.migrate()
        summary = self.folder / "summary.json"
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number=number):
                process = self.start(
                    *("--users", "-", "--batch-size", "100", "--on-conflict", "update"),
                    *("--summary", str(summary)),
                )
                # More than a pipe holds: when it is written, the load has begun to read it.
                process.stdin.write("id,name,email\n" + "1,Ann,a@b\n" * 50_000)
                process.stdin.flush()
                process.send_signal(number)
                output, errors = process.communicate()
                self.assertEqual(process.returncode, code)
                self.assertRegex(
                    errors,
                    rf"^CommandError: Stopped by {number.name}\.\s"
                    r"(Nothing was stored\.|Stored before that: User [\d,]+\. "
                    r"To complete the load, run the same command again\.)\n$",
                )
                self.assertIn("Model  Database", output)
                document = json.loads(summary.read_text())
                self.assertEqual((document["status"], document["exit_code"]), ("interrupted", code))

    @skipIf(os.name == "nt", "Windows can wait for sockets only.")
    def test_one_signal_is_enough_while_standard_input_is_silent(self):
        self.migrate()
        products = self.file("products.csv", "id,name,price\n1,Lamp,9.5\n")
        options = ("--products", products, "--users", "-", "--on-conflict", "ignore")
        # More than a pipe holds, and no whole line: when it is written, the load waits for more.
        beginning = "id,name,email,_" + "x" * 300_000
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            for workers in ("thread", "process"):
                with self.subTest(number=number, workers=workers):
                    process = self.start(*options, f"--workers={workers}")
                    self.addCleanup(process.kill)
                    process.stdin.write(beginning)
                    process.stdin.flush()
                    process.send_signal(number)
                    # Its standard input stays open.
                    self.assertEqual(process.wait(timeout=60), code)
                    self.assertEqual(
                        process.stderr.read(),
                        f"CommandError: Stopped by {number.name}. Nothing was stored.\n",
                    )
                    process.communicate()

    @skipIf(os.name == "nt", "Windows can wait for sockets only.")
    def test_what_other_models_have_stored_when_standard_input_is_silent_is_said(self):
        self.migrate()
        products = self.file("products.csv", "id,name,price\n1,Lamp,9.5\n")
        process = self.start("--products", products, "--users", "-")
        self.addCleanup(process.kill)
        process.stdin.write("id,name,email\n1,Ann,a@b\n")
        process.stdin.flush()
        wait_until(lambda: self.stored("products"), process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertEqual(
            process.stderr.read(),
            "CommandError: Stopped by SIGINT.\nStored before that: Product 1. "
            "To complete the load, run the same command again with --on-conflict ignore.\n",
        )
        process.communicate()
        self.assertEqual((self.stored("users"), self.stored("products")), ([], [(1, "Lamp", 9.5)]))

    def test_the_summary_goes_alone_to_standard_output(self):
        self.migrate()
        users = self.file("users.csv", "id,name,email\n1,Ann,a@b\n2,,b@c\n")
        process = self.populate("--users", users, "--summary", "-")
        document = json.loads(process.stdout)
        self.assertEqual((document["exit_code"], document["models"]["user"]["read"]), (3, 2))
        lines = process.stderr.splitlines()
        self.assertEqual(
            (process.returncode, lines[0], lines[-1]),
            (3, "User rejects: [", "CommandError: 1 record was rejected."),
        )
        self.assertFalse((ROOT / "-").exists())

    @skipIf(os.name == "nt", "Windows has no SIGKILL.")
    def test_a_load_that_was_killed_is_said_to_be_running(self):
        self.migrate()
        summary = self.folder / "summary.json"
        self.populate("--summary", str(summary))
        self.assertEqual(json.loads(summary.read_text())["status"], "complete")
        process = self.start("--users", "-", "--summary", str(summary))
        # More than a pipe holds: when it is written, the load has begun to read it.
        process.stdin.write("id,name,email\n" + "1,Ann,a@b\n" * 50_000)
        process.stdin.flush()
        process.kill()
        process.communicate()
        document = json.loads(summary.read_text())
        self.assertEqual((list(document), document["status"]), (["status", "options"], "running"))

    def test_what_a_terminal_cannot_show_is_escaped(self):
        self.migrate()
        users = self.file("users.csv", "id,name,email\n1,,zoë@example.com\n")
        process = self.populate("--users", users, env=self.environment(PYTHONIOENCODING="ascii"))
        self.assertIn("zo\\xeb@example.com", process.stdout)
        [reject] = printed_lists(process.stdout)["User rejects"]
        self.assertEqual(reject["data"], {"id": "1", "name": "", "email": "zoë@example.com"})

    def test_no_file_of_the_project_is_touched(self):
        def files():
            own = (path for path in ROOT.iterdir() if not path.name.startswith("test_"))
            return {path.name: path.stat().st_mtime_ns for path in own if path.is_file()}

        before = files()
        self.populate("--migrate")
        self.assertEqual(files(), before)


class FileCommandTests(FilesTestCase):
    def test_error_for_a_database_that_cannot_be_opened(self):
        self.migrate()
        (self.folder / "users.db").unlink()
        (self.folder / "users.db").mkdir()
        for options, message in (
            ((), "Database 'users': unable to open database file"),
            (("--sample",), "Database 'users': unable to open database file\nNothing was stored."),
            (("--migrate",), "Database 'users' cannot be migrated: unable to open database file"),
        ):
            with self.subTest(options=options):
                process = self.populate(*options)
                self.assertEqual(
                    (process.returncode, process.stderr), (1, f"CommandError: {message}\n")
                )

    def test_a_migration_that_fails_is_in_the_summary(self):
        self.migrate()
        summary = self.folder / "summary.json"
        self.populate("--summary", str(summary))
        before = json.loads(summary.read_text())
        self.assertEqual(before["status"], "complete")
        (self.folder / "users.db").unlink()
        (self.folder / "users.db").mkdir()
        process = self.populate("--migrate", "--summary", str(summary))
        message = "Database 'users' cannot be migrated: unable to open database file"
        self.assertEqual((process.returncode, process.stderr), (1, f"CommandError: {message}\n"))
        self.assertEqual(
            json.loads(summary.read_text()),
            {"status": "failed", "exit_code": 1, "error": message, "options": before["options"]},
        )

    def test_the_summary_of_what_could_not_begin_goes_to_standard_output_too(self):
        self.migrate()
        (self.folder / "users.db").unlink()
        (self.folder / "users.db").mkdir()
        process = self.populate("--migrate", "--summary=-")
        message = "Database 'users' cannot be migrated: unable to open database file"
        self.assertEqual((process.returncode, process.stderr), (1, f"CommandError: {message}\n"))
        document = json.loads(process.stdout)
        self.assertEqual((document["status"], document["error"]), ("failed", message))

    @needs("dj_database_url", "dj-database-url")
    def test_error_for_a_locked_database_says_the_remedy(self):
        self.migrate()
        users = self.file("users.csv", "id,name,email\n1,Ann,a@b\n")
        url = f"sqlite:///{self.folder}/users.db?timeout=0"
        with closing(sqlite3.connect(str(self.folder / "users.db"))) as connection:
            connection.execute("BEGIN IMMEDIATE")
            process = self.populate("--users", users, env=self.environment(USERS_DATABASE_URL=url))
        self.assertEqual(
            (process.returncode, process.stderr),
            (
                1,
                "CommandError: Database 'users': database is locked. Another process is writing "
                "to it: run the command again when that is done.\nNothing was stored.\n",
            ),
        )


@skipUnless(os.name == "posix", "Limits are set by a POSIX shell.")
class LimitTests(FilesTestCase):
    """So few files may be open that a load cannot begin."""

    def populate_with_open_files(self, number, *options):
        return subprocess.run(
            ["sh", "-c", f'ulimit -n {number}; exec "$@"', "sh"]
            + [sys.executable, "manage.py", "populate_db", *options],
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def test_error_for_processes_that_cannot_be_started(self):
        self.migrate()
        process = self.populate_with_open_files(12, "--workers=process", "--sample")
        self.assertEqual(
            (process.returncode, process.stdout, process.stderr),
            (
                1,
                "",
                "CommandError: The workers cannot be started: Too many open files.\n"
                "Nothing was stored.\n",
            ),
        )
        self.assertEqual([self.stored(alias) for alias in MODEL_ALIASES], [[], [], []])

    def test_error_for_databases_that_threads_cannot_open(self):
        self.migrate()
        process = self.populate_with_open_files(12, "--workers=thread", "--sample")
        self.assertRegex(
            process.stderr,
            "^CommandError: (Database '(users|products|orders)': unable to open database file\n)+"
            "Nothing was stored.\n$",
        )
        self.assertEqual((process.returncode, process.stdout), (1, ""))
        self.assertEqual([self.stored(alias) for alias in MODEL_ALIASES], [[], [], []])


class AtTheSameTimeTests(CommandTestCase):
    """Several commands that are started together."""

    def test_dry_runs_wait_for_each_other(self):
        self.migrate()
        write_files(self.folder, 2_000)
        files = [f"--{alias}={self.folder}/{alias}.csv" for alias in MODEL_ALIASES]
        for workers in ("thread", "process"):
            with self.subTest(workers=workers):
                processes = [
                    self.start("--dry-run", f"--workers={workers}", *files) for _ in range(3)
                ]
                outputs = [process.communicate() for process in processes]
                self.assertEqual([process.returncode for process in processes], [3, 3, 3])
                self.assertEqual({errors for _, errors in outputs}, {outputs[0][1]})
                lists = [printed_lists(output) for output, _ in outputs]
                self.assertEqual(lists, [lists[0]] * 3)
                self.assertEqual([self.stored(alias) for alias in MODEL_ALIASES], [[], [], []])

    def test_two_loads_into_one_folder_of_rejects_have_files_of_their_own(self):
        self.migrate()
        rejects = self.folder / "rejects"
        options = ("--users=-", f"--rejects={rejects}", "--batch-size=1000")
        processes = [self.start(*options), self.start(*options)]
        for first, process in zip((0, 50_000), processes):
            # More than a pipe holds: when it is written, the load has opened its files.
            lines = "".join(f"{n},,a@b\n" for n in range(first + 1, first + 20_001))
            process.stdin.write("id,name,email\n" + lines)
            process.stdin.flush()
        outputs = [process.communicate() for process in processes]
        self.assertEqual([process.returncode for process in processes], [3, 3])
        self.assertEqual(
            [errors for _, errors in outputs], ["CommandError: 20,000 records were rejected.\n"] * 2
        )
        written = [re.findall("^... and .* more, in (.*)$", output, re.M) for output, _ in outputs]
        self.assertEqual(sorted(written), [[f"{rejects}/users-2.csv"], [f"{rejects}/users.csv"]])
        for first, [path] in zip((0, 50_000), written):
            lines = Path(path).read_text().splitlines()
            self.assertEqual(
                lines,
                ["_line,_errors,id,name,email"]
                + [f"{n + 1},Name cannot be empty,{first + n},,a@b" for n in range(1, 20_001)],
            )


@skipIf(os.name == "nt", "Windows has no pseudo-terminals.")
class TerminalTests(CommandTestCase):
    def shown(self, *options, errors="", **variables):
        """Load a file with the output on a terminal, and return what that was sent."""
        import pty

        users = self.file("users.csv", "id,name,email\n1,Ann,a@b\n2,,b@c\n")
        own_end, terminal = pty.openpty()
        process = self.start(
            *("--users", users, "--dry-run", *options),
            stdout=terminal,
            env=self.environment(TERM="xterm", COLUMNS="120", **variables),
        )
        os.close(terminal)
        shown = b""
        with suppress(OSError):  # Linux says so when the other end is closed.
            for part in iter(lambda: os.read(own_end, 65536), b""):
                shown += part
        os.close(own_end)
        _, printed = process.communicate()
        self.assertEqual(
            (process.returncode, printed), (3, f"{errors}CommandError: 1 record was rejected.\n")
        )
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())

    @needs("rich", "rich")
    def test_progress_is_shown_on_a_terminal(self):
        self.migrate()
        for workers in ("thread", "process"):
            with self.subTest(workers=workers):
                shown = self.shown(f"--workers={workers}")
                self.assertRegex(shown, r"users +\S+ +100% +2 read +1 rejected +[\d,]+/s")
                self.assertIn("\nUser   users        2         1         1", shown)

    def test_no_progress_is_shown_where_it_is_not_wanted(self):
        self.migrate()
        for option, first in (
            ("--no-progress", "User rejects: ["),
            ("--verbosity=0", "User rejects by reason:"),
        ):
            with self.subTest(option=option):
                shown = self.shown(option)
                self.assertEqual(shown.splitlines()[0], first)
                self.assertNotRegex(shown, r"\d/s")

    def test_without_rich_the_load_works_and_says_that_it_has_no_bars(self):
        self.migrate()
        (self.folder / "rich.py").write_text("raise ImportError('not installed')\n")
        message = "No progress bars: rich is not installed. Run: pip install rich\n"
        shown = self.shown(errors=message, PYTHONPATH=str(self.folder))
        self.assertEqual(shown[: shown.index("[")], "User rejects: ")
        self.assertNotRegex(shown, r"\d/s")
        self.shown("--no-progress", PYTHONPATH=str(self.folder))
        users = self.file("users.csv", "id,name,email\n1,Ann,a@b\n")
        env = self.environment(PYTHONPATH=str(self.folder))
        self.assertEqual(self.populate("--users", users, env=env).stderr, "")
