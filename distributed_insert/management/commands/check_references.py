"""python manage.py check_references: find stored records that refer to ones that are not there."""

import time

from django.core.management import BaseCommand, CommandError
from django.db import Error as DatabaseError

from ... import arguments, reporting
from ...datasets import DATASETS
from ...hosts import THREAD
from ...options import Options
from ...output import check_json_path, print_lines, write_json
from ...references import check_stored
from ...results import KEPT_REJECTS, Counts, ModelResult, Outcome, Reject


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
        parser.add_argument(
            "--summary", metavar="FILE", help="write the outcome there as a JSON document"
        )

    def handle(self, *, batch_size, summary, **options):
        if summary:
            check_json_path(summary)
        started = time.perf_counter()
        try:
            models = [self.check_model(d, batch_size) for d in DATASETS if d.references]
        except DatabaseError as error:
            raise CommandError(f"The references cannot be checked: {error}") from error
        outcome = Outcome(tuple(models), THREAD, time.perf_counter() - started)
        exit_code = reporting.exit_status(outcome)
        for model in outcome.models:
            print_lines(self.stdout, [*reporting.rejects(model), ""])
        print_lines(self.stdout, reporting.summary(outcome, ("read", "rejected")))
        if summary:
            write_json(summary, reporting.document(outcome, exit_code, {"batch_size": batch_size}))
        if exit_code:
            dangling = sum(model.counts.rejected for model in outcome.models)
            records = "record refers" if dangling == 1 else "records refer"
            raise CommandError(f"{dangling:,} {records} to nothing.", returncode=exit_code)

    def check_model(self, dataset, batch_size):
        started = time.perf_counter()
        read = rejected = 0
        kept = []
        for size, dangling in check_stored(dataset.model, dataset.references, batch_size):
            kept += [
                Reject(read + place, None, record, errors)
                for place, record, errors in dangling[: KEPT_REJECTS - len(kept)]
            ]
            read += size
            rejected += len(dangling)
        return ModelResult(
            model=dataset.name,
            source=f"database '{dataset.using}'",
            database=dataset.using,
            counts=Counts(read=read, rejected=rejected),
            is_stored=True,
            rejects=tuple(kept),
            rejects_file=None,
            seconds=time.perf_counter() - started,
        )
