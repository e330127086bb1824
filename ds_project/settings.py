"""Settings: secrets and switches come from the environment, the databases from files or URLs."""

import os
from pathlib import Path
from typing import Any, Dict

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from django.db.utils import load_backend

BASE_DIR = Path(__file__).resolve().parent.parent


def switch(variable):
    return os.environ.get(variable, "").lower() in {"1", "true", "yes", "on"}


def items(variable):
    return [item.strip() for item in os.environ.get(variable, "").split(",") if item.strip()]


def seconds(variable, default=0):
    text = os.environ.get(variable) or str(default)
    if not (text.isascii() and text.isdigit()):
        raise ImproperlyConfigured(f"{variable} is not a whole number of seconds.")
    return int(text)


# A random key per start serves loading and development; a restart then ends every session.
SECRET_KEY = os.environ.get("SECRET_KEY") or get_random_secret_key()
DEBUG = switch("DEBUG")
ALLOWED_HOSTS = items("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = items("CSRF_TRUSTED_ORIGINS")
STATIC_ROOT = os.environ.get("STATIC_ROOT")
STATIC_URL = "static/"

SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = switch("HTTPS")
# Browsers remember this: it has a variable of its own, to be set when HTTPS is known to work.
SECURE_HSTS_SECONDS = seconds("SECURE_HSTS_SECONDS")
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
proxy_header = os.environ.get("SECURE_PROXY_SSL_HEADER")
if proxy_header:
    SECURE_PROXY_SSL_HEADER = (f"HTTP_{proxy_header.upper().replace('-', '_')}", "https")

INSTALLED_APPS = [
    "distributed_insert",
    "django.contrib.admin",
    "ds_project.apps.AccountsConfig",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "ds_project.urls"
WSGI_APPLICATION = "ds_project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Where the SQLite files are.
DATABASES_FOLDER = Path(os.environ.get("DATABASES_FOLDER") or BASE_DIR)
if not DATABASES_FOLDER.is_dir():
    raise ImproperlyConfigured(f"DATABASES_FOLDER is not a folder: {DATABASES_FOLDER}.")

POSTGRESQL_ENGINE = "django.db.backends.postgresql"
SQLITE_ENGINE = "django.db.backends.sqlite3"

# WAL lets readers go on while a worker writes, FULL keeps every commit through a power cut, and a
# transaction that takes the write lock as it begins waits for it rather than failing half-way.
SQLITE_OPTIONS = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
}

# A host that does not answer, or is gone after it did, is an error within half a minute.
POSTGRESQL_OPTIONS = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
# How long a statement waits for a lock, as long as on SQLite. libpq has no such option.
LOCK_TIMEOUT = "20s"
# A server whose network is well may still not answer, for example because its disk does not.
DATABASE_TIMEOUT = seconds("DATABASE_TIMEOUT", 60)


def from_url(variable):
    """Return what the URL in an environment variable says; no message shows it or its password."""
    try:
        import dj_database_url
    except ImportError as error:
        raise ImproperlyConfigured(
            f"{variable} cannot be read without dj-database-url. Run: pip install dj-database-url"
        ) from error
    try:
        config = dj_database_url.parse(os.environ[variable])
    except ValueError:
        config = {"NAME": ""}
    options = config.get("OPTIONS", {})
    is_sqlite = config.get("ENGINE") == SQLITE_ENGINE
    # A database in memory has one connection, and each worker needs its own.
    if (
        (config["NAME"] in ("", ":memory:") and "service" not in options)
        or "\0" in config["NAME"]
        or (is_sqlite and any((k, type(v)) != ("timeout", int) for k, v in options.items()))
    ):
        raise ImproperlyConfigured(
            f"{variable} is not the URL of a database. Write it like "
            "postgres://user:password@host:5432/name (in a password, %40 for @, %2F for /), "
            "or like sqlite:////folder/name.db."
        )
    try:
        load_backend(config["ENGINE"])
    except (ImproperlyConfigured, ImportError) as error:
        if config["ENGINE"] == POSTGRESQL_ENGINE:
            raise ImproperlyConfigured(
                f"{variable} is the URL of a PostgreSQL server, and its driver is missing. "
                'Run: pip install "psycopg[binary]"'
            ) from error
        raise ImproperlyConfigured(
            f"{variable} needs {config['ENGINE']}, which cannot be loaded here."
        ) from error
    return config


def postgresql_options(given):
    """Return the options of a connection: those of a URL, and before them the project's."""
    options = {**POSTGRESQL_OPTIONS, **given}
    lock_timeout = options.pop("lock_timeout", LOCK_TIMEOUT)
    # Sent as the connection begins, it costs no turn. PgBouncer, which refuses it, needs a 0.
    if lock_timeout:
        sent = f"-c lock_timeout={lock_timeout}"
        options["options"] = f"{sent} {options['options']}" if "options" in options else sent
    return options


def database(alias):
    """Return the settings of a database: that of $<ALIAS>_DATABASE_URL, or the file <alias>.db."""
    variable = f"{alias.upper()}_DATABASE_URL"
    config: Dict[str, Any] = (
        from_url(variable)
        if os.environ.get(variable)
        else {"ENGINE": SQLITE_ENGINE, "NAME": str(DATABASES_FOLDER / f"{alias}.db")}
    )
    if config["ENGINE"] == POSTGRESQL_ENGINE:
        config["OPTIONS"] = postgresql_options(config.get("OPTIONS", {}))
    # The databases know nothing of each other: tests of one need no other made first.
    config["TEST"] = {"DEPENDENCIES": []}
    if config["ENGINE"] == SQLITE_ENGINE:
        if django.VERSION < (5, 1):
            config["ENGINE"] = "ds_project.backports.sqlite3"
        config["OPTIONS"] = {**SQLITE_OPTIONS, **config.get("OPTIONS", {})}
        # A second thread needs a file: in memory it finds the tables locked.
        name = Path(config["NAME"])
        config["TEST"]["NAME"] = str(name.with_name(f"test_{name.name}"))
    return config


DATABASES = {alias: database(alias) for alias in ("default", "users", "products", "orders")}
# What psycopg warns of, beside an error that it raises, would be a second message about one fault.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"psycopg": {"level": "ERROR"}},
}
DATABASE_ROUTERS = ["ds_project.router.ModelDatabaseRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# To delete 1,000 records, the admin sends their ids and a few more fields.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1010

TIME_ZONE = "UTC"
USE_TZ = True
