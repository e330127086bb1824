"""The documentation is run as it stands: its commands, their output, and its fourth model."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import skipIf

from django.core.management import BaseCommand
from django.test import SimpleTestCase

from distributed_insert.management.commands import populate_db
from distributed_insert.sources.first_bytes import UNREADABLE

from .cases import ALIASES, ROOT

MANUAL = "distributed_insert/README.md"
# In the order in which their examples are run.
READMES = ("README.md", MANUAL, "tests/README.md")
DOCUMENTS = (*READMES, "distributed_insert/GROWTH.md", ".github/CONTRIBUTING.md", "CHANGELOG.md")
# What the examples, or a set-up, make.
MADE = ("rejects/", ".venv/")


def text_of(document):
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document, *languages):
    """Return the blocks of code in these languages, as (language, code)."""
    pattern = rf"^```({'|'.join(languages)})\n(.*?)^```$"
    return re.findall(pattern, text_of(document), re.MULTILINE | re.DOTALL)


def prose(document):
    return re.sub(r"^```.*?^```$", "", text_of(document), flags=re.MULTILINE | re.DOTALL)


def anchors(path):
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def without_seconds(text):
    """Replace the last column of each summary, which no two runs share."""
    return re.sub(r"( +)\d+\.\d\d$", lambda match: " " * len(match[1]) + "n.nn", text, flags=re.M)


class ProjectTestCase(SimpleTestCase):
    """For tests that run commands in a copy of the project."""

    maxDiff = None

    def setUp(self):
        self.project = Path(tempfile.mkdtemp()) / "project"
        self.addCleanup(shutil.rmtree, self.project.parent)
        ignored = shutil.ignore_patterns(".*", "*.db*", "__pycache__", "rejects", "summary.json")
        shutil.copytree(ROOT, self.project, ignore=ignored)

    def run_command(self, command):
        """Run a line as a shell does in the project, with this Python; return output and status."""
        environment = {k: v for k, v in os.environ.items() if not k.endswith("_DATABASE_URL")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        process = subprocess.run(
            command,
            shell=True,
            cwd=self.project,
            env={**environment, "PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        return process.stdout, process.returncode


@skipIf(os.name == "nt", "The commands are those of a POSIX shell.")
class CommandsTests(ProjectTestCase):
    def test_every_command_prints_what_is_shown(self):
        commands = 0
        for document in READMES:
            for language, block in blocks(document, "console", "pycon"):
                if language == "pycon":
                    self.check_session(block)
                else:
                    commands += self.check_commands(block)
        self.assertEqual(commands, sum(text_of(document).count("\n$ ") for document in READMES))

    def check_commands(self, block):
        """Run the commands of a block, compare what they print, and return how many they are."""
        status = 0
        commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
        for command, shown in commands:
            with self.subTest(command=command):
                if command == "echo $?":
                    printed = f"{status}\n"
                else:
                    printed, status = self.run_command(command)
                self.assertEqual(without_seconds(printed), without_seconds(shown))
        return len(commands)

    def check_session(self, session):
        """Run a session of Python in the project's shell; doctest compares what it prints."""
        (self.project / "session.txt").write_text(session, encoding="utf-8")
        test = "doctest.testfile('session.txt', module_relative=False)"
        output, status = self.run_command(
            f'python manage.py shell -c "import doctest; raise SystemExit({test}.failed)"'
        )
        self.assertEqual(status, 0, output)

    def test_the_first_two_commands_are_the_ones_promised(self):
        setup = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"
        self.assertEqual(
            [block.strip() for _, block in blocks("README.md", "sh")[:2]],
            [
                f"{setup} && .venv/bin/python manage.py populate_db --migrate",
                f"{setup} && .venv/bin/python manage.py test",
            ],
        )

    def test_the_steps_by_hand_do_what_the_first_command_does(self):
        _, steps = blocks("README.md", "sh")[2]
        self.assertEqual(
            steps.splitlines(),
            [
                "python manage.py makemigrations distributed_insert",
                "python manage.py migrate --database=users",
                "python manage.py migrate --database=products",
                "python manage.py migrate --database=orders",
                "python manage.py populate_db",
            ],
        )
        for step in steps.splitlines():
            printed, status = self.run_command(step)
            self.assertEqual(status, 0, printed)
        command, shown = blocks("README.md", "console")[0][1].split("\n", 1)
        self.assertEqual(command, "$ python manage.py populate_db --migrate | grep -v True")
        lines = [line for line in printed.splitlines(True) if "True" not in line]
        self.assertEqual(without_seconds("".join(lines)), without_seconds(shown))


