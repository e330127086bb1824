import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import django
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.test import SimpleTestCase
from django.test.utils import CaptureQueriesContext

from ds_project import settings

from .cases import ALIASES, ROOT, SQLiteTestCase, environment, needs

SQLITE_ENGINE = (
    "django.db.backends.sqlite3" if django.VERSION >= (5, 1) else "ds_project.backports.sqlite3"
)


class DatabaseSettingsTests(SimpleTestCase):
    def test_without_a_url_a_database_is_a_file_in_the_project_root(self):
        with mock.patch.dict("os.environ", USERS_DATABASE_URL=""):
            self.assertEqual(
                settings.database("users"),
                {
                    "ENGINE": SQLITE_ENGINE,
                    "NAME": str(ROOT / "users.db"),
                    "OPTIONS": {
                        "timeout": 20,
                        "transaction_mode": "IMMEDIATE",
                        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
                    },
                    "TEST": {"DEPENDENCIES": [], "NAME": str(ROOT / "test_users.db")},
                },
            )


@needs("dj_database_url", "dj-database-url")
class UrlTests(SimpleTestCase):
    def test_a_url_moves_a_database_to_a_server(self):
        url = "postgres://loader:secret@db.example.com:5433/users"
        with mock.patch.dict("os.environ", USERS_DATABASE_URL=url):
            with mock.patch.object(settings, "load_backend"):  # The driver may be missing.
                config = settings.database("users")
        self.assertEqual(
            {key: config[key] for key in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")},
            {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "users",
                "USER": "loader",
                "PASSWORD": "secret",
                "HOST": "db.example.com",
                "PORT": 5433,
            },
        )
        self.assertEqual(config["TEST"], {"DEPENDENCIES": []})

    def test_a_sqlite_url_moves_the_file_and_keeps_the_options(self):
        with mock.patch.dict("os.environ", USERS_DATABASE_URL="sqlite:////data/people.db"):
            config = settings.database("users")
        self.assertEqual(config["ENGINE"], SQLITE_ENGINE)
        self.assertEqual(config["NAME"], "/data/people.db")
        self.assertEqual(config["OPTIONS"], settings.SQLITE_OPTIONS)
        self.assertEqual(config["TEST"]["NAME"], "/data/test_people.db")

    def test_the_options_of_a_url_come_before_those_of_the_project(self):
        url = "sqlite:////data/people.db?timeout=5"
        with mock.patch.dict("os.environ", USERS_DATABASE_URL=url):
            config = settings.database("users")
        self.assertEqual(config["OPTIONS"], {**settings.SQLITE_OPTIONS, "timeout": 5})

    def test_error_for_what_is_not_the_url_of_a_database_names_neither_url_nor_password(self):
        for url in (
            "users",
            "/data/users.db",
            "ftp://loader:secret@host/users",
            "postgres://loader:secret@host:port/users",
            "postgres://loader:secret@host:65536/users",
            "postgres://loader:se/cret@host/users",
            "postgres://loader:se[cret@host/users",
            "postgres://loader:secret@host",
            "postgres://loader:secret@host/",
            "sqlite://",
            "sqlite:///",
            "sqlite://users.db",
            "sqlite://:memory:",
            "sqlite:///:memory:",
        ):
            with self.subTest(url=url), mock.patch.dict("os.environ", USERS_DATABASE_URL=url):
                with self.assertRaises(ImproperlyConfigured) as caught:
                    settings.database("users")
                self.assertEqual(
                    str(caught.exception),
                    "USERS_DATABASE_URL is not the URL of a database. Write it like "
                    "postgres://user:password@host:5432/name (in a password, %40 for @, "
                    "%2F for /), or like sqlite:////folder/name.db.",
                )
                self.assertIsNone(caught.exception.__context__)

    def test_a_service_of_postgresql_needs_no_name(self):
        with mock.patch.dict("os.environ", USERS_DATABASE_URL="postgres:///?service=users"):
            with mock.patch.object(settings, "load_backend"):
                config = settings.database("users")
        self.assertEqual((config["NAME"], config["OPTIONS"]["service"]), ("", "users"))

    def postgresql_options(self, query):
        url = f"postgres://loader:secret@db.example.com/users{query}"
        with mock.patch.dict("os.environ", USERS_DATABASE_URL=url):
            with mock.patch.object(settings, "load_backend"):
                return settings.database("users")["OPTIONS"]

    def test_no_server_is_waited_for_for_ever(self):
        self.assertEqual(
            self.postgresql_options(""),
            {
                "connect_timeout": 10,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 25_000,
                "options": "-c lock_timeout=20s",
            },
        )

    def test_the_query_of_a_url_changes_each_limit_of_postgresql(self):
        for name in settings.POSTGRESQL_OPTIONS:
            with self.subTest(name=name):
                self.assertEqual(
                    self.postgresql_options(f"?{name}=3"),
                    {**settings.POSTGRESQL_OPTIONS, "options": "-c lock_timeout=20s", name: 3},
                )

    def test_the_query_of_a_url_changes_what_the_server_is_told(self):
        for query, told in (
            ("?lock_timeout=5s", "-c lock_timeout=5s"),
            ("?lock_timeout=500", "-c lock_timeout=500"),
            ("?options=-c%20jit=off", "-c lock_timeout=20s -c jit=off"),
            ("?options=-c%20jit=off&lock_timeout=0", "-c jit=off"),
            ("?lock_timeout=0", None),
        ):
            with self.subTest(query=query):
                options = {"options": told} if told else {}
                self.assertEqual(
                    self.postgresql_options(query), {**settings.POSTGRESQL_OPTIONS, **options}
                )

    def test_what_psycopg_warns_of_beside_an_error_is_not_told(self):
        self.assertFalse(logging.getLogger("psycopg").isEnabledFor(logging.WARNING))


class SQLiteTests(SQLiteTestCase):
    databases = set(ALIASES)

    def pragma(self, alias, name):
        with connections[alias].cursor() as cursor:
            return cursor.execute(f"PRAGMA {name}").fetchone()[0]

    def test_each_connection_has_wal_full_synchronous_and_a_busy_timeout(self):
        for alias in ALIASES:
            with self.subTest(alias=alias):
                self.assertEqual(self.pragma(alias, "journal_mode"), "wal")
                self.assertEqual(self.pragma(alias, "synchronous"), 2)
                self.assertEqual(self.pragma(alias, "busy_timeout"), 20_000)

    def test_a_transaction_takes_the_write_lock_as_it_begins(self):
        for alias in ALIASES:
            with self.subTest(alias=alias):
                with CaptureQueriesContext(connections[alias]) as queries:
                    with transaction.atomic(using=alias):
                        pass
                self.assertEqual([q["sql"] for q in queries][0], "BEGIN IMMEDIATE")


class EnvironmentTests(SimpleTestCase):
    def shown(self, expression, **variables):
        with tempfile.TemporaryDirectory() as folder:
            env = environment(Path(folder))
            for name in ("SECRET_KEY", "DEBUG", "ALLOWED_HOSTS"):
                env.pop(name, None)
            return subprocess.run(
                [
                    sys.executable,
                    "-c",
                    f"from ds_project import settings as s; print({expression})",
                ],
                cwd=ROOT,
                env={**env, **variables},
                stdout=subprocess.PIPE,
                encoding="utf-8",
                check=True,
            ).stdout.rstrip("\n")

    def test_nothing_set_is_safe(self):
        self.assertEqual(self.shown("[s.DEBUG, s.ALLOWED_HOSTS]"), "[False, []]")
        first, second = self.shown("s.SECRET_KEY"), self.shown("s.SECRET_KEY")
        self.assertNotEqual(first, second)
        self.assertEqual((len(first), len(second)), (50, 50))

    def test_the_files_may_be_in_another_folder(self):
        shown = self.shown("s.DATABASES['users']['NAME']", DATABASES_FOLDER="/")
        self.assertEqual(shown, "/users.db")

    def test_everything_comes_from_the_environment(self):
        shown = self.shown(
            "[s.SECRET_KEY, s.DEBUG, s.ALLOWED_HOSTS]",
            SECRET_KEY="k",
            DEBUG="1",
            ALLOWED_HOSTS="a.example.com, b.example.com",
        )
        self.assertEqual(shown, "['k', True, ['a.example.com', 'b.example.com']]")

    def test_a_database_has_a_minute_to_answer_unless_it_is_given_another_time(self):
        for value, number in (("", 60), ("0", 0), ("90", 90)):
            with self.subTest(value=value):
                shown = self.shown("s.DATABASE_TIMEOUT", DATABASE_TIMEOUT=value)
                self.assertEqual(shown, str(number))

    def test_debug_is_off_unless_asked_for(self):
        for value in ("", "0", "false", "off", "no", "release"):
            with self.subTest(value=value):
                self.assertEqual(self.shown("s.DEBUG", DEBUG=value), "False")
