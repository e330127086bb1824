"""A copy of the project, in which commands are run in a terminal and the admin is served."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("distributed_insert", "ds_project", "screenshots", "tests")
COLUMNS = 106
USER = "admin"
# The server says who makes a request, so that nobody has to fill in the form to log in. Without the
# list of models on the left, the page has its width for the orders.
SERVED = {
    "logged_in.py": """from ds_project.settings import *
ROOT_URLCONF = "without_sidebar"
MIDDLEWARE.append("django.contrib.auth.middleware.RemoteUserMiddleware")
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.RemoteUserBackend"]
""",
    "without_sidebar.py": """from django.contrib import admin
from ds_project.urls import urlpatterns
admin.site.enable_nav_sidebar = False
""",
}


@contextmanager
def project():
    """Yield a Project, which is removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield Project(Path(folder))


class Project:
    """A copy of the project in which commands are run, with databases of its own."""

    def __init__(self, folder):
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__", "*.png")
        for name in COPIED:
            shutil.copytree(str(ROOT / name), str(folder / name), ignore=ignored)
        shutil.copy(str(ROOT / "manage.py"), str(folder))
        kept = {"PATH", "PYTHONPATH", "LD_LIBRARY_PATH"} & set(os.environ)
        self.environment = {
            **{name: os.environ[name] for name in kept},
            "TERM": "xterm-256color",
            "COLUMNS": str(COLUMNS),
            "PYTHONIOENCODING": "utf-8",
            "DJANGO_SETTINGS_MODULE": "ds_project.settings",
            "DJANGO_SUPERUSER_PASSWORD": USER,
        }

    def manage(self, command):
        return self.python("manage.py", *command.split())

    def python(self, *arguments):
        """Run Python in a terminal; return what it printed, with its colours."""
        own_end, terminal = os.openpty()
        with open(own_end, "rb", buffering=0) as screen, subprocess.Popen(
            [sys.executable, *arguments],
            **dict.fromkeys(("stdin", "stdout", "stderr"), terminal),
            cwd=str(self.folder),
            env=self.environment,
        ) as process:
            os.close(terminal)
            printed = b"".join(_chunks(screen)).decode().replace("\r\n", "\n")
        # 3: records were rejected.
        if process.returncode not in (0, 3):
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{printed}")
        return printed

    def run_all(self, commands):
        """Run named commands, the first in a copy without migrations; return what each printed."""
        first, *others = commands
        with project() as without_migrations:
            for path in without_migrations.folder.glob("distributed_insert/migrations/0*.py"):
                path.unlink()
            printed = {first: without_migrations.manage(commands[first])}
        return {**printed, **{name: self.manage(commands[name]) for name in others}}

    def progress(self, command, records):
        """Load files of so many records; return the bars each time that they were drawn."""
        make_files = f"from tests.generated import write_files; write_files('.', {records})"
        self.python("-c", make_files)
        # The lines of one drawing are erased before the next, and before the report.
        *drawn, _ = re.split(r"(?:\r?\x1b\[(?:2K|1A))+", self.manage(command))
        return drawn

    def add_admin(self):
        """Make the tables of the admin, and a user who may see everything in it."""
        self.manage("migrate")
        self.manage(f"createsuperuser --noinput --username {USER} --email {USER}@example.com")

    def admin_list(self, path):
        """Return a list in the admin as text: headings, rows and filters."""
        return self.python("-c", f"from screenshots import scratch; scratch.print_list('{path}')")

    @contextmanager
    def server(self):
        """Serve the admin to somebody who is logged in; yield its address."""
        for name, source in SERVED.items():
            (self.folder / name).write_text(source)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        extra = {"DEBUG": "1", "DJANGO_SETTINGS_MODULE": "logged_in", "REMOTE_USER": USER}
        with subprocess.Popen(
            [sys.executable, "manage.py", "runserver", "--noreload", str(port)],
            cwd=str(self.folder),
            env={**self.environment, **extra},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                _wait_for(process, port)
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()


def _chunks(screen):
    while True:
        try:
            chunk = screen.read(65536)
        except OSError:  # so Linux says that this is the end
            return
        if not chunk:
            return
        yield chunk


def _wait_for(process, port):
    while process.poll() is None:
        with suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port)).close()
        # The server does not say when it listens, and needs the processor to get there.
        time.sleep(0.1)
    raise RuntimeError("The server of the admin has ended.")


def print_list(path):
    import django

    django.setup()
    from django.contrib.admin.templatetags.admin_list import result_headers, results
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.test.utils import setup_test_environment
    from django.utils.html import strip_tags

    setup_test_environment()
    client = Client()
    client.force_login(get_user_model().objects.get(username=USER))
    page = client.get(path).context["cl"]
    rows = [[header["text"] for header in result_headers(page)], *results(page)]
    for spec in page.filter_specs:
        rows.append([spec.title, *(str(choice["display"]) for choice in spec.choices(page))])
    for row in rows:
        cells = (strip_tags(cell).strip() for cell in row)
        sys.stdout.write(" | ".join(filter(None, cells)) + "\n")
