"""What the options of the load as a whole do, each to its end in the databases."""

import io
import json
import os
import signal
from pathlib import Path
from unittest import mock, skipIf

from django.core.management import call_command
from django.db import OperationalError

from distributed_insert.loading import load
from distributed_insert.management.commands import populate_db
from distributed_insert.management.output import SummaryFile
from distributed_insert.models import Order, Product, User

from ..cases import PopulateTestCase, printed_lists, stored

USERS = "id,name,email\n1,Ann,a@b\n2,,b@c\n3,Cid,c@d\n1,Abe,a@e\n"
PRODUCTS = "id,name,price\n1,Lamp,9.5\n2,Desk,0\n"
ORDERS = "id,user_id,product_id,quantity\n1,1,1,1\n2,2,1,1\n3,3,2,0\n"

ALL_REJECTS = {
    "Order rejects": [
        (2, ["Invalid reference: user 2 does not exist"]),
        (3, ["Quantity must be positive", "Invalid reference: product 2 does not exist"]),
    ],
    "User rejects": [(2, ["Name cannot be empty"]), (4, ["ID 1 already exists"])],
    "Product rejects": [(2, ["Price must be positive"])],
}


def listed(output):
    """Return the place and the errors of each reject that was printed, by the list's title."""
    return {
        title: [(reject["record"], reject["errors"]) for reject in rejects]
        for title, rejects in printed_lists(output).items()
    }


class OptionsTestCase(PopulateTestCase):
    def files(self):
        return {
            "users": self.file("users.csv", USERS),
            "products": self.file("products.csv", PRODUCTS),
            "orders": self.file("orders.csv", ORDERS),
        }

    def counts(self, **options):
        """Load, and return the status and the counts of each model from the summary."""
        path = self.folder / "summary.json"
        self.populate(summary=str(path), **options)
        document = json.loads(path.read_text())
        names = ("read", "inserted", "updated", "unchanged", "ignored", "differing", "rejected")
        return document["exit_code"], {
            name: tuple(model[n] for n in names) for name, model in document["models"].items()
        }


def stopped_after_a_batch():
    """Let the commands within be stopped by SIGTERM when a batch has been written."""
    written = []
    return mock.patch.object(
        populate_db,
        "load",
        lambda sources, options, *_: load(
            sources,
            options,
            lambda: signal.SIGTERM if written else None,
            lambda *progress: written.append(progress),
        ),
    )


class DryRunTests(OptionsTestCase):
    def test_a_dry_run_says_what_the_real_run_does_and_stores_nothing(self):
        for batch_size in (1, 2, 10):
            with self.subTest(batch_size=batch_size):
                dry, dry_error = self.populate(dry_run=True, batch_size=batch_size, **self.files())
                self.assertEqual([stored(model) for model in (User, Product, Order)], [[], [], []])
                self.assertEqual(listed(dry), ALL_REJECTS)
                self.assertIn("\nDry run: nothing was stored.\n", dry)
                real, real_error = self.populate(batch_size=batch_size, **self.files())
                self.assertEqual(printed_lists(dry), printed_lists(real))
                self.assertEqual(
                    (str(dry_error), dry_error.returncode), (str(real_error), real_error.returncode)
                )
                self.assertEqual([len(stored(m)) for m in (User, Product, Order)], [2, 1, 1])
                for model in (User, Product, Order):
                    model.objects.all().delete()


