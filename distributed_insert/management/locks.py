"""A lock that keeps two processes from migrating one database at the same time."""

from contextlib import closing, contextmanager

from django.core.files import locks

# Any number; any other advisory lock in these databases needs a different one.
ADVISORY_LOCK = 7_310_046


@contextmanager
def migration_lock(connection):
    """Wait for other processes that are migrating this database, and keep them waiting.

    The lock ends with the process, however that ends. Databases other than SQLite and PostgreSQL
    are not locked.
    """
    if connection.vendor == "postgresql":
        # The session owns the lock: closing it unlocks, even where the server no longer answers.
        with closing(connection):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
            yield
    elif connection.vendor == "sqlite":
        # Not the database's own file: closing that would drop the locks SQLite holds on it.
        with open(f"{connection.settings_dict['NAME']}-lock", "a") as file:
            locks.lock(file, locks.LOCK_EX)
            yield
    else:
        yield