class DocumentsTests(SimpleTestCase):
    def test_the_readme_is_short(self):
        self.assertLessEqual(len(text_of("README.md").splitlines()), 300)

    def test_the_tree_has_a_line_for_each_file(self):
        [tree] = [block for _, block in blocks("README.md", "text") if "manage.py" in block]
        listed, folders = set(), []
        for line in tree.splitlines():
            names = re.match(r" *([^\s,]+(?:, [^\s,]+)*)", line)[1]
            folders = folders[: (len(line) - len(line.lstrip())) // 2]
            for name in names.split(", "):
                path = "/".join([*folders, name.rstrip("/")])
                self.assertTrue((ROOT / path).exists(), path)
                listed.add(path)
            if name.endswith("/"):
                folders.append(name.rstrip("/"))
        modules = {
            path.relative_to(ROOT).as_posix()
            for package in ("ds_project", "distributed_insert")
            for path in (ROOT / package).rglob("*.py")
            if path.name != "__init__.py" and not {"backports", "migrations"} & set(path.parts)
        }
        self.assertEqual(modules - listed, set())

    def test_every_picture_is_shown_or_linked(self):
        pictures = {path.name for path in (ROOT / "screenshots").glob("*.png")}
        named = set(re.findall(r"screenshots/([\w-]+\.png)", text_of("README.md")))
        self.assertEqual(named, pictures)

    def test_every_link_leads_somewhere(self):
        for document in DOCUMENTS:
            for target in re.findall(r"\]\(([^)]*)\)", prose(document)):
                with self.subTest(document=document, target=target):
                    if not target.startswith(("http://", "https://")):
                        name, _, anchor = target.partition("#")
                        path = (ROOT / document).parent / name if name else ROOT / document
                        self.assertTrue(path.exists())
                        if anchor:
                            self.assertIn(anchor, anchors(path))

    def test_every_file_named_exists(self):
        ending = r"[\w.-]+\.(?:py|md|toml|txt)"
        for document in DOCUMENTS:
            for name in re.findall(rf"`((?:[\w.-]+/)+[\w.-]*|{ending})`", prose(document)):
                with self.subTest(document=document, name=name):
                    folders = (ROOT, (ROOT / document).parent)
                    is_there = any((folder / name).exists() for folder in folders)
                    self.assertTrue(is_there or name.startswith(MADE))

    def test_every_script_named_exists(self):
        for document in DOCUMENTS:
            for module in re.findall(r"python -m (tests\.[\w.]+)", text_of(document)):
                with self.subTest(document=document, module=module):
                    self.assertTrue((ROOT / f"{module.replace('.', '/')}.py").exists())

    def test_every_option_of_the_command_is_in_the_readme(self):
        def options(command):
            parser = command.create_parser("manage.py", "populate_db")
            return {string for action in parser._actions for string in action.option_strings}

        own = options(populate_db.Command()) - options(BaseCommand())
        named = set(re.findall(r"`(--[\w-]+)", text_of("README.md")))
        self.assertEqual(own - named, set())

    def test_every_kind_of_file_that_is_not_text_is_in_the_manual(self):
        [row] = re.findall(r"^\| `this is` .*$", text_of(MANUAL), re.MULTILINE)
        self.assertEqual(re.findall("`([^`]+)`", row)[1:], [what for _, what, _ in UNREADABLE])

    def test_every_variable_of_the_settings_is_in_the_manual(self):
        settings = text_of("ds_project/settings.py")
        reads = r"(?:environ\.get\(|environ\[|\bswitch\(|\bitems\(|\bseconds\()"
        read = set(re.findall(rf"{reads}\"(\w+)\"", settings))
        self.assertIn('f"{alias.upper()}_DATABASE_URL"', settings)
        read.update(f"{alias.upper()}_DATABASE_URL" for alias in ALIASES)
        named = set(re.findall(r"`([A-Z_]+)`", text_of(MANUAL)))
        self.assertLessEqual({"SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "SECURE_HSTS_SECONDS"}, read)
        self.assertEqual(read - named, set())


class FourthModelTests(ProjectTestCase):
    def edit(self, path, before, after):
        path = self.project / path
        text = path.read_text(encoding="utf-8")
        self.assertEqual(text.count(before), 1)
        path.write_text(text.replace(before, after), encoding="utf-8")

    def test_five_pieces_make_a_model_with_a_database_of_its_own(self):
        model, rules, entry, line, aliases = (code for _, code in blocks(MANUAL, "python"))
        app = "distributed_insert"
        self.edit(f"{app}/models.py", "class Order(", f"{model}\n\nclass Order(")
        self.edit(f"{app}/validation.py", "def order_rules(", f"{rules}\n\ndef order_rules(")
        self.edit(f"{app}/datasets.py", "    Dataset(\n", f"{entry}    Dataset(\n")
        self.edit(f"{app}/datasets.py", "Order, Product, User", "Order, Product, Review, User")
        self.edit("ds_project/router.py", "\n}\n", f"\n{line}}}\n")
        settings = (self.project / "ds_project/settings.py").read_text(encoding="utf-8")
        [old] = re.findall(r"^DATABASES = .*\n", settings, re.MULTILINE)
        self.edit("ds_project/settings.py", old, aliases)
        (self.project / "reviews.csv").write_text("id,product_id,stars\n1,9,5\n2,10,0\n3,8,4\n")

        for command in ("makemigrations distributed_insert", "populate_db --migrate"):
            output, status = self.run_command(f"python manage.py {command}")
            self.assertEqual(status, 0, output)
        output, status = self.run_command("python manage.py populate_db --reviews reviews.csv")
        self.assertEqual(
            (without_seconds(output), status),
            (
                "Review rejects: [\n"
                "  {'data': {'id': '2', 'product_id': '10', 'stars': '0'}, 'success': False, "
                "'errors': ['Stars must be positive', "
                "'Invalid reference: product 10 does not exist'], "
                "'file': 'reviews.csv', 'record': 2, 'line': 3},\n"
                "]\n"
                "By reason:\n"
                "  Invalid reference: product does not exist: 1\n"
                "  Stars must be positive: 1\n"
                "\n"
                "Model   Database  Read  Inserted  Rejected  Seconds\n"
                "Review  reviews      3         2         1     n.nn\n"
                "Total                3         2         1     n.nn\n"
                "Workers: one thread per model.\n"
                "CommandError: 1 record was rejected.\n",
                3,
            ),
        )
        self.assertTrue((self.project / "reviews.db").exists())