class AllOrNothingTests(OptionsTestCase):
    def test_rejects_roll_everything_back(self):
        output = self.assert_fails(
            "Rolled back: 5 records were rejected.\nNothing was stored.",
            all_or_nothing=True,
            batch_size=1,
            **self.files(),
        )
        self.assertEqual(listed(output), ALL_REJECTS)
        self.assertEqual([stored(model) for model in (User, Product, Order)], [[], [], []])

    def test_without_rejects_everything_is_stored(self):
        _, error = self.populate(
            all_or_nothing=True,
            users=self.file("users.csv", "id,name,email\n1,Ann,a@b\n"),
            products=self.file("products.csv", "id,name,price\n1,Lamp,9.5\n"),
            orders=self.file("orders.csv", "id,user_id,product_id,quantity\n1,1,1,1\n"),
        )
        self.assertIsNone(error)
        self.assertEqual([len(stored(model)) for model in (User, Product, Order)], [1, 1, 1])

    def test_a_failure_rolls_everything_back(self):
        self.assert_fails(
            "Gave up: more records were rejected than --max-errors 1 allows. Fix them or allow "
            "more before you run it again.\nNothing was stored.",
            all_or_nothing=True,
            max_errors=1,
            batch_size=1,
            users=self.file("users.csv", USERS),
        )
        self.assertEqual(stored(User), [])


class ConflictTests(OptionsTestCase):
    first = "id,name,email\n1,Ann,a@b\n2,Ben,b@c\n"
    second = "id,name,email\n2,Bob,b@c\n3,Cid,c@d\n3,Cyd,c@d\n4,,d@e\n2,Bea,b@c\n"

    def load_both(self, **options):
        self.populate(users=self.file("first.csv", self.first))
        return self.counts(users=self.file("second.csv", self.second), **options)

    def assert_outcome(self, exit_code, counts, names, **options):
        for batch_size in (1, 2, 3, 4, 5):
            with self.subTest(batch_size=batch_size):
                outcome = self.load_both(batch_size=batch_size, **options)
                self.assertEqual(outcome, (exit_code, {"user": counts}))
                self.assertEqual([(key, name) for key, name, _ in stored(User)], names)
                User.objects.all().delete()

    def test_error_rejects_the_later_record(self):
        self.assert_outcome(3, (5, 1, 0, 0, 0, 0, 4), [(1, "Ann"), (2, "Ben"), (3, "Cid")])

    def test_ignore_keeps_the_first(self):
        self.assert_outcome(
            3, (5, 1, 0, 0, 3, 3, 1), [(1, "Ann"), (2, "Ben"), (3, "Cid")], on_conflict="ignore"
        )

    def test_update_lets_the_last_win(self):
        self.assert_outcome(
            3, (5, 1, 3, 0, 0, 0, 1), [(1, "Ann"), (2, "Bea"), (3, "Cyd")], on_conflict="update"
        )

    def test_a_whole_load_again_is_ignored_and_the_exit_status_is_0(self):
        path = self.file("first.csv", self.first)
        self.assertEqual(self.counts(users=path), (0, {"user": (2, 2, 0, 0, 0, 0, 0)}))
        self.assertEqual(
            self.counts(users=path, on_conflict="ignore"), (0, {"user": (2, 0, 0, 0, 2, 0, 0)})
        )
        self.assertEqual(
            self.counts(users=path, on_conflict="update"), (0, {"user": (2, 0, 0, 2, 0, 0, 0)})
        )


class MaxErrorsTests(OptionsTestCase):
    def test_as_many_rejects_as_allowed_are_not_a_failure(self):
        _, error = self.populate(max_errors=2, users=self.file("users.csv", USERS))
        self.assertEqual((str(error), error.returncode), ("2 records were rejected.", 3))

    def test_one_more_rolls_the_open_batch_back_and_is_a_failure(self):
        lines = "1,Ann,a@b\n2,Ben,b@c\n3,Cid,c@d\n4,,d@e\n5,Eve,e@f\n"
        output = self.assert_fails(
            "Gave up: more records were rejected than --max-errors 0 allows. Fix them or allow "
            "more before you run it again.\n"
            "Stored before that: User 2. "
            "To complete the load, run the same command again with --on-conflict ignore.",
            max_errors=0,
            batch_size=2,
            users=self.file("users.csv", f"id,name,email\n{lines}"),
        )
        self.assertEqual(listed(output), {"User rejects": [(4, ["Name cannot be empty"])]})
        self.assertIn("User   users        3         2         1", output)
        self.assertEqual([values[0] for values in stored(User)], [1, 2])

    def test_the_limit_counts_the_rejects_of_all_models(self):
        """Whichever batch comes second is rolled back."""
        _, error = self.populate(
            max_errors=1,
            users=self.file("users.csv", "id,name,email\n1,Ann,a@b\n2,,b@c\n"),
            products=self.file("products.csv", "id,name,price\n1,Lamp,1\n2,,1\n"),
        )
        self.assertRegex(
            str(error),
            "^Gave up: more records were rejected than --max-errors 1 allows. Fix them or allow "
            "more before you run it again.\n"
            "Stored before that: (User|Product) 1. "
            "To complete the load, run the same command again with --on-conflict ignore.$",
        )
        self.assertEqual(len(stored(User)) + len(stored(Product)), 1)


