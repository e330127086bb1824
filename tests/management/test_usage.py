import json
from unittest import mock

from django.test import SimpleTestCase

from distributed_insert.management.commands.populate_db import Command
from distributed_insert.management.usage import (
    DASK_OPTIONS,
    DEFAULTS,
    FILE_OPTIONS,
    RECORD_OPTIONS,
    check_workers,
)
from distributed_insert.models import User

from ..cases import CommandTestCase, PopulateTestCase, stored

FILES = "--orders FILE, --users FILE"
WITH_FILES = f"goes with files: add {FILES} or --products FILE."
WITH_SAMPLE = f"goes with files or with --sample: add {FILES}, --products FILE or --sample."

# For each option that needs a file, a value.
VALUES = {
    "format": "csv",
    "encoding": "utf-8-sig",
    "delimiter": ",",
    "map": [("user", "name", "title")],
    "ignore_unknown": True,
    "on_conflict": "error",
    "rejects": "rejects",
    "max_errors": 0,
}


class UsageTests(PopulateTestCase):
    def test_error_for_an_option_that_needs_a_file(self):
        """Also with the value that stands for it where it is not given."""
        for name, value in VALUES.items():
            option = f"--{name.replace('_', '-')}"
            with self.subTest(option=option):
                message = WITH_FILES if name in FILE_OPTIONS else WITH_SAMPLE
                self.assert_fails(f"{option} {message}", 2, **{name: value})
        self.assertEqual(stored(User), [])
        self.assertEqual({*FILE_OPTIONS, *RECORD_OPTIONS}, set(VALUES))

    def test_error_for_several_options_names_them_all(self):
        self.assert_fails(
            "--on-conflict and --max-errors go with files or with --sample: "
            f"add {FILES}, --products FILE or --sample.",
            2,
            on_conflict="update",
            max_errors=3,
        )
        self.assert_fails(
            f"--format, --map and --rejects go with files: add {FILES} or --products FILE.",
            2,
            format="csv",
            map=VALUES["map"],
            rejects="rejects",
        )

    def test_error_for_what_is_said_about_files_beside_the_sample(self):
        for name in FILE_OPTIONS:
            option = f"--{name.replace('_', '-')}"
            with self.subTest(option=option):
                self.assert_fails(
                    f"--sample cannot be given together with {option}.",
                    2,
                    sample=True,
                    **{name: VALUES[name]},
                )

    def test_error_for_a_file_beside_the_sample(self):
        self.assert_fails(
            "--sample cannot be given together with --users.", 2, sample=True, users="u.csv"
        )
        self.assert_fails(
            "--sample cannot be given together with --orders, --users and --encoding.",
            2,
            sample=True,
            users="u.csv",
            orders="o.csv",
            encoding="latin-1",
        )

    def test_what_was_not_given_needs_nothing(self):
        nothing = {"map": [], "ignore_unknown": False, "on_conflict": None, "sample": False}
        _, error = self.populate(batch_size=3, dry_run=True, **nothing)
        self.assertIsNone(error)

    def test_the_sample_goes_with_what_becomes_of_records(self):
        _, error = self.populate(
            sample=True, on_conflict="ignore", rejects=str(self.folder / "rejects"), max_errors=9
        )
        self.assertIsNone(error)
        self.assertEqual(len(stored(User)), 9)


class DefaultTests(SimpleTestCase):
    def test_every_option_that_needs_a_file_has_no_default_of_its_own(self):
        parser = Command().create_parser("manage.py", "populate_db")
        self.assertEqual({parser.get_default(name) for name in VALUES}, {None})
        self.assertLessEqual(set(DEFAULTS), {*VALUES, *DASK_OPTIONS})


class TypedTests(CommandTestCase):
    def test_an_option_without_a_file_ends_the_process_with_2_before_anything_is_written(self):
        for options, message in (
            (["--on-conflict=update"], f"--on-conflict {WITH_SAMPLE}"),
            (["--ignore-unknown", "--migrate"], f"--ignore-unknown {WITH_FILES}"),
            (["--sample", "--users=-"], "--sample cannot be given together with --users."),
        ):
            with self.subTest(options=options):
                process = self.populate(*options, f"--summary={self.folder}/summary.json")
                self.assertEqual(
                    (process.returncode, process.stdout, process.stderr),
                    (2, "", f"CommandError: {message}\n"),
                )
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_the_summary_has_the_values_that_stand_for_what_was_not_given(self):
        self.migrate()
        path = self.folder / "summary.json"
        process = self.populate("--summary", str(path))
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        options = json.loads(path.read_text())["options"]
        self.assertEqual({name: options[name] for name in DEFAULTS}, DEFAULTS)


class DaskUsageTests(PopulateTestCase):
    def test_error_for_an_option_that_needs_dask(self):
        address = "tcp://127.0.0.1:8786"
        for workers in (None, "thread", "process"):
            with self.subTest(workers=workers):
                message = "--scheduler goes with --workers dask."
                self.assert_fails(message, 2, workers=workers, scheduler=address)
                message = "--wait goes with --workers dask."
                self.assert_fails(message, 2, workers=workers, wait=0)
                message = "--scheduler and --wait go with --workers dask."
                self.assert_fails(message, 2, workers=workers, scheduler=address, wait=9)

    def test_error_for_dask_without_a_scheduler(self):
        with mock.patch.dict("os.environ", {"DASK_SCHEDULER_ADDRESS": ""}):
            self.assert_fails(
                "--workers dask needs a scheduler: add --scheduler tcp://HOST:PORT, or set "
                "DASK_SCHEDULER_ADDRESS.",
                2,
                workers="dask",
            )

    def test_error_for_what_is_no_address_in_the_environment(self):
        with mock.patch.dict("os.environ", {"DASK_SCHEDULER_ADDRESS": "10.0.0.1:8786"}):
            self.assert_fails(
                "DASK_SCHEDULER_ADDRESS: '10.0.0.1:8786' is not an address like tcp://HOST:PORT.",
                2,
                workers="dask",
            )

    def test_the_environment_names_the_scheduler_unless_the_command_does(self):
        given = {"workers": "dask", "wait": None}
        with mock.patch.dict("os.environ", {"DASK_SCHEDULER_ADDRESS": "tcp://a:1"}):
            found = [
                check_workers({**given, "scheduler": scheduler})["scheduler"]
                for scheduler in (None, "tcp://b:2")
            ]
            others = check_workers({"workers": "thread", "scheduler": None, "wait": None})
        self.assertEqual(found, ["tcp://a:1", "tcp://b:2"])
        self.assertIsNone(others["scheduler"])

    def test_error_for_streams_of_this_machine(self):
        self.assert_fails(
            "--users: standard input and pipes are on this machine, and --workers dask reads files "
            "on others. Name a file or a URL that they can open.",
            2,
            workers="dask",
            scheduler="tcp://127.0.0.1:8786",
            users="-",
            orders="orders.csv",
        )


class MissingPackageTests(CommandTestCase):
    def test_the_message_names_the_package(self):
        ended = self.run_script(
            "import sys\n"
            "from django.core.management import CommandError, call_command\n"
            "sys.modules['distributed'] = None\n"
            "try:\n"
            "    call_command('populate_db', '--sample', workers='dask', scheduler='tcp://a:1')\n"
            "except CommandError as error:\n"
            "    print(error.returncode, error)\n"
        )
        self.assertEqual(
            (ended.stdout, ended.stderr),
            (
                "1 --workers dask needs Dask, which cannot be imported here (import of distributed "
                'halted; None in sys.modules). Run: pip install "dask[distributed]"\n'
                "Nothing was stored.\n",
                "",
            ),
        )
