import io
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from unittest import mock
from urllib.error import URLError
from urllib.request import urlopen

from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth.models import User as Account
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, SimpleTestCase, TestCase, override_settings
from django.utils.module_loading import import_string

from distributed_insert.models import User

from .cases import ALIASES, ROOT, environment, stored

# What the manual says to set in production.
PRODUCTION = {
    "SECRET_KEY": "a-long-key-with-0123456789-and-more-of-it-to-be-long",
    "ALLOWED_HOSTS": "data.example.com",
    "HTTPS": "1",
    "SECURE_HSTS_SECONDS": "31536000",
    "SECURE_PROXY_SSL_HEADER": "X-Forwarded-Proto",
}
VARIABLES = (*PRODUCTION, "DEBUG", "CSRF_TRUSTED_ORIGINS", "STATIC_ROOT")
SECURITY = (
    "SECURE_SSL_REDIRECT",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
    "SECURE_PROXY_SSL_HEADER",
    "CSRF_TRUSTED_ORIGINS",
    "STATIC_ROOT",
)


def settings_of(**variables):
    """Return what settings.py sets where of its variables only these are in the environment."""
    others = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    with mock.patch.dict("os.environ", {**others, **variables}, clear=True):
        return runpy.run_path(str(ROOT / "ds_project" / "settings.py"))


class SettingsTests(SimpleTestCase):
    def assert_settings(self, values, **variables):
        found = settings_of(**variables)
        self.assertEqual({name: found[name] for name in SECURITY if name in found}, values)

    def test_nothing_set_leaves_development_as_it_is(self):
        self.assert_settings(
            {
                "SECURE_SSL_REDIRECT": False,
                "SESSION_COOKIE_SECURE": False,
                "CSRF_COOKIE_SECURE": False,
                "SECURE_HSTS_SECONDS": 0,
                "SECURE_HSTS_INCLUDE_SUBDOMAINS": False,
                "SECURE_HSTS_PRELOAD": False,
                "CSRF_TRUSTED_ORIGINS": [],
                "STATIC_ROOT": None,
            }
        )

    def test_https_secures_cookies_and_redirects_and_promises_nothing_for_later(self):
        self.assert_settings(
            {
                "SECURE_SSL_REDIRECT": True,
                "SESSION_COOKIE_SECURE": True,
                "CSRF_COOKIE_SECURE": True,
                "SECURE_HSTS_SECONDS": 0,
                "SECURE_HSTS_INCLUDE_SUBDOMAINS": False,
                "SECURE_HSTS_PRELOAD": False,
                "CSRF_TRUSTED_ORIGINS": [],
                "STATIC_ROOT": None,
            },
            HTTPS="1",
        )

    def test_everything_comes_from_the_environment(self):
        self.assert_settings(
            {
                "SECURE_SSL_REDIRECT": True,
                "SESSION_COOKIE_SECURE": True,
                "CSRF_COOKIE_SECURE": True,
                "SECURE_HSTS_SECONDS": 31536000,
                "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
                "SECURE_HSTS_PRELOAD": True,
                "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
                "CSRF_TRUSTED_ORIGINS": ["https://a.example.com", "https://b.example.com"],
                "STATIC_ROOT": "/srv/static",
            },
            **PRODUCTION,
            CSRF_TRUSTED_ORIGINS="https://a.example.com, https://b.example.com,",
            STATIC_ROOT="/srv/static",
        )

    def test_error_for_what_is_not_a_number_of_seconds(self):
        for text in ("a year", "-1", "1.5", "١"):
            with self.subTest(text=text), self.assertRaises(ImproperlyConfigured) as caught:
                settings_of(SECURE_HSTS_SECONDS=text)
            self.assertEqual(
                str(caught.exception), "SECURE_HSTS_SECONDS is not a whole number of seconds."
            )

    def test_times_are_in_utc(self):
        found = settings_of()
        self.assertEqual((found["TIME_ZONE"], found["USE_TZ"]), ("UTC", True))


