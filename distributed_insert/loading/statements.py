"""INSERT statements of many rows each, for any database."""

from typing import Dict

from django.db import DataError, Error, IntegrityError, connections, transaction

from ..databases import sqlstate
from ..exceptions import LoadError

# sqlite3 gives up the interpreter lock once per execution, and each time the threads fight for it:
# with a row per execution three threads are slower than one, with 200 they are faster.
ROWS_PER_STATEMENT = 200

# Fields that store just what the rules return; the values of others pass through their backend.
STORED_AS_THEY_ARE = {"CharField", "FloatField", "IntegerField"}

SKIPPED = "the row was skipped, possibly by a trigger"


class Insert:
    """Multi-row INSERT statements on Django's connection; each ends with the `suffix`."""

    def __init__(self, model, using: str, suffix: str = ""):
        self._using = using
        self._connection = connection = connections[using]
        self._fields = fields = model._meta.concrete_fields
        self._is_adapted = any(f.get_internal_type() not in STORED_AS_THEY_ARE for f in fields)
        quote = connection.ops.quote_name
        names = ", ".join(quote(field.column) for field in fields)
        self._table = f"{quote(model._meta.db_table)} ({names})"
        self._suffix = suffix
        # Django's cursor for SQLite looks for the %s in every statement, to make them ?, which
        # takes as long as the insert itself. So there the driver's own connection is used.
        self._execute, mark = (
            (self._execute_on_driver, "?")
            if connection.vendor == "sqlite"
            else (self._execute_on_cursor, "%s")
        )
        self._row = f"({', '.join([mark] * len(fields))})"

    def __call__(self, columns, start=0, stop=None):
        """Insert the rows of the columns from `start` to `stop`.

        Raises IntegrityError also where the database, without an error, inserts fewer.
        """
        if self._is_adapted:
            columns = [
                [field.get_db_prep_save(value, self._connection) for value in column]
                for field, column in zip(self._fields, columns)
            ]
        width = len(columns)
        stop = len(columns[0]) if stop is None else stop
        limit = self._connection.ops.bulk_batch_size(self._fields, range(stop - start))
        size = max(1, min(ROWS_PER_STATEMENT, limit))
        for begin in range(start, stop, size):
            end = min(begin + size, stop)
            values = [None] * ((end - begin) * width)
            for position, column in enumerate(columns):
                values[position::width] = column[begin:end]
            rows = ", ".join([self._row] * (end - begin))
            sql = f"INSERT INTO {self._table} VALUES {rows} {self._suffix}"
            if self._execute(sql, values) != end - begin:
                raise IntegrityError(SKIPPED)

    def accepted(self, columns) -> Dict[int, str]:
        """Insert the rows that the database accepts; return its message for each of the others.

        It works with savepoints. Errors that no row caused are raised, and so is a LoadError if the
        database ended the transaction.
        """
        if not columns[0]:
            return {}
        try:
            with transaction.atomic(using=self._using):
                self(columns)
            return {}
        except Error as error:
            check_fault(self._using, error)
        return self._search(columns)

    def _search(self, columns):
        """As `accepted`, where not all rows are: by the statement, and where one fails, by the row.

        So each row is sent twice at most.
        """
        refused: Dict[int, str] = {}

        def attempt(start, stop, size):
            for begin in range(start, stop, size):
                end = min(begin + size, stop)
                try:
                    with transaction.atomic(using=self._using):
                        self(columns, begin, end)
                except Error as error:
                    check_fault(self._using, error)
                    if end - begin == 1:
                        refused[begin] = refusal(error)
                    else:
                        attempt(begin, end, 1)

        attempt(0, len(columns[0]), ROWS_PER_STATEMENT)
        return refused

    def _execute_on_driver(self, sql, values):
        # Statements on the driver's connection bypass Django's own check.
        self._connection.validate_no_broken_transaction()
        with self._connection.wrap_database_errors:
            return self._connection.connection.execute(sql, values).rowcount

    def _execute_on_cursor(self, sql, values):
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.rowcount


def is_refusal(error: Error) -> bool:
    """Return whether a row has caused the error."""
    # What a trigger of PostgreSQL raises has an SQLSTATE of class P0.
    return isinstance(error, (IntegrityError, DataError)) or sqlstate(error).startswith("P0")


def check_fault(using: str, error: Error):
    """Raise an error again that no row caused, or LoadError if the transaction has ended."""
    if not is_refusal(error):
        raise error
    if connections[using].needs_rollback:
        raise LoadError(
            f"Database '{using}' ended the transaction by itself, as a trigger can: {error}"
        ) from error


def refusal(error: Error) -> str:
    """Return what is said of a row that the database refused with this error."""
    # PostgreSQL also tells all values of the row, and where in the trigger it was.
    diagnostics = getattr(error.__cause__, "diag", None)
    return refused_with(getattr(diagnostics, "message_primary", None) or str(error))


def refused_with(message: str) -> str:
    return f"Refused by the database: {' '.join(message.split())}"
