"""The pictures of the documentation show the code and the commands as they are now."""

import os
import struct
import subprocess
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from unittest import skipIf, skipUnless

from django.test import SimpleTestCase, tag

from screenshots import contents, scratch

from .cases import ROOT

REMEDY = "Run: python screenshots/make.py"
BARS = "\x1b[36morders\x1b[0m   ━━╺━━ {} {} read {} rejected {}"


class PicturesTestCase(SimpleTestCase):
    def assert_shown(self, **texts):
        """Check that each picture was made when its text was this one."""
        stored = contents.digests()
        for name, text in texts.items():
            with self.subTest(picture=name):
                if stored.get(name) != contents.digest(text):
                    self.fail(f"{name}.png does not show this. {REMEDY}\n{text}")


class FilesTests(PicturesTestCase):
    def test_all_pictures_and_no_others_are_there(self):
        pictures = sorted(path.stem for path in contents.HERE.glob("*.png"))
        self.assertEqual(pictures, sorted(contents.PICTURES), REMEDY)
        self.assertEqual(sorted(contents.digests()), pictures, REMEDY)

    def test_they_have_one_width_and_less_than_200_kb(self):
        for path in contents.HERE.glob("*.png"):
            with self.subTest(picture=path.name):
                png = path.read_bytes()
                self.assertEqual(struct.unpack(">I", png[16:20]), (1660,))
                self.assertLess(len(png), 200000)


class CodeTests(PicturesTestCase):
    @tag("pictures_of_code")
    def test_the_code_is_as_it_is_shown(self):
        self.assert_shown(**{name: contents.code_text(name) for name in contents.CODE})

    def test_a_part_reaches_from_one_definition_to_another(self):
        path = "tests/test_screenshots.py"
        parts = [("CodeTests", "CodeTests.test_the_code_is_as_it_is_shown")]
        [(first, last)] = contents.line_ranges(path, parts)
        shown = (ROOT / path).read_text(encoding="utf-8").splitlines()[first - 1 : last]
        self.assertEqual(shown[0], "class CodeTests(PicturesTestCase):")
        self.assertIn("contents.code_text(name)", shown[-1])
        self.assertEqual(len(shown), 4)

    def test_a_part_begins_with_its_decorators(self):
        path = "tests/test_screenshots.py"
        name = "CodeTests.test_the_code_is_as_it_is_shown"
        [(first, last)] = contents.line_ranges(path, [(name, name)])
        self.assertEqual(last - first, 2)

    def test_the_text_has_the_names_of_files_and_the_numbers_of_lines(self):
        lines = contents.code_text("05-database-router").splitlines()
        self.assertEqual(lines[0], "ds_project/router.py")
        self.assertEqual(lines[4], '4     "distributed_insert.user": "users",')


class TextTests(SimpleTestCase):
    def test_seconds_and_colours_make_no_difference(self):
        printed = "\x1b[1mModel  Seconds\x1b[0m\nOrder     {}\nWorkers: one thread per model.\n"
        self.assertEqual(
            {contents.command_text("populate_db", printed.format(s)) for s in ("0.01", " 12.50")},
            {"populate_db\nModel  Seconds\nOrder n.nn\nWorkers: one thread per model.\n"},
        )

    def test_the_signs_of_all_versions_of_django_are_one(self):
        self.assertEqual(
            {contents.command_text("x", f"    {sign} Create model Order\n") for sign in "-+"},
            {"x\n    + Create model Order\n"},
        )

    def test_the_numbers_and_the_lengths_of_bars_make_no_difference(self):
        drawings = [
            [BARS.format(" 40%", "1,200", "31", "0:00:02")],
            [BARS.format("  3%", "7", "0", "-:--:--"), BARS.format("100%", "9", "0", "0:00:00")],
        ]
        self.assertEqual(
            {contents.progress_text(drawn).split("\n", 1)[1] for drawn in drawings},
            {"orders ━ n% n read n rejected n"},
        )


@skipIf(os.name == "nt", "Windows has no pseudo-terminals.")
class CommandsTests(PicturesTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        stack = ExitStack()
        cls.addClassCleanup(stack.close)
        cls.project = stack.enter_context(scratch.project())
        cls.printed = cls.project.run_all(contents.COMMANDS)
        # Before another test loads more orders.
        cls.project.add_admin()
        cls.admin = cls.project.admin_list(contents.ORDERS)

    def test_commands_print_what_is_shown(self):
        self.assert_shown(
            **{
                name: contents.command_text(contents.COMMANDS[name], printed)
                for name, printed in self.printed.items()
            }
        )

    @skipUnless(find_spec("rich"), "To enable this test: pip install rich")
    def test_the_bars_have_the_columns_that_are_shown(self):
        drawn = self.project.progress(contents.LOAD_FILES, records=200)
        self.assert_shown(**{contents.PROGRESS: contents.progress_text(drawn)})

    def test_the_admin_lists_what_is_shown(self):
        self.assert_shown(**{contents.ADMIN: self.admin})

    def test_error_for_a_command_that_fails(self):
        with self.assertRaisesMessage(RuntimeError, "manage.py nothing failed:\nUnknown command"):
            self.project.manage("nothing")


@skipUnless(
    find_spec("rich") and find_spec("PIL"),
    "To enable these tests: pip install -r requirements-dev.txt",
)
class MakeTests(SimpleTestCase):
    def assert_fails(self, message, *arguments, returncode):
        process = subprocess.run(
            [sys.executable, "screenshots/make.py", *arguments],
            cwd=str(ROOT),
            env={**os.environ, "PATH": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        last = process.stderr.splitlines()[-1]
        self.assertEqual((process.returncode, process.stdout, last), (returncode, "", message))

    def test_error_without_chromium(self):
        self.assert_fails(
            "Chromium or its fonts are missing. Run: apt-get install chromium fonts-dejavu-core",
            returncode=1,
        )

    def test_error_for_a_name_that_no_picture_has(self):
        self.assert_fails("make.py: error: no such picture: 13-x", "13-x", returncode=2)
