"""python manage.py check_references: find stored records with references that do not exist."""

import time

from django.core.management import BaseCommand, CommandError
from django.db import Error

from ... import reports
from ...datasets import DATASETS
from ...loading import Counts, ModelResult, Options, Outcome, Reject
from ...references import check_stored
from .. import arguments
from ..output import Printer, SummaryFile, end_with
from ..signals import interrupts


class Command(BaseCommand):
    help = (
        "Reads the databases and lists the orders whose user or product is missing. "
        "Exit status: 0 no reference is missing, 1 a database failed, 2 wrong usage, 3 references "
        "are missing, 130 interrupted (143 by SIGTERM)."
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
        print_lines = Printer(self.stdout)
        shown = {"batch_size": batch_size}
        file = SummaryFile(summary) if summary else None
        if file:
            file.begin(reports.running(shown))
        started = time.perf_counter()
        datasets = [dataset for dataset in DATASETS if dataset.references]
        try:
            with interrupts() as stopped_by:
                models = [
                    self.check_model(dataset, batch_size, stopped_by, print_lines)
                    for dataset in datasets
                ]
        except Error as error:
            failure = CommandError(f"The references cannot be checked: {error}")
            if file:
                file.finish(reports.failed(failure, shown))
            raise failure from error
        seconds = time.perf_counter() - started
        outcome = Outcome(tuple(models), "thread", seconds, signal=stopped_by())
        exit_code = reports.exit_status(outcome)
        failure = file.finish(reports.document(outcome, exit_code, shown)) if file else ""
        print_lines(reports.counts_table(outcome, ("read", "rejected")))
        dangling = sum(model.counts.rejected for model in outcome.models)
        records = "record has" if dangling == 1 else "records have"
        stopped = "Stopped before the end. " if outcome.signal else ""
        end_with(
            failures=[failure, print_lines.failure],
            conclusion=f"{stopped}{dangling:,} {records} references that do not exist."
            if exit_code
            else "",
            exit_code=exit_code,
        )

    def check_model(self, dataset, batch_size, stopped_by, print_lines):
        """List the dangling records of a model as they are found, and return how many there are."""
        started = time.perf_counter()
        source = f"database '{dataset.using}'"
        read = rejected = 0
        print_lines([f"{dataset.name} records that refer to nothing: ["])
        for size, dangling in check_stored(dataset.model, dataset.references, batch_size):
            print_lines(
                reports.reject_line(source, Reject(read + place, None, record, errors))
                for place, record, errors in dangling
            )
            read += size
            rejected += len(dangling)
            if stopped_by():
                break
        print_lines(["]", ""])
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
