"""python manage.py check_references: find stored records with references that do not exist."""

import time
from collections import Counter
from uuid import uuid4

from django.core.management import CommandError
from django.db import router

from ... import reports
from ...databases import errors, require_table
from ...datasets import DATASETS
from ...exceptions import LoadError
from ...loading import (
    Counts,
    ModelResult,
    Options,
    Outcome,
    Reject,
    most_frequent_first,
)
from ...references import check_stored, does_not_exist, some_do_not_exist
from .. import arguments, option_types
from ..base import ProjectCommand
from ..output import end_with, outputs
from ..signals import interrupts


class Command(ProjectCommand):
    help = (
        "Reads the databases and lists the orders whose user or product is missing.\n\n"
        "Exit status: 0 no reference is missing, 1 a database failed, 2 wrong usage, 3 references\n"
        "are missing, 130 interrupted (143 by SIGTERM)."
    )
    examples = """\
  python manage.py check_references
  python manage.py check_references --summary - 2> report.txt"""

    def add_arguments(self, parser):
        parser.add_argument(
            "--batch-size",
            type=option_types.positive_integer,
            default=Options.batch_size,
            metavar="N",
            help="records read at a time (default: %(default)s)",
        )
        arguments.add_summary(parser)

    def handle(self, *, batch_size, summary, **options):
        shown = {"batch_size": batch_size}
        print_lines, summary_file = outputs(self, summary, uuid4().hex)
        summary_file.begin(reports.running(shown))
        started = time.perf_counter()
        datasets = [dataset for dataset in DATASETS if dataset.references]
        try:
            require_tables(datasets)
            with interrupts() as stopped_by:
                models = [
                    self.check_model(dataset, batch_size, stopped_by, print_lines)
                    for dataset in datasets
                ]
        except LoadError as error:
            failure = CommandError(str(error))
            summary_file.finish(reports.failed(failure, shown))
            raise failure from error
        seconds = time.perf_counter() - started
        outcome = Outcome(tuple(models), "thread", seconds, signal=stopped_by())
        exit_code = reports.exit_status(outcome)
        failure = summary_file.finish(reports.document(outcome, exit_code, shown))
        print_lines(reports.counts_table(outcome, ("read", "rejected")))
        print_lines(summary_file.notes)
        dangling = sum(model.counts.rejected for model in outcome.models)
        records = "record has" if dangling == 1 else "records have"
        stopped = "Stopped before the end. " if outcome.signal else ""
        conclusion = ""
        if exit_code:
            conclusion = f"{stopped}{dangling:,} {records} references that do not exist."
        end_with([failure, print_lines.failure], conclusion, exit_code)

    def check_model(self, dataset, batch_size, stopped_by, print_lines):
        """List the dangling records of a model as they are found, and return how many there are."""
        started = time.perf_counter()
        source = f"database '{dataset.using}'"
        read = rejected = 0
        reasons: Counter[str] = Counter()
        print_lines([f"{dataset.name} records that refer to nothing: ["])
        for size, dangling in check_stored(dataset.model, dataset.references, batch_size):
            print_lines(
                reports.reject_line(
                    source,
                    Reject(read + place, None, record, [does_not_exist(*each) for each in absent]),
                )
                for place, record, absent in dangling
            )
            reasons.update(
                some_do_not_exist(model) for _, _, absent in dangling for model, _ in absent
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
            reasons=most_frequent_first(reasons),
        )


def require_tables(datasets):
    """Raise LoadError, with all reasons, if the check cannot begin."""
    models = [model for d in datasets for model in (d.model, *d.references.values())]
    reasons = []
    for model in dict.fromkeys(models):
        using = router.db_for_read(model)
        try:
            with errors(using):
                require_table(model, using)
        except LoadError as error:
            reasons.append(str(error))
    if reasons:
        raise LoadError("\n".join(reasons))
