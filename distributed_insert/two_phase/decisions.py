"""What a load has decided: a row in the deciding database, inserted by the load's transaction.

The row is there once that transaction is committed. While it runs, nobody else can insert the same
row: one who tries waits for that transaction, on PostgreSQL, or for its write lock, on SQLite. When
it is gone, the row can be inserted.

The table is made when a database first has to decide, not by a migration: each database holds only
its own table until then.
"""

from enum import Enum
from uuid import uuid4

from django.db import IntegrityError, OperationalError, connections, transaction

from ..databases import is_locked

TABLE = "distributed_insert_decision"
IDENTITY = "identity"
# Any number; any other advisory lock in these databases needs a different one.
ADVISORY_LOCK = 7_310_047
# How long a row or a database that another program has locked is waited for.
PATIENCE_MS = 1000


class Verdict(Enum):
    COMMIT = "commit"
    ROLL_BACK = "roll back"
    ALIVE = "alive"
    """The load is still running, and has not decided yet."""
    UNKNOWN = "unknown"
    """The database has never decided for that load: another one did."""


def lock(using: str):
    """Wait until no other load has this lock, and keep it to the end of the transaction.

    A transaction on SQLite has locked the database as it began.
    """
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])


def create_table(using: str) -> str:
    """Create the table if there is none; return the identity of the database.

    A user who may not create tables needs one that another has created by a load.
    """
    found = identity(using)
    if found:
        return found
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        # Two that create a table of one name at once fail even with IF NOT EXISTS.
        lock(using)
        if connection.vendor == "postgresql":
            # What others prepare names the identity: it must not be lost in a crash.
            cursor.execute("SET LOCAL synchronous_commit = on")
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {TABLE} "
            "(name varchar(40) PRIMARY KEY, value varchar(40) NOT NULL)"
        )
        cursor.execute(
            f"INSERT INTO {TABLE} VALUES (%s, %s) ON CONFLICT (name) DO NOTHING",
            [IDENTITY, uuid4().hex],
        )
    return identity(using)


def identity(using: str) -> str:
    """Return what tells the database from any other one; "" if it never had to decide."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            return ""
        cursor.execute(f"SELECT value FROM {TABLE} WHERE name = %s", [IDENTITY])
        return next((value for (value,) in cursor.fetchall()), "")


def decide(using: str, load: str):
    """Insert the row of a load. It is the decision when the transaction is committed."""
    with connections[using].cursor() as cursor:
        cursor.execute(f"INSERT INTO {TABLE} VALUES (%s, '')", [load])


def forget(using: str, load: str):
    """Delete the row of a load that has been committed everywhere."""
    with connections[using].cursor() as cursor:
        cursor.execute(f"DELETE FROM {TABLE} WHERE name = %s", [load])


def verdict(using: str, its_identity: str, load: str) -> Verdict:
    """Return what the database has decided about a load: once it is said, it never changes.

    Raises the errors of the database, unless it is locked: then the load may be alive.
    """
    connection = connections[using]
    if identity(using) != its_identity:
        return Verdict.UNKNOWN
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
    try:
        with transaction.atomic(using=using):
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = {PATIENCE_MS}")
            decide(using, load)
            transaction.set_rollback(True, using=using)
    except IntegrityError:
        return Verdict.COMMIT
    except OperationalError as error:
        if is_locked(error):
            return Verdict.ALIVE
        raise
    return Verdict.ROLL_BACK
