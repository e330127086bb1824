"""Files as people have them, given to the command as typed."""

import bz2
import gzip
import io
import json
import lzma
import os
import signal
import subprocess
import sys
import threading
from contextlib import redirect_stderr, suppress
from unittest import skipUnless

from django.core.management import call_command

from distributed_insert.management.commands.populate_db import Command
from distributed_insert.models import Order, Product, User

from ..cases import ROOT, CommandTestCase, PopulateTestCase, stored

USERS = "id,name,email\n1,Ann,a@b\n2,Ben,b@c\n"
STORED_USERS = [(1, "Ann", "a@b"), (2, "Ben", "b@c")]
PRODUCTS = '{"id": 3, "name": "Lamp", "price": 9.5}\n'
ORDERS = "ID;USER_ID;Product_Id; quantity\n4;1;3;5\n"


class FormatsTests(PopulateTestCase):
    def test_options_of_one_model_and_of_all(self):
        output, error = self.populate(
            *("--users", self.file("users", USERS.replace(",", "^").encode("utf-16"))),
            *("--products", self.file("products", PRODUCTS)),
            *("--orders", self.file("orders.csv", ORDERS)),
            *("--delimiter", "^", "--delimiter", "order=;"),
            *("--encoding", "user=utf-16", "--format", "product=jsonl"),
        )
        self.assertIsNone(error, output)
        self.assertEqual(stored(User), STORED_USERS)
        self.assertEqual(stored(Product), [(3, "Lamp", 9.5)])
        self.assertEqual(stored(Order), [(4, 1, 3, 5)])

    def test_the_option_of_a_model_comes_before_that_of_all(self):
        users = self.file("users", "id;name;email\n1;Ann;a@b\n2;Ben;b@c\n")
        for delimiters in (["user=;", "^"], ["^", "user=;"]):
            with self.subTest(delimiters=delimiters):
                User.objects.all().delete()
                options = [f"--delimiter={delimiter}" for delimiter in delimiters]
                self.assertIsNone(self.populate("--users", users, *options)[1])
                self.assertEqual(stored(User), STORED_USERS)

    def test_the_summary_has_the_options_as_they_were_given(self):
        users = self.file("users", USERS)
        path = self.folder / "summary.json"
        self.populate(
            *("--users", users, "--summary", str(path), "--delimiter", "user=,"),
            *("--encoding", "ascii", "--format", "csv", "--format", "user=csv"),
            *("--map", "user.name=Name"),
        )
        options = json.loads(path.read_text())["options"]
        self.assertEqual(
            [options[name] for name in ("delimiter", "encoding", "format", "map")],
            [["user=,"], ["ascii"], ["csv", "user=csv"], ["user.name=Name"]],
        )

    def test_error_for_the_option_of_a_model_without_a_file(self):
        for option, value in (("format", "csv"), ("encoding", "ascii"), ("delimiter", ";")):
            with self.subTest(option=option):
                _, error = self.populate(
                    *("--users", self.file("users", USERS), f"--{option}", f"order={value}")
                )
                self.assertEqual(
                    (str(error), error.returncode),
                    (f"--{option} order: no file of that model.", 2),
                )

    def test_error_for_a_wrong_value(self):
        for argument, message in (
            ("--format=xml", "argument --format: 'xml' is not one of csv, json, jsonl"),
            ("--format=user=xml", "argument --format: 'xml' is not one of csv, json, jsonl"),
            ("--format=users=csv", "argument --format: 'users' is not one of order, user, product"),
            ("--encoding=user=hex", "argument --encoding: 'hex' is not a text encoding"),
            ("--delimiter=user=", "argument --delimiter: '' is not a single character"),
        ):
            with self.subTest(argument=argument):
                command = Command()
                command._called_from_command_line = True
                parser = command.create_parser("manage.py", "populate_db")
                errors = io.StringIO()
                with redirect_stderr(errors), self.assertRaises(SystemExit) as caught:
                    parser.parse_args([argument])
                self.assertEqual(caught.exception.code, 2)
                self.assertIn(f"error: {message}. See --help.\n", errors.getvalue())

    def test_an_equals_sign_may_separate_columns(self):
        users = self.file("users.csv", USERS.replace(",", "="))
        self.assertIsNone(self.populate("--users", users, "--delimiter", "=")[1])
        self.assertEqual(stored(User), STORED_USERS)

    def test_what_dumpdata_wrote_loads_here(self):
        User.objects.create(id=1, name="Ann", email="a@b")
        User.objects.create(id=2, name="Ben", email="b@c")
        Product.objects.create(id=3, name="Zoë", price=9.5)
        Order.objects.create(id=4, user_id=1, product_id=3, quantity=5)
        rows = [stored(model) for model in (User, Product, Order)]
        for ending, options in (("json", []), ("json", ["--indent=2"]), ("jsonl.gz", [])):
            files = []
            for alias, model in (("users", User), ("products", Product), ("orders", Order)):
                path = str(self.folder / f"{alias}.{ending}")
                label = f"distributed_insert.{model.__name__}"
                how = [f"--database={alias}", f"--output={path}"]
                if ending == "jsonl.gz":
                    how.append("--format=jsonl")
                call_command("dumpdata", label, *how, *options)
                files += [f"--{alias}", path]
            for model in (User, Product, Order):
                model.objects.all().delete()
            with self.subTest(ending=ending, options=options):
                output, error = self.populate(*files)
                self.assertIsNone(error, output)
                self.assertEqual([stored(model) for model in (User, Product, Order)], rows)

    def test_compressed_files_whatever_their_names(self):
        for name, compress in (
            ("users.csv.bz2", bz2.compress),
            ("users.csv.xz", lzma.compress),
            ("users.csv", gzip.compress),
        ):
            User.objects.all().delete()
            with self.subTest(name=name):
                users = self.file(name, compress(USERS.encode()))
                self.assertIsNone(self.populate("--users", users)[1])
                self.assertEqual(stored(User), STORED_USERS)

    def test_a_file_of_tabs(self):
        users = self.file("users.tsv", USERS.replace(",", "\t"))
        self.assertIsNone(self.populate("--users", users)[1])
        self.assertEqual(stored(User), STORED_USERS)

    def test_error_for_what_is_not_text_or_empty(self):
        for name, content, message in (
            (
                "users.zip",
                b"PK\x03\x04\x14\0\x06\0",
                "this is a zip archive. Unzip it, and load what is in it.",
            ),
            ("users.csv", b"", "empty, without even a header."),
            ("users.json", b"\n", "empty, without even an array."),
        ):
            with self.subTest(name=name):
                path = self.file(name, content)
                self.assert_fails(f"{path}: {message}\nNothing was stored.", users=path)


