import io
import re
from contextlib import redirect_stderr, redirect_stdout

from django.core.management import CommandError, call_command
from django.test import SimpleTestCase

from distributed_insert.management.commands import check_references, populate_db

from ..cases import CommandTestCase

COMMANDS = {"populate_db": populate_db.Command, "check_references": check_references.Command}


class ParserTests(SimpleTestCase):
    def parser(self, name):
        command = COMMANDS[name]()
        command._called_from_command_line = True
        return command.create_parser("manage.py", name)

    def printed(self, name, *arguments):
        """Return the exit status of a command that is parsed only, and what it prints to whom."""
        output, errors = io.StringIO(), io.StringIO()
        with redirect_stdout(output), redirect_stderr(errors):
            with self.assertRaises(SystemExit) as caught:
                self.parser(name).parse_args(arguments)
        return caught.exception.code, output.getvalue(), errors.getvalue()

    def assert_error(self, message, name, *arguments):
        self.assertEqual(
            self.printed(name, *arguments),
            (2, "", f"manage.py {name}: error: {message}. See --help.\n"),
        )

    def test_a_misspelt_option_is_one_line_with_the_option_that_is_like_it(self):
        for arguments, hint in (
            (["--user", "u.csv"], " (did you mean --users?)"),
            (["--onconflict=update"], " (did you mean --on-conflict?)"),
            (["-users", "u.csv"], " (did you mean --users?)"),
            (["--batch-size", "10", "--dryrun"], " (did you mean --dry-run?)"),
            (["--sellers=x"], ""),
            (["--zip"], ""),
            (["users.csv"], " (did you mean --users?)"),
            (["stock.csv"], ""),
        ):
            with self.subTest(arguments=arguments):
                words = " ".join(word for word in arguments if word not in ("--batch-size", "10"))
                self.assert_error(
                    f"unrecognized arguments: {words}{hint}", "populate_db", *arguments
                )
        self.assert_error(
            "unrecognized arguments: --summery x (did you mean --summary?)",
            *("check_references", "--summery", "x"),
        )

    def test_a_wrong_value_is_one_line(self):
        wrong = "argument --batch-size: 'x' is not a positive integer"
        for name in COMMANDS:
            with self.subTest(name=name):
                self.assert_error(wrong, name, "--batch-size", "x")
        self.assert_error("argument --users: expected one argument", "populate_db", "--users")

    def test_an_option_that_is_cut_short_is_not_taken_for_another(self):
        for cut in ("--dry", "--all", "--max-err=1", "--mig"):
            with self.subTest(cut=cut):
                code, _, errors = self.printed("populate_db", cut)
                self.assertEqual(code, 2)
                self.assertIn(f"error: unrecognized arguments: {cut}", errors)

    def test_help_ends_with_examples_which_the_command_understands(self):
        for name, number in (("populate_db", 4), ("check_references", 2)):
            code, output, _ = self.printed(name, "--help")
            self.assertEqual(code, 0)
            _, examples = output.split("\nexamples:\n")
            lines = examples.splitlines()
            self.assertEqual(len(lines), number)
            for line in lines:
                with self.subTest(line=line):
                    self.assertLessEqual(len(line), 100)
                    start, _, arguments = line.partition(f"  python manage.py {name}")
                    self.assertEqual(start, "")
                    words = arguments.split(" 2>")[0].replace("'", "").split()
                    self.parser(name).parse_args(words)

    def test_an_option_of_the_command_stands_before_those_of_django(self):
        _, output, _ = self.printed("check_references", "--help")
        options = re.findall(r"^  (?:-\w[^-]*)?(--[\w-]+)", output, re.MULTILINE)
        self.assertLess(options.index("--batch-size"), options.index("--version"))
        _, output, _ = self.printed("populate_db", "--help")
        self.assertIn("\nworkers:\n  --workers {thread,process,dask}\n", output)

    def test_a_program_that_calls_the_command_gets_an_exception(self):
        for name in COMMANDS:
            with self.subTest(name=name), self.assertRaises(CommandError) as caught:
                call_command(name, "--batch-size=x")
            self.assertEqual(
                str(caught.exception),
                "Error: argument --batch-size: 'x' is not a positive integer",
            )


class TypedTests(CommandTestCase):
    def test_a_misspelt_option_ends_the_process_with_2(self):
        for name, word in (("populate_db", "--user"), ("check_references", "--sumary")):
            with self.subTest(name=name):
                process = self.manage(name, word, "u.csv")
                meant = {"--user": "--users", "--sumary": "--summary"}[word]
                self.assertEqual(
                    (process.returncode, process.stdout, process.stderr),
                    (
                        2,
                        "",
                        f"manage.py {name}: error: unrecognized arguments: {word} u.csv "
                        f"(did you mean {meant}?). See --help.\n",
                    ),
                )
