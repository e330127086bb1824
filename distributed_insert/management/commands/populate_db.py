"""python manage.py populate_db: load users, products and orders into their databases at once."""

import io
from contextlib import ExitStack
from dataclasses import fields
from typing import Dict

from django.core.management import BaseCommand, CommandError, call_command
from django.db import Error as DatabaseError
from django.db import connections

from ... import reports
from ...datasets import DATASETS, Dataset
from ...executors import WORKERS
from ...loading import ON_CONFLICT, Options, load
from ...sources import DEFAULT_ENCODING, FORMATS, STANDARD_INPUT, MemorySource, open_source
from .. import arguments
from ..locks import migration_lock
from ..output import SummaryFile, print_lines
from ..signals import interrupts

SUMMARISED_OPTIONS = (
    "format",
    "encoding",
    "delimiter",
    "map",
    "ignore_unknown",
    *(field.name for field in fields(Options)),
)


class Command(BaseCommand):
    help = (
        "Loads users, products and orders concurrently, each into its own database, from files "
        "or, without any, from the sample. Exit status: 0 everything was stored (or it was the "
        "sample), 1 the load failed, 2 wrong usage, 3 finished and records were rejected, 130 "
        "interrupted (143 by SIGTERM)."
    )

    def add_arguments(self, parser):
        files = parser.add_argument_group(
            "files",
            "CSV with a header, or JSON Lines (.jsonl, .ndjson), plain or gzipped (.gz). "
            "- is standard input, for one of the models.",
        )
        for dataset in DATASETS:
            files.add_argument(
                f"--{dataset.plural}",
                type=arguments.path,
                metavar="FILE",
                help=f"{dataset.plural}: {', '.join(dataset.fields)}",
            )
        files.add_argument(
            "--format", choices=FORMATS, help="format of all files, whatever their names"
        )
        files.add_argument(
            "--encoding",
            type=arguments.encoding,
            default=DEFAULT_ENCODING,
            help="of the files (default: %(default)s, which is UTF-8, with or without a "
            "byte order mark)",
        )
        files.add_argument(
            "--delimiter",
            type=arguments.delimiter,
            default=",",
            metavar="CHARACTER",
            help=r"character between the columns of CSV (default: %(default)s); \t is a tab",
        )
        files.add_argument(
            "--map",
            type=arguments.renamed_column,
            action="append",
            default=[],
            metavar="MODEL.FIELD=COLUMN",
            help="read a field from a column or key of another name, for example "
            "product.name=title (repeatable)",
        )
        files.add_argument(
            "--ignore-unknown",
            action="store_true",
            help="ignore columns and keys that no field uses; those that begin with _ always are",
        )

        records = parser.add_argument_group("records")
        records.add_argument(
            "--on-conflict",
            choices=ON_CONFLICT,
            default="error",
            help="what to do with a record whose id already exists, in the database or earlier "
            "in the file: reject it (error, the default), ignore it (ignore), or store it over "
            "the other one (update)",
        )
        records.add_argument(
            "--rejects",
            type=arguments.path,
            metavar="DIR",
            help="write rejected records to this folder with their reasons, one new file per "
            "model in the format of its source, to be fixed and loaded again",
        )
        records.add_argument(
            "--max-errors",
            type=arguments.whole_number,
            metavar="N",
            help="give up when more than N records have been rejected",
        )

        transactions = parser.add_argument_group("transactions")
        transactions.add_argument(
            "--batch-size",
            type=arguments.positive_integer,
            default=Options.batch_size,
            metavar="N",
            help="records in one transaction (default: %(default)s)",
        )
        transactions.add_argument(
            "--all-or-nothing",
            action="store_true",
            help="commit all databases at the end, and only if no record was rejected",
        )
        transactions.add_argument(
            "--dry-run",
            action="store_true",
            help="do everything, report everything, and roll everything back at the end",
        )
        transactions.add_argument(
            "--migrate",
            action="store_true",
            help="apply the pending migrations of every database first",
        )

        parser.add_argument(
            "--workers",
            choices=WORKERS,
            help="what loads each model (default: a process for large files, else a thread)",
        )
        output = parser.add_argument_group("output")
        arguments.add_summary(output)
        output.add_argument(
            "--no-progress",
            action="store_true",
            help="show no progress bars; they are shown on a terminal only",
        )

    def handle(self, *, migrate, summary, no_progress, verbosity, **options):
        paths = {d: options[d.plural] for d in DATASETS if options[d.plural] is not None}
        sources = self.file_sources(paths, **options)
        samples = {}
        if not paths:
            samples = {dataset.name: dataset.sample for dataset in DATASETS}
            sources = {dataset: MemorySource(dataset.sample) for dataset in DATASETS}
        how = Options(**{field.name: options[field.name] for field in fields(Options)})
        shown = {name: options[name] for name in SUMMARISED_OPTIONS}
        shown["map"] = [f"{model}.{field}={column}" for model, field, column in shown["map"]]
        file = SummaryFile(summary, paths.values()) if summary else None
        if migrate:
            self.migrate_all(verbosity - 1)
        if file:
            file.begin(reports.running(shown))
        with ExitStack() as context:
            stopped_by = context.enter_context(interrupts())
            on_progress = None
            if paths and verbosity and not no_progress and self.stdout.isatty():
                from ...reports.progress import bars  # rich takes long to import

                on_progress = context.enter_context(bars(sources))
            outcome = load(sources, how, stopped_by, on_progress)
        exit_code = reports.exit_status(outcome)
        if samples and exit_code == reports.REJECTED:
            exit_code = 0
        # Before the report: that may be printed to where nothing can be written.
        failure = file.finish(reports.document(outcome, exit_code, shown)) if file else ""
        print_lines(self.stdout, reports.report(outcome, samples, how.dry_run))
        if exit_code or failure:
            conclusion = reports.conclusion(outcome, how.on_conflict) if exit_code else ""
            raise CommandError(
                "\n".join(filter(None, [failure, conclusion])),
                returncode=reports.FAILED if failure else exit_code,
            )

    def file_sources(self, paths, *, map, format, **options):
        if list(paths.values()).count(STANDARD_INPUT) > 1:
            raise CommandError("Standard input (-) can be read for one model only.", returncode=2)
        by_name = {dataset.name.lower(): dataset for dataset in paths}
        renamed: Dict[Dataset, Dict[str, str]] = {dataset: {} for dataset in paths}
        for name, field, column in map:
            dataset = by_name.get(name)
            if dataset is None:
                raise CommandError(f"--map {name}.{field}: no file of that model.", returncode=2)
            if field not in dataset.fields:
                raise CommandError(
                    f"--map {name}.{field}: {name} has the fields {', '.join(dataset.fields)}.",
                    returncode=2,
                )
            if field in renamed[dataset]:
                raise CommandError(f"--map {name}.{field} is given twice.", returncode=2)
            renamed[dataset][field] = column
        how = {name: options[name] for name in ("encoding", "delimiter", "ignore_unknown")}
        return {
            dataset: open_source(path, format, renamed=renamed[dataset], **how)
            for dataset, path in paths.items()
        }

    def migrate_all(self, verbosity):
        for alias in connections:
            output = io.StringIO()
            try:
                with migration_lock(connections[alias]):
                    call_command("migrate", database=alias, verbosity=verbosity, stdout=output)
            except (DatabaseError, OSError) as error:
                why = " ".join(str(error).split())
                raise CommandError(f"Database '{alias}' cannot be migrated: {why}") from error
            finally:
                print_lines(self.stdout, output.getvalue().splitlines())
        # Worker processes must not inherit them.
        connections.close_all()
