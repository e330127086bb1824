"""One batch into one database: a row that is refused is told, and costs no other its place."""

from functools import partial
from itertools import chain
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from django.db import DataError, IntegrityError, connections, transaction
from django.db.models.constants import OnConflict

from ..references import missing_ids

# sqlite3 gives up the interpreter lock once per execution, and each time the threads fight for it:
# with a row per execution three threads are slower than one, with 200 they are faster.
ROWS_PER_STATEMENT = 200

# Fields that store just what the rules return; the values of others pass through their backend.
STORED_AS_THEY_ARE = {"CharField", "FloatField", "IntegerField"}

Row = Sequence[Any]
"""The values of a record in the order of its model's fields."""


class Insertion(NamedTuple):
    """What became of the rows of a batch; each of the others was inserted."""

    inserted: int
    conflicts: List[int]
    """The indexes of the rows whose id was taken: stored before, or by an earlier row."""
    refused: Dict[int, str]
    """What the database had against other rows, by their indexes."""


def insert(model, using: str, rows: Sequence[Row]) -> Insertion:
    """Insert rows, and tell which of them were not.

    It commits nothing: call it inside `atomic(using)`, in which it works with savepoints. An error
    that is no row's fault (OperationalError: disk full, database locked, server lost) is raised,
    and must leave that transaction too.
    """
    try:
        with transaction.atomic(using=using):
            return Insertion(_execute(model, using, rows), [], {})
    except (IntegrityError, DataError):
        key = model._meta.concrete_fields.index(model._meta.pk)
        ids = {row[key] for row in rows}
        taken = ids - missing_ids(model, using, ids)
        fresh, conflicts = [], []
        for index, row in enumerate(rows):
            if row[key] in taken:
                conflicts.append(index)
            else:
                taken.add(row[key])
                fresh.append((index, row))
        inserted, refused = _by_halves(partial(_execute, model, using), using, fresh)
        return Insertion(inserted, conflicts, refused)


def update(model, using: str, rows: Sequence[Row]) -> Dict[int, str]:
    """Store rows over those with the same ids, the last of several, and return what was refused.

    The promise is that of `insert`.
    """
    key = model._meta.concrete_fields.index(model._meta.pk)
    last = {row[key]: (index, row) for index, row in enumerate(rows)}
    fields = model._meta.concrete_fields
    suffix = connections[using].ops.on_conflict_suffix_sql(
        fields,
        OnConflict.UPDATE,
        [field.column for field in fields if not field.primary_key],
        [model._meta.pk.column],
    )
    return _by_halves(partial(_execute, model, using, suffix=suffix), using, list(last.values()))[1]


def _by_halves(execute, using, numbered: List[Tuple[int, Row]]) -> Tuple[int, Dict[int, str]]:
    """Write (index, row) pairs; return how many were, and what the database has against others."""
    try:
        with transaction.atomic(using=using):
            return execute([row for _, row in numbered]), {}
    except (IntegrityError, DataError) as error:
        if len(numbered) == 1:
            return 0, {numbered[0][0]: f"Refused by the database: {error}"}
        middle = len(numbered) // 2
        first, refused_first = _by_halves(execute, using, numbered[:middle])
        second, refused_second = _by_halves(execute, using, numbered[middle:])
        return first + second, {**refused_first, **refused_second}


def _execute(model, using, rows, suffix="") -> int:
    """Run multi-row INSERT statements on Django's connection; return how many rows they wrote."""
    connection = connections[using]
    quote = connection.ops.quote_name
    fields = model._meta.concrete_fields
    columns = ", ".join(quote(field.column) for field in fields)
    execute, placeholder = _executor(connection)
    values = f"({', '.join([placeholder] * len(fields))})"
    insert_into = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES "
    size = max(1, min(ROWS_PER_STATEMENT, connection.ops.bulk_batch_size(fields, rows)))
    written = 0
    for start in range(0, len(rows), size):
        part = _adapted(fields, connection, rows[start : start + size])
        sql = f"{insert_into}{', '.join([values] * len(part))} {suffix}"
        written += execute(sql, list(chain(*part))).rowcount
    return written


def _executor(connection):
    """Return what executes a statement and returns a cursor, and the placeholder it knows.

    Django's cursor for SQLite looks for the %s in every statement, to make them ?, which takes as
    long as the insert itself: 1.0 microseconds a row rather than 0.5. So there the cursor is the
    driver's own, as Django's connection has it.
    """
    if connection.vendor != "sqlite":
        return partial(_execute_on, connection), "%s"

    def execute(sql, values):
        with connection.wrap_database_errors:
            return connection.connection.execute(sql, values)

    connection.ensure_connection()
    return execute, "?"


def _execute_on(connection, sql, values):
    cursor = connection.cursor()
    cursor.execute(sql, values)
    return cursor


def _adapted(fields, connection, rows):
    if all(field.get_internal_type() in STORED_AS_THEY_ARE for field in fields):
        return rows
    return [
        [field.get_db_prep_save(value, connection) for field, value in zip(fields, row)]
        for row in rows
    ]