@skipUnless(hasattr(os, "mkfifo"), "This system has no FIFOs.")
class PipeTests(CommandTestCase):
    def test_a_named_pipe_is_read_as_a_stream_also_by_workers_that_are_processes(self):
        for workers in ("thread", "process"):
            self.migrate()
            path = self.folder / f"pipe-{workers}"
            os.mkfifo(path)
            writer = threading.Thread(target=path.write_text, args=[USERS])
            writer.start()
            with self.subTest(workers=workers):
                process = self.populate("--users", str(path), f"--workers={workers}")
                self.assertEqual((process.returncode, process.stderr), (0, ""))
                self.assertEqual(self.stored("users"), STORED_USERS)
            writer.join()

    def test_each_model_may_have_a_pipe_of_its_own(self):
        self.migrate()
        options = []
        for model, name, content in (
            ("users", "users.csv", USERS),
            ("products", "products.jsonl", PRODUCTS),
        ):
            path = self.folder / name
            os.mkfifo(path)
            # It waits for ever where nobody reads.
            threading.Thread(target=path.write_text, args=[content], daemon=True).start()
            options += [f"--{model}", str(path)]
        process = self.populate(*options)
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        self.assertEqual(
            (self.stored("users"), self.stored("products")), (STORED_USERS, [(3, "Lamp", 9.5)])
        )

    def test_error_for_a_pipe_of_two_models(self):
        path = self.folder / "pipe"
        os.mkfifo(path)
        message = "CommandError: Standard input or a pipe can be read for one model only.\n"
        for users, products in ((str(path), str(path)), ("-", "/dev/stdin")):
            with self.subTest(users=users):
                process = self.populate(
                    "--users", users, "--products", products, input="id,name,email\n"
                )
                self.assertEqual((process.returncode, process.stderr), (2, message))

    def test_a_file_that_cannot_be_read_is_reported_while_a_pipe_is_silent(self):
        self.migrate()
        path = self.folder / "pipe"
        os.mkfifo(path)
        process = self.populate("--users", "missing.csv", "--products", str(path))
        self.assertEqual(
            (process.returncode, process.stderr),
            (1, "CommandError: missing.csv: No such file or directory.\nNothing was stored.\n"),
        )

    def test_a_signal_that_also_ends_the_writer_is_why_the_load_stopped(self):
        self.migrate()
        process = self.start("--users", "-")
        self.addCleanup(process.kill)
        # More than a pipe holds: when it is written, the load reads.
        process.stdin.write("id,name,email,_" + "x" * 300_000)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
        self.assertEqual(
            (process.returncode, errors),
            (130, "CommandError: Stopped by SIGINT. Nothing was stored.\n"),
        )

    def test_what_comes_through_a_compressed_pipe_is_stored_while_the_pipe_is_silent(self):
        self.migrate()
        for name, compress in (("gz", gzip.compress), ("xz", lzma.compress)):
            path = self.folder / name
            os.mkfifo(path)
            with self.subTest(name=name):
                process = self.start("--users", str(path), "--batch-size=1", "--on-conflict=ignore")
                self.addCleanup(process.kill)
                with open(path, "wb") as writer:
                    writer.write(compress(USERS.encode()))
                    writer.flush()
                    while not self.stored("users"):
                        self.assertIsNone(process.poll())
                self.assertEqual((process.wait(), self.stored("users")), (0, STORED_USERS))
                process.communicate()

    def test_one_signal_is_enough_while_a_pipe_is_silent(self):
        self.migrate()
        path = self.folder / "pipe"
        os.mkfifo(path)
        for workers in ("thread", "process"):
            with self.subTest(workers=workers):
                process = self.start("--users", str(path), f"--workers={workers}")
                self.addCleanup(process.kill)
                writer = None
                while writer is None:
                    with suppress(OSError):  # Nobody reads yet.
                        writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(timeout=60), 130)
                self.assertEqual(
                    process.communicate()[1],
                    "CommandError: Stopped by SIGINT. Nothing was stored.\n",
                )
                os.close(writer)

    @skipUnless(os.path.exists("/bin/bash"), "These are commands of bash.")
    def test_what_a_command_prints_is_read_as_a_stream(self):
        self.migrate()
        (self.folder / "users.csv.gz").write_bytes(gzip.compress(USERS.encode()))
        populate = f"{sys.executable} manage.py populate_db"
        for command in (
            f"{populate} --users <(zcat {self.folder}/users.csv.gz) --workers process",
            f"cat {self.folder}/users.csv.gz | {populate} --users - --on-conflict ignore",
            f"cat {self.folder}/users.csv.gz | {populate} --users /dev/stdin --on-conflict ignore",
        ):
            with self.subTest(command=command):
                process = subprocess.run(
                    ["/bin/bash", "-c", command],
                    cwd=ROOT,
                    env=self.environment(),
                    stderr=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    encoding="utf-8",
                )
                self.assertEqual((process.returncode, process.stderr), (0, ""))
                self.assertEqual(self.stored("users"), STORED_USERS)
