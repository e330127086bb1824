"""python manage.py populate_db: load users, products and orders into their databases at once."""

import io
from contextlib import ExitStack
from dataclasses import fields
from typing import Dict

from django.core.management import BaseCommand, CommandError, call_command
from django.db import Error, connections

from ... import reports
from ...datasets import DATASETS, Dataset
from ...loading import Options, load
from ...sources import STANDARD_INPUT, MemorySource, open_source
from .. import arguments
from ..locks import migration_lock
from ..output import Printer, SummaryFile, end_with
from ..signals import interrupts

# What is said of all files, or of one model's.
FILE_OPTIONS = ("format", "encoding", "delimiter")
SUMMARISED_OPTIONS = (
    *FILE_OPTIONS,
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
        arguments.add_load_options(parser)

    def handle(self, *, migrate, summary, no_progress, verbosity, **options):
        for name in FILE_OPTIONS:
            if isinstance(options[name], str):  # from call_command
                options[name] = [(None, options[name])]
        paths = {d: options[d.plural] for d in DATASETS if options[d.plural] is not None}
        sources = self.file_sources(paths, **options)
        samples = {}
        if not paths:
            samples = {dataset.name: dataset.sample for dataset in DATASETS}
            sources = {dataset: MemorySource(dataset.sample, "sample") for dataset in DATASETS}
        load_options = Options(**{field.name: options[field.name] for field in fields(Options)})
        shown = {name: options[name] for name in SUMMARISED_OPTIONS}
        shown["map"] = [f"{model}.{field}={column}" for model, field, column in shown["map"]]
        for name in FILE_OPTIONS:
            shown[name] = ["=".join(filter(None, pair)) for pair in shown[name]]
        print_lines = Printer(self.stdout)
        file = SummaryFile(summary, paths.values()) if summary else None
        if file:
            file.begin(reports.running(shown))
        if migrate:
            try:
                self.migrate_all(verbosity - 1, print_lines)
            except CommandError as error:
                if file:
                    file.finish(reports.failed(error, shown))
                raise
        with ExitStack() as context:
            stopped_by = context.enter_context(interrupts())
            on_progress = None
            if paths and verbosity and not no_progress and self.stdout.isatty():
                on_progress = context.enter_context(reports.bars(sources))
            outcome = load(sources, load_options, stopped_by, on_progress)
        exit_code = reports.exit_status(outcome)
        if samples and exit_code == reports.REJECTED:
            exit_code = 0
        # Before the report: that may be printed to where nothing can be written.
        failure = file.finish(reports.document(outcome, exit_code, shown)) if file else ""
        print_lines(reports.report(outcome, samples, load_options.dry_run))
        end_with(
            failures=[failure, print_lines.failure],
            conclusion=reports.conclusion(outcome, load_options.on_conflict) if exit_code else "",
            exit_code=exit_code,
        )

    def file_sources(self, paths, *, map, ignore_unknown, **options):
        if list(paths.values()).count(STANDARD_INPUT) > 1:
            raise CommandError("Standard input (-) can be read for one model only.", returncode=2)
        by_name = {dataset.name.lower(): dataset for dataset in paths}
        how: Dict[Dataset, Dict[str, str]] = {dataset: {} for dataset in paths}
        for option in FILE_OPTIONS:
            values = dict(options[option])
            for name in filter(None, values):
                if name not in by_name:
                    raise CommandError(f"--{option} {name}: no file of that model.", returncode=2)
            for name, dataset in by_name.items():
                value = values.get(name, values.get(None))
                if value is not None:
                    how[dataset][option] = value
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
        return {
            dataset: open_source(
                path, renamed=renamed[dataset], ignore_unknown=ignore_unknown, **how[dataset]
            )
            for dataset, path in paths.items()
        }

    def migrate_all(self, verbosity, print_lines):
        for alias in connections:
            output = io.StringIO()
            try:
                with migration_lock(connections[alias]):
                    call_command("migrate", database=alias, verbosity=verbosity, stdout=output)
            except (Error, OSError) as error:
                why = " ".join(str(error).split())
                raise CommandError(f"Database '{alias}' cannot be migrated: {why}") from error
            finally:
                print_lines(output.getvalue().splitlines())
        # Worker processes must not inherit them.
        connections.close_all()
