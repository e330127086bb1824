import bz2
import gzip
import lzma
import re
import sys
import threading
import zipfile
from contextlib import ExitStack
from unittest import mock

from django.test import SimpleTestCase

from distributed_insert.exceptions import GivenUp, LoadError
from distributed_insert.sources import backends, open_source, text_file, url_files
from distributed_insert.sources.text_file import TextFile
from distributed_insert.sources.url_files import NewUrlFile, UrlFile, remove

from ..cases import needs
from ..datasets import PRODUCTS
from ..web import Page, WebServer
from .cases import FormatTestCase

CONTENT = b"".join(b"%07d\n" % number for number in range(100_000))
PART = 100_000


def read(url, **how):
    """Read a file as a load does, checking it first; return its text."""
    file = TextFile(url)
    try:
        file.open(**how)
        while file.check():
            pass
        parts = []
        with file.errors():
            while not file.is_at_end:
                parts.append(file.read())
        return "".join(parts)
    finally:
        file.close()


class UrlTestCase(SimpleTestCase):
    def setUp(self):
        # Of small files, too, there are several parts.
        for name in ("PART_SIZE", "READ_SIZE"):
            patch = mock.patch.object(url_files, name, PART)
            patch.start()
            self.addCleanup(patch.stop)

    def assert_refused(self, url, message, **how):
        with self.assertRaises(LoadError) as caught:
            read(url, **how)
        self.assertEqual(str(caught.exception), message)