class CommandTests(SimpleTestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def run_manage(self, *arguments, **variables):
        env = environment(self.folder)
        process = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**{k: v for k, v in env.items() if k not in VARIABLES}, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        return process.returncode, process.stdout, process.stderr

    def test_the_check_of_a_deployment_finds_nothing(self):
        self.assertEqual(
            self.run_manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION),
            (0, "System check identified no issues (0 silenced).\n", ""),
        )

    def test_static_files_are_collected(self):
        static = self.folder / "static"
        code, output, errors = self.run_manage(
            "collectstatic", "--noinput", "--verbosity=0", STATIC_ROOT=str(static)
        )
        self.assertEqual((code, output, errors), (0, "", ""))
        self.assertTrue((static / "admin" / "css" / "base.css").is_file())

    def test_the_development_server_leads_to_the_admin(self):
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        server = subprocess.Popen(
            [sys.executable, "manage.py", "runserver", "--noreload", address],
            cwd=ROOT,
            env={**environment(self.folder), "DEBUG": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            page = None
            while page is None and server.poll() is None:
                with suppress(URLError):  # It does not listen yet.
                    page = urlopen(f"http://{address}/", timeout=60)
            self.assertIsNotNone(page, "The server has ended.")
            with page:
                self.assertEqual(page.url, f"http://{address}/admin/login/?next=/admin/")
                self.assertIn("Log in", page.read().decode())
        finally:
            server.kill()
            server.wait()

    def test_error_for_static_files_without_a_place(self):
        self.assertEqual(
            self.run_manage("collectstatic", "--noinput"),
            (
                1,
                "",
                "Error: You're using the staticfiles app without having set the STATIC_ROOT "
                "setting to a filesystem path.\n",
            ),
        )


class AdminTests(TestCase):
    """The admin as it is in production, behind a proxy that ends HTTPS."""

    databases = set(ALIASES)
    host = "data.example.com"

    def setUp(self):
        found = settings_of(**PRODUCTION)
        production = {name: found[name] for name in ("ALLOWED_HOSTS", *SECURITY)}
        override = override_settings(**production)
        override.enable()
        self.addCleanup(override.disable)

    def client_of_proxy(self):
        return Client(
            enforce_csrf_checks=True,
            HTTP_HOST=self.host,
            HTTP_ORIGIN=f"https://{self.host}",
            HTTP_X_FORWARDED_PROTO="https",
        )

    def post(self, client, path, **values):
        """Fill in a form as a browser does: with the token of the page."""
        page = client.get(path).content.decode()
        [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page))
        return client.post(path, {**values, "csrfmiddlewaretoken": token})

    def test_a_record_is_added_after_logging_in(self):
        Account.objects.create_superuser("admin", password="secret")
        client = self.client_of_proxy()
        login = "/admin/login/?next=/admin/"
        response = self.post(client, login, username="admin", password="secret")
        self.assertRedirects(response, "/admin/", fetch_redirect_response=False)
        cookies = {name: cookie["secure"] for name, cookie in client.cookies.items()}
        self.assertEqual(cookies, {"csrftoken": True, "sessionid": True})
        response = self.post(
            client, "/admin/distributed_insert/user/add/", id=1, name="Ann", email="a@b"
        )
        self.assertRedirects(
            response, "/admin/distributed_insert/user/", fetch_redirect_response=False
        )
        self.assertEqual(stored(User), [(1, "Ann", "a@b")])

    def test_plain_http_is_sent_to_https(self):
        response = Client(HTTP_HOST=self.host).get("/admin/")
        self.assertEqual(
            (response.status_code, response["Location"]), (301, f"https://{self.host}/admin/")
        )

    def test_browsers_are_told_to_stay_with_https(self):
        response = self.client_of_proxy().get("/")
        self.assertRedirects(response, "/admin/", fetch_redirect_response=False)
        self.assertEqual(
            response["Strict-Transport-Security"], "max-age=31536000; includeSubDomains; preload"
        )


@override_settings(ALLOWED_HOSTS=["data.example.com"])
class ApplicationTests(SimpleTestCase):
    def test_the_root_leads_to_the_admin_through_wsgi(self):
        answered = []
        application = import_string(settings.WSGI_APPLICATION)
        application(
            {
                "REQUEST_METHOD": "GET",
                "PATH_INFO": "/",
                "HTTP_HOST": "data.example.com",
                "wsgi.input": io.BytesIO(),
            },
            lambda status, headers: answered.append((status, dict(headers)["Location"])),
        )
        self.assertEqual(answered, [("302 Found", "/admin/")])

    async def test_the_root_leads_to_the_admin_through_asgi(self):
        communicator = ApplicationCommunicator(
            import_string("ds_project.asgi.application"),
            {
                "type": "http",
                "method": "GET",
                "path": "/",
                "query_string": b"",
                "headers": [(b"host", b"data.example.com")],
            },
        )
        await communicator.send_input({"type": "http.request"})
        response = await communicator.receive_output()
        self.assertEqual(
            (response["status"], dict(response["headers"])[b"Location"]), (302, b"/admin/")
        )
