"""README.md is run as it stands: its commands, their output, and its fourth model."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import skipIf

from django.test import SimpleTestCase

from .cases import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def without_seconds(text):
    """Replace the last column of each summary, which no two runs share."""
    return re.sub(r"( +)\d+\.\d\d$", lambda match: " " * len(match[1]) + "n.nn", text, flags=re.M)


class ReadmeTestCase(SimpleTestCase):
    maxDiff = None

    def setUp(self):
        self.project = Path(tempfile.mkdtemp()) / "project"
        self.addCleanup(shutil.rmtree, self.project.parent)
        ignored = shutil.ignore_patterns(".*", "*.db*", "__pycache__")
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
class CommandsTests(ReadmeTestCase):
    def test_every_command_prints_what_is_shown(self):
        status = commands = 0
        for block in blocks("console"):
            for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
                commands += 1
                with self.subTest(command=command):
                    name = command[4:] if command.startswith("cat ") else ""
                    if name and not (self.project / name).exists():
                        (self.project / name).write_text(shown, encoding="utf-8")
                    if command == "echo $?":
                        printed = f"{status}\n"
                    else:
                        printed, status = self.run_command(command)
                    self.assertEqual(without_seconds(printed), without_seconds(shown))
        self.assertEqual(commands, README.count("\n$ "))

    def test_the_two_first_commands_are_the_ones_promised(self):
        setup = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"
        self.assertEqual(
            [block.strip() for block in blocks("sh")[:2]],
            [
                f"{setup} && .venv/bin/python manage.py populate_db --migrate",
                f"{setup} && .venv/bin/python manage.py test",
            ],
        )


class FourthModelTests(ReadmeTestCase):
    def edit(self, path, before, after):
        path = self.project / path
        text = path.read_text(encoding="utf-8")
        self.assertEqual(text.count(before), 1)
        path.write_text(text.replace(before, after), encoding="utf-8")

    def test_five_pieces_make_a_model_with_a_database_of_its_own(self):
        model, rules, entry, line, aliases = blocks("python")
        app = "distributed_insert"
        self.edit(f"{app}/models.py", "class Order(", f"{model}\n\nclass Order(")
        self.edit(f"{app}/validation.py", "def order(", f"{rules}\n\ndef order(")
        self.edit(f"{app}/datasets.py", "    Dataset(Order,", f"{entry}    Dataset(Order,")
        self.edit(f"{app}/datasets.py", "Order, Product, User", "Order, Product, Review, User")
        self.edit("ds_project/router.py", "\n}\n", f"\n{line}}}\n")
        settings = (self.project / "ds_project/settings.py").read_text(encoding="utf-8")
        [old] = re.findall(r"^DATABASES = .*\n", settings, re.MULTILINE)
        self.edit("ds_project/settings.py", old, aliases)
        (self.project / "reviews.csv").write_text("id,product_id,stars\n1,9,5\n2,10,0\n3,8,4\n")

        for command in ("makemigrations", "populate_db --migrate"):
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
                "\n"
                "Model   Database  Read  Inserted  Rejected  Seconds\n"
                "Review  reviews      3         2         1     n.nn\n"
                "Total                3         2         1     n.nn\n"
                "Workers: one thread a model.\n"
                "CommandError: 1 record was rejected.\n",
                3,
            ),
        )
        self.assertTrue((self.project / "reviews.db").exists())
