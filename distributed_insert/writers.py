"""One batch into one database: a row that is refused is told, and costs no other its place."""

from itertools import chain
from typing import Any, Dict, List, Sequence, Tuple

from django.db import DataError, IntegrityError, connections, transaction

from .references import missing_ids

# sqlite3 gives up the interpreter lock once per execution, and each time the threads fight for it:
# with a row per execution three threads are slower than one, with 200 they are faster.
ROWS_PER_STATEMENT = 200

# Fields that store just what the rules return; the values of others pass through their backend.
STORED_AS_THEY_ARE = {"CharField", "FloatField", "IntegerField"}

Row = Sequence[Any]
"""The values of a record in the order of its model's fields."""


def already_exists(key: int) -> str:
    return f"ID {key} already exists"


def insert(model, using: str, rows: List[Row]) -> Dict[int, str]:
    """Insert rows, and return the error of each one that was refused, by its index in `rows`.

    All others are inserted. It commits nothing: call it inside `atomic(using)`, in which it works
    with savepoints. An error that is no row's fault (OperationalError: disk full, database locked,
    server lost) is raised, and must leave that transaction too.
    """
    refused = {}
    try:
        with transaction.atomic(using=using):
            _execute(model, using, rows)
    except (IntegrityError, DataError):
        key = model._meta.concrete_fields.index(model._meta.pk)
        ids = {row[key] for row in rows}
        taken = ids - missing_ids(model, using, ids)
        fresh = []
        for index, row in enumerate(rows):
            if row[key] in taken:
                refused[index] = already_exists(row[key])
            else:
                taken.add(row[key])
                fresh.append((index, row))
        _insert_by_halves(model, using, fresh, refused)
    return refused


def _insert_by_halves(model, using, numbered: List[Tuple[int, Row]], refused: Dict[int, str]):
    """Insert (index, row) pairs, adding to `refused` those that the database will not have."""
    try:
        with transaction.atomic(using=using):
            _execute(model, using, [row for _, row in numbered])
    except (IntegrityError, DataError) as error:
        if len(numbered) == 1:
            refused[numbered[0][0]] = f"Refused by the database: {error}"
            return
        middle = len(numbered) // 2
        _insert_by_halves(model, using, numbered[:middle], refused)
        _insert_by_halves(model, using, numbered[middle:], refused)


def _execute(model, using, rows):
    """Run multi-row INSERT statements through Django's connection: no model instances."""
    connection = connections[using]
    quote = connection.ops.quote_name
    fields = model._meta.concrete_fields
    columns = ", ".join(quote(field.column) for field in fields)
    values = f"({', '.join(['%s'] * len(fields))})"
    insert_into = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES "
    size = max(1, min(ROWS_PER_STATEMENT, connection.ops.bulk_batch_size(fields, rows)))
    with connection.cursor() as cursor:
        for start in range(0, len(rows), size):
            part = _adapted(fields, connection, rows[start : start + size])
            cursor.execute(insert_into + ", ".join([values] * len(part)), list(chain(*part)))


def _adapted(fields, connection, rows):
    if all(field.get_internal_type() in STORED_AS_THEY_ARE for field in fields):
        return rows
    return [
        [field.get_db_prep_save(value, connection) for field, value in zip(fields, row)]
        for row in rows
    ]
