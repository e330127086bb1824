"""Whether a model has a table, and why a database failed."""

from contextlib import contextmanager

from django.db import Error, connections

from .exceptions import LoadError


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
        raise LoadError(f"Database '{using}': {reason(error)}") from error


def reason(error: Exception) -> str:
    """Return in one line why a database failed, and the remedy if another process has locked it."""
    text = " ".join(str(error).split())
    if is_locked(error):
        text += ". Another process is writing to it: run the command again when that is done."
    return text


def is_locked(error: Exception) -> bool:
    """Return whether a database failed since another program has locked what was asked for."""
    # lock_not_available
    is_timeout = getattr(error.__cause__, "sqlstate", None) == "55P03"
    return is_timeout or str(error).endswith(" is locked")
