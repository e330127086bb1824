"""Whether a model has a table, and why a database failed."""

import re
from contextlib import contextmanager

from django.db import Error, connections

from .exceptions import LoadError

LOCKED = "Another process is writing to it: run the command again when that is done."
LOST = "Check that the server is running."

# By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
REMEDIES = {
    "25P03": "Raise idle_in_transaction_session_timeout, or set it to 0 for this user.",
    "25P04": "Raise transaction_timeout, or set it to 0 for this user.",
    "40P01": LOCKED,
    "53100": "Make room on the disk of the server.",
    "55P03": LOCKED,
    "57P01": LOST,
    "57P02": LOST,
}

# How psycopg begins to say that there is no connection, and what helps, by what it says then.
NO_CONNECTION = re.compile("connection (failed|is bad): |(?=connection timeout|failed to resolve)")
NO_CONNECTION_REMEDIES = (
    ("refused|timeout|timed out|resolve|route|unreach", "Check the host and the port in {url}."),
    ("password|role .* does not exist", "Check the user and the password in {url}."),
    ("database .* does not exist", "Check the name of the database in {url}."),
    ("too many|connection slots", "Run the command again when others have disconnected."),
    ("the database system is", "Run the command again when it is ready."),
    ("", "Check {url}."),
)


def has_table(model, using: str) -> bool:
    connection = connections[using]
    with connection.cursor() as cursor:
        return model._meta.db_table in connection.introspection.table_names(cursor)


def require_table(model, using: str):
    """Raise LoadError, which names the remedy, if the database `using` has no table of `model`."""
    if not has_table(model, using):
        raise LoadError(
            f"Database '{using}' has no table for {model.__name__} records. "
            f"Create it with: python manage.py migrate --database={using}"
        )


@contextmanager
def errors(using: str):
    """Turn an error of the database `using` into a LoadError that names it."""
    try:
        yield
    except Error as error:
        raise LoadError(failure(error, using)) from error


def failure(error: Exception, using: str) -> str:
    """Return the name of a database, and why it failed."""
    return f"Database '{using}': {reason(error, using)}"


def reason(error: Exception, using: str) -> str:
    """Return in one line why the database `using` failed, and the remedy where one is known."""
    driver_error = error.__cause__ or error
    if hasattr(driver_error, "sqlstate"):
        return _reason_of_postgresql(driver_error, using)
    text = " ".join(str(error).split())
    return f"{text}. {LOCKED}" if is_locked(error) else text


def _reason_of_postgresql(error, using):
    # The lines after the first one show the statement, or guess.
    text = error.diag.message_primary or str(error).partition("\n")[0]
    text, is_unconnected = NO_CONNECTION.subn("", " ".join(text.split()), count=1)
    remedy = REMEDIES.get(error.sqlstate)
    if is_unconnected:
        url = f"{using.upper()}_DATABASE_URL"
        found = (remedy for said, remedy in NO_CONNECTION_REMEDIES if re.search(said, text))
        remedy = next(found).format(url=url)
    elif not error.sqlstate:
        # It comes from the client.
        remedy = LOST
    return f"{text}. {remedy}" if remedy else text


def is_locked(error: Exception) -> bool:
    """Return whether a database failed since another program has locked what was asked for."""
    # lock_not_available
    return sqlstate(error) == "55P03" or str(error).endswith(" is locked")


def sqlstate(error: Exception) -> str:
    """Return PostgreSQL's code for an error that Django raised; "" if it has none."""
    cause = error.__cause__
    # psycopg 2 names it otherwise.
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""
