"""python manage.py populate_db: load users, products and orders into their databases at once."""

import argparse
import os
import sys

from django.core.management import BaseCommand, CommandError, call_command
from django.db import Error as DatabaseError
from django.db import connections

from ... import reporting
from ...datasets import DATASETS
from ...loading import load
from ...sources import CsvSource, MemorySource

REJECTED = 3


def positive_integer(text):
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive integer")
    return number


class Command(BaseCommand):
    help = (
        "Loads users, products and orders into their databases, all at the same time: from the "
        "CSV files given, or else the sample. Exit status: 0 everything went in (or it was the "
        "sample), 1 the load failed, 2 wrong usage, 3 records were rejected."
    )

    def add_arguments(self, parser):
        for dataset in DATASETS:
            parser.add_argument(
                f"--{dataset.plural}",
                metavar="FILE",
                help=f"a CSV file of {dataset.plural}; its header names the fields "
                f"{', '.join(dataset.fields)}, in any order",
            )
        parser.add_argument(
            "--batch-size",
            type=positive_integer,
            default=10_000,
            metavar="N",
            help="records inserted in one transaction (default: %(default)s)",
        )
        parser.add_argument(
            "--migrate",
            action="store_true",
            help="first apply the pending migrations of every database",
        )

    def handle(self, *, batch_size, migrate, verbosity, **options):
        if migrate:
            self.migrate_all(verbosity - 1)
        sources = {
            dataset: CsvSource(options[dataset.plural])
            for dataset in DATASETS
            if options[dataset.plural] is not None
        }
        samples = {} if sources else {d.name: d.sample for d in DATASETS}
        outcome = load(sources or {d: MemorySource(d.sample) for d in DATASETS}, batch_size)
        self.print_lines(reporting.report(outcome, samples))
        if outcome.error:
            raise CommandError(reporting.failure(outcome))
        rejected = sum(model.rejected for model in outcome.models)
        if rejected and not samples:
            records = "record was" if rejected == 1 else "records were"
            raise CommandError(f"{rejected:,} {records} rejected.", returncode=REJECTED)

    def migrate_all(self, verbosity):
        for alias in connections:
            try:
                call_command("migrate", database=alias, verbosity=verbosity)
            except DatabaseError as error:
                raise CommandError(f"Database '{alias}' cannot be migrated: {error}") from error

    def print_lines(self, lines):
        """Print for as long as somebody reads, and not on into a closed pipe (`| head`)."""
        try:
            for line in lines:
                try:
                    self.stdout.write(line)
                except UnicodeEncodeError as error:
                    # What the terminal cannot show becomes an escape, which Python reads back.
                    shown = line.encode(error.encoding, "backslashreplace")
                    self.stdout.write(shown.decode(error.encoding))
            self.stdout.flush()
        except BrokenPipeError:
            # The interpreter flushes once more as it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
