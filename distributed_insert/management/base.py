"""What the commands have in common: wrong usage is reported in one line, and help has examples."""

import difflib
import re
from argparse import RawDescriptionHelpFormatter
from functools import partial

from django.core.management import BaseCommand
from django.core.management.base import DjangoHelpFormatter


class HelpFormatter(RawDescriptionHelpFormatter, DjangoHelpFormatter):
    """Keeps the lines of descriptions and examples."""


class ProjectCommand(BaseCommand):
    examples: str
    """How the command is used, one example per line."""

    def create_parser(self, prog_name, subcommand, **kwargs):
        parser = super().create_parser(
            prog_name,
            subcommand,
            # An option that is cut short could become another one with a later version.
            allow_abbrev=False,
            formatter_class=HelpFormatter,
            epilog=f"examples:\n{self.examples}",
            **kwargs,
        )
        if parser.called_from_command_line:
            parser.error = partial(_end_in_one_line, parser)
        return parser


def _end_in_one_line(parser, message):
    hint = ""
    _, is_unknown, words = message.partition("unrecognized arguments: ")
    if is_unknown:
        known = re.findall(r"--([\w-]+)", parser.format_usage())
        word = re.split("[ =]", words)[0].lstrip("-")
        for similar in difflib.get_close_matches(word, known, n=1, cutoff=0.7):
            hint = f" (did you mean --{similar}?)"
    parser.exit(2, f"{parser.prog}: error: {message}{hint}. See --help.\n")