@needs("fsspec", "fsspec")
class MemoryTests(UrlTestCase):
    def setUp(self):
        super().setUp()
        import fsspec

        self.files = fsspec.filesystem("memory")
        self.addCleanup(self.files.store.clear)

    def test_a_file_is_read_compressed_or_not(self):
        for name, compress in (
            ("plain", bytes),
            ("gzip", gzip.compress),
            ("bz2", bz2.compress),
            ("xz", lzma.compress),
        ):
            with self.subTest(name=name):
                self.files.pipe("/users", compress(CONTENT))
                with mock.patch.object(text_file, "CHECK_SIZE", PART):
                    self.assertEqual(read("memory://users"), CONTENT.decode())

    def test_the_share_read_goes_from_0_to_1(self):
        self.files.pipe("/users", b"a\n" * text_file.BLOCK_SIZE)
        file = TextFile("memory://users")
        self.addCleanup(file.close)
        file.open()
        self.assertEqual((file.share_read, file.size), (0.0, None))
        shares = []
        while not file.is_at_end:
            file.read()
            shares.append(file.share_read)
        self.assertEqual(shares, sorted(shares))
        self.assertLess(shares[0], 0.5)
        self.assertEqual(shares[-1], 1.0)

    def test_a_file_within_an_archive(self):
        with self.files.open("/a.zip", "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("users.csv", CONTENT)
        self.assertEqual(read("zip://users.csv::memory://a.zip"), CONTENT.decode())
        self.assert_refused(
            "zip://orders.csv::memory://a.zip", "zip://orders.csv::memory://a.zip: not found."
        )

    def test_errors_name_the_file(self):
        self.files.pipe("/folder/users", b"a")
        self.files.pipe("/latin", "é".encode("latin-1"))
        self.files.pipe("/short", gzip.compress(CONTENT)[:-9])
        self.files.pipe("/page", b"<!DOCTYPE html><p>Log in")
        for url, message in (
            ("memory://users", "not found."),
            ("memory://folder", "not a file or a pipe."),
            ("nothing://users", "Protocol not known: nothing."),
            (
                "memory://latin",
                "not UTF-8 (byte 0xe9 in line 1). Save it as UTF-8, or name the encoding it has "
                "with --encoding.",
            ),
            (
                "memory://short",
                "cannot be unpacked: Compressed file ended before the end-of-stream marker was "
                "reached.",
            ),
            ("memory://page", "this is XML or HTML. Export it as CSV or JSON."),
        ):
            with self.subTest(url=url):
                self.assert_refused(url, f"{url}: {message}")

    def assert_changed(self, size, call):
        with self.assertRaises(LoadError) as caught:
            call()
        self.assertEqual(
            str(caught.exception),
            f"memory://users: changed while it was read: it had {len(CONTENT):,} bytes, and now "
            f"has {size:,}. Load it again when no program is writing to it.",
        )

    def test_a_file_that_changes_is_noticed(self):
        for changed in (CONTENT[:-9], CONTENT + b"1"):
            file = TextFile("memory://users")
            self.addCleanup(file.close)

            def read_to_the_end(file=file):
                while not file.is_at_end:
                    file.read()

            with self.subTest(size=len(changed)):
                self.files.pipe("/users", CONTENT)
                file.open()
                self.assertIs(file.check(), False)
                file.read()
                self.files.pipe("/users", changed)
                self.assert_changed(len(changed), read_to_the_end)
                # Between the check and the load.
                self.assert_changed(len(changed), file.rewind)

    def test_a_file_is_written_and_removed(self):
        with NewUrlFile("memory://folder/new") as file:
            file.write(b"ab")
            file.write(memoryview(b"cd"))
        self.assertEqual(self.files.cat("/folder/new"), b"abcd")
        with NewUrlFile("memory://folder/new") as file:
            file.write(b"e")
        self.assertEqual(self.files.cat("/folder/new"), b"e")
        remove("memory://folder/new")
        self.assertEqual(self.files.find("/"), [])

    def test_what_does_not_answer_is_not_waited_for_again(self):
        self.files.pipe("/users", CONTENT)
        answered = threading.Event()
        self.addCleanup(answered.set)
        for file, job, arguments in (
            (UrlFile("memory://users"), "read", [1]),
            (NewUrlFile("memory://new"), "write", [b"a"]),
        ):
            with self.subTest(job=job):
                calls = []

                def never(*args, calls=calls):
                    calls.append(args)
                    answered.wait()

                file._file = mock.Mock(read=never, write=never, close=answered.wait)
                with mock.patch.multiple(backends, TIMEOUT=0.5, PATIENCE=0.01):
                    for _ in range(2):
                        with self.assertRaisesMessage(LoadError, "no answer for 0.5 s."):
                            getattr(file, job)(*arguments)
                    file.close()
                self.assertEqual(len(calls), 1)

    def test_a_call_that_is_lost_keeps_what_it_writes(self):
        answered = threading.Event()
        self.addCleanup(answered.set)
        calls = []

        def never(data):
            calls.append(data)
            answered.wait()

        file = NewUrlFile("memory://new")
        file._file = mock.Mock(write=never)
        data = bytearray(b"a")
        with mock.patch.multiple(backends, TIMEOUT=0.5, PATIENCE=0.01):
            with self.assertRaisesMessage(LoadError, "no answer for 0.5 s."):
                file.write(data)
        # As whoever writes may do with it afterwards.
        data[:] = b"b"
        self.assertEqual(calls, [b"a"])

    def test_a_file_is_closed_after_an_error(self):
        self.files.pipe("/users", CONTENT)
        closed = threading.Event()
        file = UrlFile("memory://users")
        file._file = mock.Mock(read=mock.Mock(side_effect=OSError("gone")), close=closed.set)
        with self.assertRaisesMessage(LoadError, "memory://users: gone."):
            file.read(1)
        self.assertTrue(closed.wait(10))


@needs("fsspec", "fsspec")
class LocalTests(FormatTestCase):
    def test_a_url_of_a_local_file_is_read_like_the_file(self):
        content = "id,name,price\n1,Lamp,5\n2,Desk\n"
        self.path.write_text(content)
        url = f"file://{self.path}"
        source = open_source(url)
        self.addCleanup(source.close)
        source.open(PRODUCTS)
        while source.check():
            pass
        expected = self.all_records(self.opened(content))
        self.assertEqual((self.all_records(source), source.name), (expected, url))

    def test_errors_are_those_of_the_system(self):
        for path, message in (
            (self.folder / "none.csv", "No such file or directory."),
            (self.folder, "not a file or a pipe."),
        ):
            with self.subTest(path=path), self.assertRaises(LoadError) as caught:
                read(f"file://{path}")
            self.assertEqual(str(caught.exception), f"file://{path}: {message}")
        url = f"file://{self.folder}/none/new.csv"
        with self.assertRaises(LoadError) as caught:
            NewUrlFile(url)
        self.assertEqual(str(caught.exception), f"{url}: No such file or directory.")


class MissingTests(UrlTestCase):
    def test_error_for_a_missing_package_names_it(self):
        with mock.patch.dict(sys.modules, {"fsspec": None}):
            self.assert_refused(
                "s3://bucket/users.csv",
                "s3://bucket/users.csv: fsspec is needed for this URL, and is not installed. "
                "Run: pip install fsspec",
            )

    @needs("fsspec", "fsspec")
    def test_error_for_a_missing_backend_names_it(self):
        for url, package in (
            ("s3://bucket/users.csv", "s3fs"),
            ("gs://bucket/users.csv", "gcsfs"),
            ("https://example.com/users.csv", "aiohttp"),
        ):
            with self.subTest(url=url), mock.patch.dict(sys.modules, {package: None}):
                self.assert_refused(
                    url,
                    f"{url}: {package} is needed for this URL, and is not installed. "
                    f"Run: pip install {package}",
                )


@needs("fsspec", "fsspec")
@needs("aiohttp", "aiohttp")
class HttpTests(UrlTestCase):
    def setUp(self):
        super().setUp()
        running = ExitStack()
        self.addCleanup(running.close)
        self.web = running.enter_context(WebServer())

    def page(self, *content, **how):
        """Put a page on the server; return its URL."""
        self.web.pages["/users.csv"] = Page(*content, **how)
        return f"{self.web.url}/users.csv"

    def test_a_file_is_read_however_it_is_served(self):
        for how in (
            {},
            {"gives_parts": False},
            {"gives_parts": False, "headers": (("Accept-Ranges", "none"),)},
            {"lengths": ()},
            {"lengths": (), "gives_parts": False},
            {"lengths": ["GET"], "gives_parts": False},
        ):
            for content in (CONTENT, CONTENT[:9], b""):
                with self.subTest(bytes=len(content), **how):
                    self.assertEqual(read(self.page(content, **how)), content.decode())

    def test_a_file_is_never_asked_for_as_a_whole_where_the_server_gives_parts(self):
        read(self.page(CONTENT))
        ranges = re.findall(r"bytes=(\d+)-(\d+)", " ".join(self.web.requests))
        self.assertEqual(len([r for r in self.web.requests if r.startswith("GET")]), len(ranges))
        self.assertLess(max(int(last) - int(first) for first, last in ranges), 3 * PART)

    def test_a_compressed_file_is_read_also_if_the_server_says_it_is(self):
        packed = gzip.compress(CONTENT)
        for headers in ((), (("Content-Encoding", "gzip"),)):
            with self.subTest(headers=headers):
                self.assertEqual(read(self.page(packed, headers=headers)), CONTENT.decode())

    def test_a_file_may_take_longer_than_the_client_allows(self):
        import aiohttp

        brief = aiohttp.ClientTimeout(total=1e-9)
        with mock.patch("aiohttp.client.DEFAULT_TIMEOUT", brief):
            self.assertEqual(read(self.page(CONTENT)), CONTENT.decode())

    def test_a_redirect_is_followed(self):
        url = self.page(CONTENT)
        self.web.pages["/old"] = Page(status=302, location="/users.csv")
        self.assertEqual(read(f"{self.web.url}/old"), CONTENT.decode())
        self.web.pages["/loop"] = Page(status=302, location="/loop")
        self.assert_refused(f"{self.web.url}/loop", f"{self.web.url}/loop: too many redirects.")
        self.assertEqual(read(url), CONTENT.decode())

    def test_an_answer_that_is_no_file_is_told_without_what_is_secret(self):
        for status, message in (
            (403, "HTTP status 403 Forbidden."),
            (404, "HTTP status 404 Not Found."),
            (500, "HTTP status 500 Internal Server Error."),
        ):
            with self.subTest(status=status):
                url = self.page(b"secret", status=status)
                secret = url.replace("//", "//ann:secret@") + "?sig=secret"
                self.assert_refused(secret, f"{url}: {message}")

    def test_a_connection_that_is_cut_is_an_error_and_no_short_file(self):
        for gives_parts in (True, False):
            for cut_at in (0, 9, PART + 9, len(CONTENT) - 9):
                with self.subTest(gives_parts=gives_parts, cut_at=cut_at):
                    url = self.page(CONTENT, gives_parts=gives_parts, cut_at=cut_at)
                    self.assert_refused(
                        url, f"{url}: what the server sent is incomplete or damaged."
                    )

    def test_a_server_that_sends_less_than_it_said_is_an_error(self):
        url = self.page(CONTENT, gives_parts=False, lengths=["HEAD"], cut_at=PART + 9)
        self.assert_refused(
            url,
            f"{url}: changed while it was read: it had {len(CONTENT):,} bytes, and {PART + 9:,} "
            "were read. Load it again when no program is writing to it.",
        )

    def test_a_server_that_falls_silent_ends_the_load(self):
        answered = threading.Event()
        self.addCleanup(answered.set)
        for silent_from in (0, 3 * PART):
            for gives_parts in (True, False):
                with self.subTest(silent_from=silent_from, gives_parts=gives_parts):
                    url = self.page(
                        CONTENT,
                        gives_parts=gives_parts,
                        before=lambda place, begin=silent_from: place < begin or answered.wait(),
                    )
                    with mock.patch.multiple(backends, TIMEOUT=0.2, PATIENCE=0.01):
                        self.assert_refused(url, f"{url}: no answer for 0.2 s.")

    def test_an_interruption_ends_the_wait_for_a_server(self):
        answered = threading.Event()
        self.addCleanup(answered.set)
        is_asked = threading.Event()

        def before(place):
            is_asked.set()
            answered.wait()

        with self.assertRaises(GivenUp):
            read(self.page(CONTENT, before=before), is_interrupted=is_asked.is_set)

    def test_error_for_a_server_that_does_not_run(self):
        with WebServer() as web:
            url = f"{web.url}/users.csv"
        self.assert_refused(url, f"{url}: Connection refused.")