class RejectsTests(OptionsTestCase):
    def test_fixed_rejects_are_loaded_and_complete_the_load(self):
        rejects = self.folder / "rejects"
        self.assert_fails(
            "5 records were rejected.", 3, rejects=str(rejects), batch_size=2, **self.files()
        )
        self.assertEqual(
            {path.name: path.read_text(encoding="utf-8-sig") for path in rejects.iterdir()},
            {
                "users.csv": "_line,_errors,id,name,email\n"
                "3,Name cannot be empty,2,,b@c\n"
                "5,ID 1 already exists,1,Abe,a@e\n",
                "products.csv": "_line,_errors,id,name,price\n3,Price must be positive,2,Desk,0\n",
                "orders.csv": "_line,_errors,id,user_id,product_id,quantity\n"
                "3,Invalid reference: user 2 does not exist,2,2,1,1\n"
                "4,Quantity must be positive; Invalid reference: product 2 does not exist,"
                "3,3,2,0\n",
            },
        )
        for name, wrong, right in (
            ("users.csv", "2,,b@c", "2,Ben,b@c"),
            ("users.csv", ",1,Abe", ",4,Abe"),
            ("products.csv", "Desk,0", "Desk,20"),
            ("orders.csv", "3,3,2,0", "3,3,2,7"),
        ):
            path = rejects / name
            path.write_text(
                path.read_text(encoding="utf-8-sig").replace(wrong, right), encoding="utf-8"
            )
        _, error = self.populate(
            **{name: str(rejects / f"{name}.csv") for name in ("users", "products", "orders")}
        )
        self.assertIsNone(error)
        self.assertEqual(
            stored(User),
            [(1, "Ann", "a@b"), (2, "Ben", "b@c"), (3, "Cid", "c@d"), (4, "Abe", "a@e")],
        )
        self.assertEqual(stored(Product), [(1, "Lamp", 9.5), (2, "Desk", 20.0)])
        self.assertEqual(stored(Order), [(1, 1, 1, 1), (2, 2, 1, 1), (3, 3, 2, 7)])

    def test_json_lines_are_rejected_as_json_lines_and_fixed_too(self):
        lines = (
            '{"id": 1, "name": null, "email": "a@b"}\n{"id": 2, "name": "Ben", "email": "b@c"}\n'
        )
        rejects = self.folder / "rejects"
        self.populate(users=self.file("u.jsonl", lines), rejects=str(rejects))
        path = rejects / "users.jsonl"
        [line] = path.read_text().splitlines()
        self.assertEqual(
            json.loads(line),
            {
                "id": 1,
                "name": None,
                "email": "a@b",
                "_line": 1,
                "_errors": ["Name cannot be empty"],
            },
        )
        path.write_text(line.replace("null", '"Ann"'))
        self.assertIsNone(self.populate(users=str(path))[1])
        self.assertEqual(stored(User), [(1, "Ann", "a@b"), (2, "Ben", "b@c")])

    def test_no_rejects_leave_no_file(self):
        rejects = self.folder / "rejects"
        self.populate(users=self.file("u.csv", "id,name,email\n1,Ann,a@b\n"), rejects=str(rejects))
        self.assertEqual(list(rejects.iterdir()), [])

    def test_characters_that_an_encoding_lacks_are_escaped_as_json_reads_them(self):
        name = "\\u00e9 \\ud83d\\ude00"
        path = self.file("u.jsonl", f'{{"id": 1, "name": "{name}", "email": ""}}\n')
        rejects = self.folder / "rejects"
        self.populate(users=path, encoding="ascii", rejects=str(rejects))
        fixed = rejects / "users.jsonl"
        fixed.write_text(fixed.read_text().replace('"email": ""', '"email": "a@b"'))
        self.assertIsNone(self.populate(users=str(fixed), encoding="ascii")[1])
        self.assertEqual(stored(User), [(1, "é 😀", "a@b")])

    def test_error_for_a_folder_that_is_a_file(self):
        path = self.file("rejects", "")
        self.assert_fails(
            f"{path}: --rejects needs a folder, and this is not one.\nNothing was stored.",
            users=self.file("u.csv", USERS),
            rejects=path,
        )

    def rejects_of(self, output):
        """Return the text of each file of rejects that was written, by its name."""
        lines = [line for line in output.splitlines() if line.startswith("Written to ")]
        paths = [Path(line[len("Written to ") :]) for line in lines]
        self.assertEqual({path.parent for path in paths}, {self.folder / "rejects"})
        return {path.name: path.read_text(encoding="utf-8-sig") for path in paths}

    def test_no_file_is_replaced(self):
        rejects = self.folder / "rejects"
        rejects.mkdir()
        (rejects / "users.csv").write_text("mine")
        (rejects / "users-2.csv").touch()
        (rejects / "users-4.csv").symlink_to("nowhere")
        users = self.file("u.csv", "id,name,email\n1,,a@b\n")
        for name in ("users-3.csv", "users-5.csv"):
            output, _ = self.populate(users=users, rejects=str(rejects))
            self.assertEqual(
                self.rejects_of(output),
                {name: "_line,_errors,id,name,email\n2,Name cannot be empty,1,,a@b\n"},
            )
        self.assertEqual(
            sorted(path.name for path in rejects.iterdir()),
            [f"users{number}.csv" for number in ("-2", "-3", "-4", "-5", "")],
        )
        self.assertEqual((rejects / "users.csv").read_text(), "mine")
        self.assertEqual((rejects / "users-2.csv").read_text(), "")

    def test_a_load_that_rejects_nothing_leaves_the_files_of_another(self):
        rejects = self.folder / "rejects"
        self.populate(users=self.file("u.csv", "id,name,email\n1,,a@b\n"), rejects=str(rejects))
        text = (rejects / "users.csv").read_text()
        path = self.file("u.csv", "id,name,email\n1,Ann,a@b\n")
        output, error = self.populate(users=path, rejects=str(rejects))
        self.assertIsNone(error)
        self.assertNotIn("Written to", output)
        self.assertEqual([path.name for path in rejects.iterdir()], ["users.csv"])
        self.assertEqual((rejects / "users.csv").read_text(), text)

    @skipIf(os.name == "nt", "Windows has no such modes.")
    def test_only_its_owner_reads_a_file_of_rejects(self):
        rejects = self.folder / "rejects"
        self.populate(users=self.file("u.csv", USERS), rejects=str(rejects))
        self.assertEqual((rejects / "users.csv").stat().st_mode & 0o777, 0o600)

    def test_the_real_load_after_a_dry_run_has_the_same_rejects(self):
        options = {"rejects": str(self.folder / "rejects"), **self.files()}
        dry, _ = self.populate(dry_run=True, **options)
        real, _ = self.populate(**options)
        first, second = self.rejects_of(dry), self.rejects_of(real)
        self.assertEqual(list(first), ["orders.csv", "users.csv", "products.csv"])
        self.assertEqual(list(second), ["orders-2.csv", "users-2.csv", "products-2.csv"])
        self.assertEqual(list(first.values()), list(second.values()))

    def test_a_stopped_load_and_its_completion_have_all_rejects_between_them(self):
        lines = "1,Ann,a@b\n2,,b@c\n3,Cid,c@d\n1,Abe,a@e\n5,,e@f\n6,Fay,f@g\n"
        options = {
            "users": self.file("u.csv", f"id,name,email\n{lines}"),
            "rejects": str(self.folder / "rejects"),
            "batch_size": 2,
        }
        with stopped_after_a_batch():
            first, _ = self.populate(**options)
        second, error = self.populate(on_conflict="ignore", **options)
        self.assertEqual((str(error), error.returncode), ("2 records were rejected.", 3))
        header = "_line,_errors,id,name,email\n"
        self.assertEqual(
            {**self.rejects_of(first), **self.rejects_of(second)},
            {
                "users.csv": f"{header}3,Name cannot be empty,2,,b@c\n",
                "users-2.csv": f"{header}3,Name cannot be empty,2,,b@c\n"
                '5,"ID 1 already exists with another name, email",1,Abe,a@e\n'
                "6,Name cannot be empty,5,,e@f\n",
            },
        )
        self.assertEqual([row[:2] for row in stored(User)], [(1, "Ann"), (3, "Cid"), (6, "Fay")])


