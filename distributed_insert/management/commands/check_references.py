"""python manage.py check_references: find stored records that refer to ones that are not there."""

import time

from django.core.management import BaseCommand, CommandError
from django.db import Error as DatabaseError

from ... import reports
from ...datasets import DATASETS
from ...loading import Counts, ModelResult, Options, Outcome, Reject
from ...references import check_stored
from .. import arguments
from ..output import SummaryFile, print_lines
from ..signals import interrupts


class Command(BaseCommand):
    help = (
        "Reads the databases and lists the orders whose user or product is missing. "
        "Exit status: 0 none is missing, 1 a database failed, 2 wrong usage, 3 some are missing."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--batch-size",
            type=arguments.positive_integer,
            default=Options.batch_size,
            metavar="N",
            help="records read at a time (default: %(default)s)",
        )
        arguments.add_summary(parser)

    def handle(self, *, batch_size, summary, **options):
        file = SummaryFile(summary) if summary else None
        if file:
            file.begin(reports.running({"batch_size": batch_size}))
        started = time.perf_counter()
        datasets = [dataset for dataset in DATASETS if dataset.references]
        try:
            with interrupts() as stopped_by:
                models = [self.check_model(d, batch_size, stopped_by) for d in datasets]
        except DatabaseError as error:
            raise CommandError(f"The references cannot be checked: {error}") from error
        seconds = time.perf_counter() - started
        outcome = Outcome(tuple(models), "thread", seconds, signal=stopped_by())
        exit_code = reports.exit_status(outcome)
        failure = ""
        if file:
            failure = file.finish(reports.document(outcome, exit_code, {"batch_size": batch_size}))
        print_lines(self.stdout, reports.summary(outcome, ("read", "rejected")))
        if exit_code or failure:
            dangling = sum(model.counts.rejected for model in outcome.models)
            records = "record refers" if dangling == 1 else "records refer"
            stopped = "Stopped before the end. " if outcome.signal else ""
            conclusion = f"{stopped}{dangling:,} {records} to nothing." if exit_code else ""
            raise CommandError(
                "\n".join(filter(None, [failure, conclusion])),
                returncode=reports.FAILED if failure else exit_code,
            )

    def check_model(self, dataset, batch_size, stopped_by):
        """List the dangling records of a model as they are found, and return how many they are."""
        started = time.perf_counter()
        source = f"database '{dataset.using}'"
        read = rejected = 0
        print_lines(self.stdout, [f"{dataset.name} records that refer to nothing: ["])
        for size, dangling in check_stored(dataset.model, dataset.references, batch_size):
            print_lines(
                self.stdout,
                (
                    reports.reject_line(source, Reject(read + place, None, record, errors))
                    for place, record, errors in dangling
                ),
            )
            read += size
            rejected += len(dangling)
            if stopped_by():
                break
        print_lines(self.stdout, ["]", ""])
        return ModelResult(
            model=dataset.name,
            source=source,
            database=dataset.using,
            counts=Counts(read=read, rejected=rejected),
            is_stored=True,
            is_unconfirmed=False,
            rejects=(),
            rejects_file=None,
            seconds=time.perf_counter() - started,
        )
