"""INSERT statements of many rows each."""

from django.db import IntegrityError, connections

# sqlite3 gives up the interpreter lock once per execution, and each time the threads fight for it:
# with a row per execution three threads are slower than one, with 200 they are faster.
ROWS_PER_STATEMENT = 200

# Fields that store just what the rules return; the values of others pass through their backend.
STORED_AS_THEY_ARE = {"CharField", "FloatField", "IntegerField"}


class Insert:
    """Multi-row INSERT statements on Django's connection."""

    def __init__(self, model, using, suffix=""):
        self._connection = connection = connections[using]
        self._fields = fields = model._meta.concrete_fields
        self._is_adapted = any(f.get_internal_type() not in STORED_AS_THEY_ARE for f in fields)
        quote = connection.ops.quote_name
        names = ", ".join(quote(field.column) for field in fields)
        self._begin = f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES "
        self._end = f" {suffix}"
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
            if self._execute(f"{self._begin}{rows}{self._end}", values) != end - begin:
                raise IntegrityError("the row was skipped, possibly by a trigger")

    def _execute_on_driver(self, sql, values):
        # Statements on the driver's connection bypass Django's own check.
        self._connection.validate_no_broken_transaction()
        with self._connection.wrap_database_errors:
            return self._connection.connection.execute(sql, values).rowcount

    def _execute_on_cursor(self, sql, values):
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.rowcount