class AdviceTests(OptionsTestCase):
    """What a load that was stopped says completes it."""

    old = [(n, "Old", "a@b") for n in (1, 2, 5, 6)]
    new = [(n, "New", "a@b") for n in range(1, 7)]

    def stop(self, on_conflict, advice):
        """Stop a load after a batch of two, and then do what it says."""
        for row in self.old:
            User.objects.create(**dict(zip(("id", "name", "email"), row)))
        lines = "".join(f"{n},{name},{email}\n" for n, name, email in self.new)
        options = {"users": self.file("u.csv", f"id,name,email\n{lines}"), "batch_size": 2}
        with stopped_after_a_batch():
            self.assert_fails(
                f"Stopped by SIGTERM.\n{advice}", 143, on_conflict=on_conflict, **options
            )
        again = "ignore" if "--on-conflict ignore" in advice else on_conflict
        output, _ = self.populate(on_conflict=again, **options)
        return output

    def test_after_update_it_is_the_same_command(self):
        self.stop(
            "update",
            "Stored before that: User 2. To complete the load, run the same command again.",
        )
        self.assertEqual(stored(User), self.new)

    def test_after_ignore_it_is_the_same_command_which_has_the_option(self):
        self.old = self.old[1:]
        self.stop(
            "ignore",
            "Stored before that: User 1. "
            "To complete the load, run the same command again with --on-conflict ignore.",
        )
        self.assertEqual(stored(User), sorted([self.new[0], *self.old, self.new[2], self.new[3]]))

    def test_after_error_it_is_ignore(self):
        self.old = []
        output = self.stop(
            "error",
            "Stored before that: User 2. "
            "To complete the load, run the same command again with --on-conflict ignore.",
        )
        self.assertEqual(listed(output), {"User rejects": []})
        self.assertEqual(stored(User), self.new)


