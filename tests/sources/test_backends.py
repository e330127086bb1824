import asyncio
import sys
import threading
from types import SimpleNamespace
from unittest import mock

from django.test import SimpleTestCase

from distributed_insert.exceptions import GivenUp, LoadError
from distributed_insert.sources import backends
from distributed_insert.sources.backends import Call, errors

from ..cases import needs

URL = "https://ann:secret@example.com/users.csv?sig=secret"
SHOWN = "https://example.com/users.csv"


class ErrorsTests(SimpleTestCase):
    def assert_told(self, error, message):
        with self.assertRaises(LoadError) as caught, errors(URL):
            raise error
        self.assertEqual(str(caught.exception), f"{SHOWN}: {message}")

    def test_each_error_is_told_in_a_line(self):
        for error, message in (
            (FileNotFoundError(URL), "not found."),
            (FileNotFoundError(2, "No such file or directory"), "No such file or directory."),
            (PermissionError("Access Denied"), "Access Denied."),
            (
                ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 9)"),
                "Connection refused.",
            ),
            (asyncio.TimeoutError(), "no answer for 120 s."),
            (NotImplementedError(), "files at such URLs can only be read."),
            (ValueError("Protocol not known: foo"), "Protocol not known: foo."),
            (TypeError("one argument is missing."), "one argument is missing."),
            (ValueError(), "ValueError."),
            (OSError("<html>\n<body>"), "<html>."),
            (OSError("x" * 1000), "x" * 300 + "."),
            (OSError(f"cannot open '{URL}', nor {URL}"), f"cannot open '{SHOWN}', nor {SHOWN}."),
        ):
            with self.subTest(error=error):
                self.assert_told(error, message)

    def test_what_is_behind_a_file_that_is_not_found_is_told(self):
        error = FileNotFoundError(URL)
        error.__cause__ = PermissionError("Access Denied")
        self.assert_told(error, "Access Denied.")

    def test_errors_of_a_backend_that_is_loaded_are_told(self):
        class BotoCoreError(Exception):
            pass

        module = SimpleNamespace(BotoCoreError=BotoCoreError)
        error = BotoCoreError("Unable to locate credentials")
        with mock.patch.dict(sys.modules, {"botocore.exceptions": module}):
            self.assert_told(error, "Unable to locate credentials.")
        with mock.patch.dict(sys.modules, {"botocore.exceptions": None}):
            with self.assertRaises(BotoCoreError), errors(URL):
                raise error

    @needs("aiohttp", "aiohttp")
    def test_answers_of_a_server_of_http(self):
        import aiohttp

        request = SimpleNamespace(real_url=URL)
        for error, message in (
            (
                aiohttp.ClientResponseError(request, (), status=403, message="Forbidden"),
                "HTTP status 403 Forbidden.",
            ),
            (
                aiohttp.ClientResponseError(request, (), status=400, message="Bad:\n\n  b'5,Ann'"),
                "HTTP status 400 Bad.",
            ),
            (aiohttp.TooManyRedirects(request, ()), "too many redirects."),
            (aiohttp.ServerDisconnectedError(), "Server disconnected."),
            (aiohttp.ClientPayloadError("..."), "what the server sent is incomplete or damaged."),
            (aiohttp.InvalidURL(URL), f"{SHOWN}."),
        ):
            with self.subTest(error=error):
                self.assert_told(error, message)

    def test_a_package_that_is_missing_is_named(self):
        install = ImportError("Install s3fs to access S3")
        install.__cause__ = ModuleNotFoundError("No module named 's3fs.core'", name="s3fs.core")
        for error, package in (
            (install, "s3fs"),
            (ModuleNotFoundError("No module named 'aiohttp'", name="aiohttp"), "aiohttp"),
            (ImportError("fsspec is broken"), "fsspec"),
        ):
            with self.subTest(error=error):
                self.assert_told(
                    error,
                    f"{package} is needed for this URL, and is not installed. "
                    f"Run: pip install {package}",
                )

    def test_what_was_to_be_done_is_told(self):
        with self.assertRaises(LoadError) as caught:
            with errors(URL, "it cannot be written: "):
                raise FileNotFoundError(URL)
        self.assertEqual(str(caught.exception), f"{SHOWN}: it cannot be written: not found.")

    def test_a_load_error_and_a_bug_stay_as_they_are(self):
        for error in (LoadError("Why."), KeyError("bug")):
            with self.subTest(error=error), self.assertRaises(type(error)) as caught:
                with errors(URL):
                    raise error
            self.assertIs(caught.exception, error)


class CallTests(SimpleTestCase):
    def setUp(self):
        self.answered = threading.Event()
        self.addCleanup(self.answered.set)

    def test_the_result_and_the_error_of_a_function(self):
        self.assertEqual(Call(divmod, 7, 2).wait(URL), (3, 1))
        with self.assertRaises(ZeroDivisionError):
            Call(divmod, 7, 0).wait(URL)
        with self.assertRaises(LoadError) as caught:
            Call(open, "nowhere").wait(URL, "it cannot be read: ")
        self.assertEqual(
            str(caught.exception), f"{SHOWN}: it cannot be read: No such file or directory."
        )

    def test_a_call_that_does_not_end_is_lost(self):
        call = Call(self.answered.wait)
        with mock.patch.multiple(backends, TIMEOUT=0.25, PATIENCE=0.01):
            with self.assertRaises(LoadError) as caught:
                call.wait(URL)
        self.assertEqual(str(caught.exception), f"{SHOWN}: no answer for 0.25 s.")
        # The interpreter can end all the same.
        self.assertTrue(call.is_alive() and call.daemon)

    def test_an_interruption_ends_the_wait(self):
        asked = []

        def is_interrupted():
            asked.append(None)
            return len(asked) == 3

        with mock.patch.object(backends, "PATIENCE", 0.01), self.assertRaises(GivenUp):
            Call(self.answered.wait).wait(URL, is_interrupted=is_interrupted)

    def test_what_has_come_counts_although_the_load_is_interrupted(self):
        self.assertEqual(Call(len, "abc").wait(URL, is_interrupted=lambda: True), 3)
