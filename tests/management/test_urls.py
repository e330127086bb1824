import json
import re
from io import StringIO
from threading import Event
from unittest import mock

from django.core.management import call_command

from distributed_insert.loading import Options, load
from distributed_insert.models import Order, Product, User
from distributed_insert.sources import open_source

from ..cases import PopulateTestCase, needs, stored
from ..datasets import USERS
from ..web import Page, WebServer

LOAD_ID = "0123456789abcdef0123456789abcdef"
FILES = {
    "users": "id,name,email\n1,Ann,a@b\n2,,b@c\n3,Cid,c@d\n",
    "products": "id,name,price\n1,Lamp,5\n2,Desk,-1\n",
    "orders": "id,user_id,product_id,quantity\n1,1,1,1\n2,2,1,1\n3,3,1,0\n",
}


@needs("fsspec", "fsspec")
class UrlLoadTests(PopulateTestCase):
    """What comes from URLs, and goes there, is the same as with local files."""

    def setUp(self):
        super().setUp()
        (self.folder / "there").mkdir()
        patch = mock.patch("distributed_insert.management.commands.populate_db.uuid4")
        patch.start().return_value.hex = LOAD_ID
        self.addCleanup(patch.stop)

    def outcome(self, sources, rejects, summary):
        """Load files; return what was printed, the error, the summary, and what is stored."""
        output, error = self.populate(rejects=rejects, summary=summary, **sources)
        rows = [stored(model) for model in (User, Product, Order)]
        for model in (User, Product, Order):
            model.objects.all().delete()
        return output, str(error), error.returncode, rows

    def test_verdicts_rejects_and_summary_are_those_of_local_files(self):
        here = {name: self.file(f"{name}.csv", content) for name, content in FILES.items()}
        there = {name: f"file://{path}" for name, path in here.items()}
        local = self.outcome(here, str(self.folder / "rejects"), str(self.folder / "load.json"))
        url = f"file://{self.folder}/there"
        output, *rest = self.outcome(there, url, f"{url}/load.json")
        lines = [line for line in output.splitlines() if not line.startswith("Summary written")]
        self.assertEqual(len(output.splitlines()) - len(lines), 1)
        self.assertIn(f"Summary written to {url}/load-{LOAD_ID}.json\n", output)
        seconds = r"[0-9]+\.[0-9]{2}"
        shown = "\n".join(lines) + "\n"
        shown = shown.replace(f"file://{self.folder}/there", f"{self.folder}/rejects")
        shown = shown.replace(f"-{LOAD_ID}", "").replace("file://", "")
        self.assertEqual(*(re.sub(seconds, "", text).split() for text in (shown, local[0])))
        self.assertEqual(tuple(rest), local[1:])
        for name in FILES:
            self.assertEqual(
                (self.folder / "there" / f"{name}-{LOAD_ID}.csv").read_text(),
                (self.folder / "rejects" / f"{name}.csv").read_text(),
            )
        document = json.loads((self.folder / "there" / f"load-{LOAD_ID}.json").read_text())
        users = document["models"]["user"]
        self.assertEqual(
            (document["status"], users["source"], users["rejects_file"]),
            ("complete", there["users"], f"{url}/users-{LOAD_ID}.csv"),
        )
        self.assertEqual(document["options"]["rejects"], url)

    @needs("aiohttp", "aiohttp")
    def test_files_of_a_web_server(self):
        with WebServer() as web:
            for name, content in FILES.items():
                web.pages[f"/{name}"] = Page(content.encode())
            sources = {name: f"{web.url}/{name}?sig=secret" for name in FILES}
            output, error = self.populate(**sources)
            self.assertEqual(str(error), "4 records were rejected.")
            self.assertIn(f"'file': '{web.url}/users', 'record': 2, 'line': 3", output)
            self.assertNotIn("secret", output)
            self.assertEqual(
                [stored(model) for model in (User, Product, Order)],
                [[(1, "Ann", "a@b"), (3, "Cid", "c@d")], [(1, "Lamp", 5.0)], [(1, 1, 1, 1)]],
            )

    @needs("aiohttp", "aiohttp")
    def test_error_before_anything_is_written_if_one_file_is_cut_short(self):
        with WebServer() as web:
            for name, content in FILES.items():
                web.pages[f"/{name}"] = Page(content.encode())
            web.pages["/orders"].cut_at = 40
            self.assert_fails(
                f"{web.url}/orders: what the server sent is incomplete or damaged.\n"
                "Nothing was stored.",
                **{name: f"{web.url}/{name}" for name in FILES},
            )
        self.assertEqual([stored(model) for model in (User, Product, Order)], [[], [], []])

    def test_error_before_anything_is_loaded_if_rejects_or_summary_cannot_be_written(self):
        users = self.file("users.csv", FILES["users"])
        url = f"file://{self.folder}/none"
        self.assert_fails(
            f"{url}/users-{LOAD_ID}.csv: No such file or directory.\nNothing was stored.",
            users=users,
            rejects=url,
        )
        self.assert_fails(
            f"{url}/load-{LOAD_ID}.json: the summary cannot be written: No such file or directory.",
            returncode=2,
            users=users,
            summary=f"{url}/load.json",
        )
        self.assertEqual(stored(User), [])

    def test_the_summary_does_not_show_the_secrets_of_the_rejects_url(self):
        summary = self.folder / "load.json"
        self.populate(
            users=self.file("users.csv", FILES["users"]),
            rejects=f"file://{self.folder}/there?sig=secret",
            summary=str(summary),
        )
        self.assertEqual(
            json.loads(summary.read_text())["options"]["rejects"], f"file://{self.folder}/there"
        )


@needs("fsspec", "fsspec")
@needs("aiohttp", "aiohttp")
class InterruptionTests(PopulateTestCase):
    def test_a_signal_ends_the_wait_for_a_server(self):
        for silent_from in (0, 6 << 20):
            for workers in ("thread", "process"):
                with self.subTest(silent_from=silent_from, workers=workers):
                    self.check_signal(silent_from, workers)
        self.assertEqual(stored(User), [])

    def check_signal(self, silent_from, workers):
        answered, is_asked = Event(), Event()

        def before(place):
            if place >= silent_from:
                is_asked.set()
                answered.wait()

        content = b"id,name,email\n" + b"1,Ann,a@b\n" * (1 << 20)
        with WebServer() as web:
            web.pages["/users"] = Page(content, before=before)
            outcome = load(
                {USERS: open_source(f"{web.url}/users")},
                Options(workers=workers),
                stopped_by=lambda: 2 if is_asked.is_set() else None,
            )
            answered.set()
        self.assertEqual((outcome.error, outcome.signal), (None, 2))


@needs("fsspec", "fsspec")
class CheckReferencesTests(PopulateTestCase):
    def test_the_summary_is_written_to_a_url(self):
        output = StringIO()
        call_command("check_references", summary=f"file://{self.folder}/check.json", stdout=output)
        (path,) = self.folder.iterdir()
        self.assertRegex(path.name, r"\Acheck-[0-9a-f]{32}\.json\Z")
        self.assertEqual(json.loads(path.read_text())["status"], "complete")
        self.assertIn(f"Summary written to file://{path}\n", output.getvalue())
