"""python manage.py recover_load: end what loads have prepared and not ended."""

from django.core.management import CommandError

from ...two_phase import on_own_connections, recover
from ..base import ProjectCommand


class Command(ProjectCommand):
    help = (
        "Commits or rolls back what a load with --all-or-nothing has prepared on PostgreSQL\n"
        "servers, and could not end because it was killed or a server was lost: in all databases\n"
        "alike, as that load had decided. Loads that are still running are left alone. Every load\n"
        "does the same before it begins.\n\n"
        "Exit status: 0 nothing is prepared any more, except by running loads, 1 something still\n"
        "is, or a database cannot be reached."
    )
    examples = "  python manage.py recover_load"

    def handle(self, **options):
        found, failures = on_own_connections(recover)
        problems = [each.message for each in found if each.problem]
        for each in found:
            if not each.problem:
                self.stdout.write(each.message)
        if not found and not failures:
            self.stdout.write("There is nothing to recover.")
        problems += map(str, failures.values())
        if problems:
            raise CommandError("\n".join(problems))