class SummaryTests(OptionsTestCase):
    def test_the_summary_is_a_document(self):
        path = self.folder / "summary.json"
        files = self.files()
        self.populate(
            summary=str(path), rejects=str(self.folder / "rejects"), map=[], max_errors=9, **files
        )
        document = json.loads(path.read_text())
        seconds = [document.pop("seconds"), document["models"]["user"].pop("seconds")]
        self.assertEqual([type(number) for number in seconds], [float, float])
        self.assertEqual(
            document["models"]["user"],
            {
                "source": files["users"],
                "database": "users",
                "read": 4,
                "inserted": 2,
                "updated": 0,
                "unchanged": 0,
                "ignored": 0,
                "differing": 0,
                "rejected": 2,
                "reasons": {"ID already exists": 1, "Name cannot be empty": 1},
                "stored": True,
                "unconfirmed": False,
                "rejects_file": str(self.folder / "rejects" / "users.csv"),
            },
        )
        self.assertEqual(list(document["models"]), ["order", "user", "product"])
        del document["models"]
        self.assertEqual(
            document,
            {
                "status": "complete",
                "exit_code": 3,
                "error": None,
                "workers": "thread",
                "options": {
                    "format": [],
                    "encoding": [],
                    "delimiter": [],
                    "map": [],
                    "ignore_unknown": False,
                    "workers": None,
                    "scheduler": None,
                    "wait": 30,
                    "batch_size": 10000,
                    "on_conflict": "error",
                    "rejects": str(self.folder / "rejects"),
                    "max_errors": 9,
                    "all_or_nothing": False,
                    "dry_run": False,
                },
                "atomic": True,
                "recovered": [],
            },
        )

    def test_a_failed_load_has_a_summary_too(self):
        path = self.folder / "summary.json"
        self.populate(summary=str(path), users=str(self.folder / "none.csv"))
        document = json.loads(path.read_text())
        self.assertEqual(
            (document["status"], document["exit_code"], document["error"]),
            ("failed", 1, f"{self.folder}/none.csv: No such file or directory."),
        )
        self.assertEqual(document["models"]["user"]["read"], 0)

    def test_error_for_a_path_that_is_read_from_or_cannot_be_written(self):
        path = self.file("users.csv", USERS)
        empty = self.file("products.csv", "")
        missing = str(self.folder / "none" / "summary.json")
        for bad, message in (
            (path, "the summary would replace another file."),
            (empty, "the summary would replace another file."),
            (str(self.folder), "not a regular file."),
            (missing, "the summary cannot be written: No such file or directory."),
        ):
            with self.subTest(bad=bad):
                self.assert_fails(f"{bad}: {message}", 2, users=path, products=empty, summary=bad)
        self.assertEqual([Path(path).read_text(), Path(empty).read_text()], [USERS, ""])
        self.assertEqual(stored(User), [])

    def test_the_summary_is_written_before_the_report(self):
        path = self.folder / "summary.json"
        statuses = []

        class Stream(io.StringIO):
            def write(self, text):
                statuses.append(json.loads(path.read_text())["status"])
                return super().write(text)

        users = self.file("users.csv", "id,name,email\n1,Ann,a@b\n")
        call_command("populate_db", users=users, summary=str(path), stdout=Stream())
        self.assertEqual(set(statuses), {"complete"})

    def test_a_migration_that_fails_is_a_failure_in_the_summary(self):
        path = self.folder / "summary.json"
        refused = OperationalError("Connection refused")
        with mock.patch.object(populate_db, "migration_lock", side_effect=refused):
            self.assert_fails(
                "Database 'default' cannot be migrated: Connection refused",
                migrate=True,
                summary=str(path),
            )
        document = json.loads(path.read_text())
        self.assertEqual(document.pop("options")["batch_size"], 10_000)
        self.assertEqual(
            document,
            {
                "status": "failed",
                "exit_code": 1,
                "error": "Database 'default' cannot be migrated: Connection refused",
            },
        )

    def test_a_summary_that_cannot_be_written_is_a_failure_and_the_report_appears(self):
        path = self.folder / "summary.json"
        failure = f"{path}: the summary cannot be written: No space left on device."
        for content, conclusion in (
            ("id,name,email\n1,Ann,a@b\n", ""),
            ("id,name,email\n2,,b@c\n", "\n1 record was rejected."),
        ):
            with self.subTest(content=content):
                with mock.patch.object(SummaryFile, "finish", return_value=failure):
                    output = self.assert_fails(
                        failure + conclusion,
                        users=self.file("users.csv", content),
                        summary=str(path),
                    )
                self.assertEqual(list(printed_lists(output)), ["User rejects"])

    def test_a_path_in_the_folder_of_rejects_costs_no_rejects(self):
        rejects = self.folder / "rejects"
        rejects.mkdir()
        summary = rejects / "users.csv"
        self.populate(users=self.file("u.csv", USERS), rejects=str(rejects), summary=str(summary))
        self.assertEqual(
            json.loads(summary.read_text())["models"]["user"]["rejects_file"],
            str(rejects / "users-2.csv"),
        )

    def test_while_the_load_runs_the_summary_says_so(self):
        path = self.folder / "summary.json"
        users = self.file("u.csv", "id,name,email\n1,Ann,a@b\n")
        self.populate(users=users, summary=str(path), batch_size=7)
        self.assertEqual(json.loads(path.read_text())["status"], "complete")
        seen = []

        def look(*args):
            seen.append(json.loads(path.read_text()))
            return load(*args)

        with mock.patch.object(populate_db, "load", look):
            self.populate(users=users, summary=str(path), batch_size=8)
        [document] = seen
        self.assertEqual((list(document), document["status"]), (["status", "options"], "running"))
        self.assertEqual(document["options"]["batch_size"], 8)
        self.assertEqual(json.loads(path.read_text())["status"], "complete")
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["summary.json", "u.csv"])

    def test_ignored_records_that_differ_are_counted_and_kept_with_the_rejects(self):
        path = self.folder / "summary.json"
        self.populate(users=self.file("u.csv", "id,name,email\n1,Ann,a@b\n2,Ben,b@c\n"))
        lines = "1,Ann,a@b\n2,Bob,b@c\n3,Cid,c@d\n3,Cyd,d@e\n"
        output, error = self.populate(
            users=self.file("u.csv", f"id,name,email\n{lines}"),
            on_conflict="ignore",
            rejects=str(self.folder / "rejects"),
            summary=str(path),
        )
        self.assertIsNone(error)
        rejects = self.folder / "rejects" / "users.csv"
        lines = [line.rsplit(maxsplit=1)[0] for line in output.splitlines()[4:7]]
        self.assertEqual(
            output.splitlines()[:4] + lines,
            [
                "User rejects: [",
                "]",
                f"Written to {rejects}",
                "",
                "Model  Database  Read  Inserted  Ignored  Differing  Rejected",
                "User   users        4         1        3          2         0",
                "Total               4         1        3          2         0",
            ],
        )
        user = json.loads(path.read_text())["models"]["user"]
        self.assertEqual(
            (user["ignored"], user["differing"], user["rejected"], user["rejects_file"]),
            (3, 2, 0, str(rejects)),
        )
        self.assertEqual(
            rejects.read_text(),
            "_line,_errors,id,name,email\n"
            "3,ID 2 already exists with another name,2,Bob,b@c\n"
            '5,"ID 3 already exists with another name, email",3,Cyd,d@e\n',
        )

    def test_a_summary_replaces_another_one(self):
        path = self.folder / "summary.json"
        for records, read in (("1,Ann,a@b\n", 1), ("2,Ben,b@c\n3,Cid,c@d\n", 2)):
            self.populate(users=self.file("u.csv", f"id,name,email\n{records}"), summary=str(path))
            self.assertEqual(json.loads(path.read_text())["models"]["user"]["read"], read)


