"""python manage.py populate_db: load users, products and orders into their databases at once."""

import io
from contextlib import ExitStack
from dataclasses import fields
from uuid import uuid4

from django.core.management import CommandError, call_command
from django.db import Error, connections

from ... import reports
from ...databases import reason
from ...datasets import DATASETS
from ...loading import KEPT_REJECTS, Options, load
from ...sources import MemorySource
from .. import arguments, usage
from ..base import ProjectCommand
from ..files import file_sources
from ..locks import migration_lock
from ..output import end_with, outputs
from ..sample import require_only_sample
from ..signals import interrupts

NO_BARS = "No progress bars: rich is not installed. Run: pip install rich"


class Command(ProjectCommand):
    help = (
        "Loads users, products and orders concurrently, each into its own database: from files\n"
        "or, without any, from the sample.\n\n"
        "Exit status: 0 everything was stored (or it was the sample), 1 the load failed, 2 wrong\n"
        "usage, 3 finished and records were rejected, 130 interrupted (143 by SIGTERM).\n\n"
        "-v 0 lists no records, -v 2 lists all rejected ones."
    )
    examples = """\
  python manage.py populate_db --migrate
  python manage.py populate_db --users users.csv --orders orders.jsonl.gz --rejects rejects
  python manage.py populate_db --products export.csv --map product.name=title --ignore-unknown
  python manage.py populate_db --users users.csv --on-conflict update --dry-run"""

    def add_arguments(self, parser):
        arguments.add_load_options(parser)

    def handle(self, *, migrate, sample, summary, no_progress, verbosity, **options):
        paths = {d: options[d.plural] for d in DATASETS if options[d.plural] is not None}
        usage.check([dataset.plural for dataset in paths], sample, options)
        options = usage.with_defaults(usage.check_workers(options))
        sources = file_sources(paths, **options)
        samples = {}
        if not paths:
            samples = {dataset.name: dataset.sample for dataset in DATASETS}
            sources = {dataset: MemorySource(dataset.sample, "sample") for dataset in DATASETS}
        load_options = Options(**{field.name: options[field.name] for field in fields(Options)})
        shown = usage.shown(options)
        load_id = uuid4().hex
        print_lines, summary_file = outputs(self, summary, load_id, paths.values())
        summary_file.begin(reports.running(shown))
        try:
            if migrate:
                self.migrate_all(verbosity - 1, print_lines)
            if samples and not sample:
                require_only_sample(sources)
        except CommandError as error:
            summary_file.finish(reports.failed(error, shown))
            raise
        except KeyboardInterrupt:
            summary_file.finish(reports.interrupted(shown))
            raise
        with ExitStack() as context:
            stopped_by = context.enter_context(interrupts())
            on_progress = None
            if paths and verbosity and not no_progress and print_lines.is_terminal:
                try:
                    on_progress = context.enter_context(reports.bars(sources, print_lines.out))
                except ImportError:
                    self.stderr.write(NO_BARS)
            kept_rejects = KEPT_REJECTS if verbosity < 2 else None
            outcome = load(
                sources,
                load_options,
                stopped_by,
                on_progress,
                kept_rejects,
                load_id,
                self.stderr.write,
            )
        exit_code = reports.exit_status(outcome)
        if samples and exit_code == reports.REJECTED:
            exit_code = 0
        # Before the report: that may be printed to where nothing can be written.
        failure = summary_file.finish(reports.document(outcome, exit_code, shown))
        print_lines(reports.report(outcome, samples, load_options.dry_run, verbosity))
        print_lines(summary_file.notes)
        conclusion = ""
        if exit_code:
            conclusion = reports.conclusion(outcome, load_options.on_conflict, bool(samples))
        end_with([failure, print_lines.failure], conclusion, exit_code)

    def migrate_all(self, verbosity, print_lines):
        for alias in connections:
            output = io.StringIO()
            try:
                with migration_lock(connections[alias]):
                    call_command("migrate", database=alias, verbosity=verbosity, stdout=output)
            except (Error, OSError) as error:
                why = reason(error, alias)
                raise CommandError(f"Database '{alias}' cannot be migrated: {why}") from error
            finally:
                print_lines(output.getvalue().splitlines())
        # Worker processes must not inherit them.
        connections.close_all()