class StandardInputTests(OptionsTestCase):
    def test_error_for_two_models_that_are_read_from_it(self):
        self.assert_fails(
            "Standard input or a pipe can be read for one model only.", 2, users="-", products="-"
        )


class MapTests(OptionsTestCase):
    def test_columns_have_other_names(self):
        _, error = self.populate(
            products=self.file("p.csv", "sku,title,price,colour\n7,Lamp,9.5,red\n"),
            map=[("product", "name", "title"), ("product", "id", "sku")],
            ignore_unknown=True,
        )
        self.assertIsNone(error)
        self.assertEqual(stored(Product), [(7, "Lamp", 9.5)])

    def test_error_for_a_model_or_field_that_does_not_exist(self):
        path = self.file("p.csv", PRODUCTS)
        for entry, message in (
            (("user", "name", "x"), "--map user.name: no file of that model."),
            (("seller", "name", "x"), "--map seller.name: no file of that model."),
            (
                ("product", "colour", "x"),
                "--map product.colour: product has the fields id, name, price.",
            ),
        ):
            with self.subTest(entry=entry):
                self.assert_fails(message, 2, products=path, map=[entry])
        twice = [("product", "name", "x"), ("product", "name", "y")]
        self.assert_fails("--map product.name is given twice.", 2, products=path, map=twice)
