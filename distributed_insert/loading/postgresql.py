"""How rows are sent to PostgreSQL by psycopg 3: as a stream, or as an array per column."""

import json
import operator
import struct
from functools import lru_cache
from itertools import chain, repeat
from typing import Iterable, List

from django.db import (
    Error,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    connections,
    transaction,
)

from ..references import ONE_QUESTION
from .statements import SKIPPED, Insert, check_fault, refused_with

# By the type of a field: that of its column, and the format of a number behind its length in bytes.
TYPES = {
    "CharField": ("text", None),
    "FloatField": ("double precision", struct.Struct(">id")),
    "IntegerField": ("integer", struct.Struct(">ii")),
}
# Types of columns that read the same bytes as text does.
LIKE_TEXT = {"character varying", "character"}
# The binary format: https://www.postgresql.org/docs/current/sql-copy.html
COPY_BEGIN, COPY_END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
ROWS_PER_WRITE = 2_000

# Inserts row by row on the server, each in a savepoint, and leaves behind which were refused.
SEARCH = """
#variable_conflict use_column
DECLARE
    given record;
    inserted integer;
    places bigint[] := '{{}}';
    messages text[] := '{{}}';
BEGIN
    FOR given IN SELECT * FROM {arrays} WITH ORDINALITY AS rows ({names}, place) LOOP
        BEGIN
            INSERT INTO {table} VALUES ({values}) {suffix};
            GET DIAGNOSTICS inserted = ROW_COUNT;
            -- An error, so that what the trigger has stored elsewhere is rolled back, too.
            IF inserted <> 1 THEN RAISE '{skipped}'; END IF;
        EXCEPTION WHEN OTHERS THEN
            IF left(SQLSTATE, 2) NOT IN ('22', '23', 'P0') THEN RAISE; END IF;
            places := places || given.place - 1;
            messages := messages || SQLERRM;
        END;
    END LOOP;
    PERFORM set_config('{setting}', json_object(places::text[], messages)::text, true);
END
"""
SETTING = "distributed_insert.refused"


def can_copy(connection, model) -> bool:
    """Return whether psycopg 3 can send the model's rows to PostgreSQL by COPY.

    It can where that stores the same as INSERT.
    """
    if connection.vendor != "postgresql":
        return False
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    fields = model._meta.concrete_fields
    types = [TYPES.get(field.get_internal_type(), ("",))[0] for field in fields]
    return is_psycopg3 and all(types) and column_types(connection, model) == types


# One for each model whose load is running, and then some.
@lru_cache(maxsize=32)
def column_types(connection, model):
    """Return the types of the model's columns, as far as COPY goes into its table as INSERT does.

    The columns may be of other types than the fields are: COPY would take the bytes of a number for
    those of a price in money. It ignores rules, and fails where rows have security policies.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, format_type(coalesce(nullif(typbasetype, 0), pg_type.oid), NULL) "
            "FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
            "JOIN pg_type ON pg_type.oid = atttypid "
            "WHERE pg_class.oid = to_regclass(%s) AND NOT relhasrules AND NOT relrowsecurity",
            [connection.ops.quote_name(model._meta.db_table)],
        )
        types = dict(cursor.fetchall())
    found = [types.get(field.column) for field in model._meta.concrete_fields]
    return ["text" if type_ in LIKE_TEXT else type_ for type_ in found]


class Copy(Insert):
    """COPY, or with a suffix an INSERT of an array per column.

    A piece with values that are not of their field's type is left to the portable statements.
    """

    def __init__(self, model, using, suffix=""):
        super().__init__(model, using, suffix)
        self._types, self._formats = zip(*(TYPES[f.get_internal_type()] for f in self._fields))
        self._arrays = f"unnest({', '.join(f'%s::{type_}[]' for type_ in self._types)})"

    def __call__(self, columns, start=0, stop=None):
        columns = [column[start:stop] for column in columns]
        if not columns[0]:
            return
        try:
            sent = self._insert_arrays(columns) if self._suffix else self._copy(columns)
        except (TypeError, struct.error):
            super().__call__(columns)
        else:
            if sent != len(columns[0]):
                raise IntegrityError(SKIPPED)

    def _copy(self, columns):
        """Return how many rows were inserted."""
        data = [
            self._binary([column[begin : begin + ROWS_PER_WRITE] for column in columns])
            for begin in range(0, len(columns[0]), ROWS_PER_WRITE)
        ]
        # Django's cursor does not see to what is done with a COPY.
        self._connection.validate_no_broken_transaction()
        with self._connection.cursor() as cursor, self._connection.wrap_database_errors:
            with cursor.copy(f"COPY {self._table} FROM STDIN (FORMAT BINARY)") as copy:
                for part in (COPY_BEGIN, *data, COPY_END):
                    copy.write(part)
            return cursor.rowcount

    def _binary(self, columns):
        pieces: List[Iterable[bytes]] = [repeat(struct.pack(">h", len(columns)))]
        for form, column in zip(self._formats, columns):
            if form:
                pieces.append(map(form.pack, repeat(form.size - 4), column))
            else:
                texts = list(map(str.encode, column))
                pieces += [map(_packed_length, map(len, texts)), texts]
        return b"".join(chain.from_iterable(zip(*pieces)))

    def _insert_arrays(self, columns):
        """Return how many rows were inserted or updated."""
        sql = f"INSERT INTO {self._table} SELECT * FROM {self._arrays} {self._suffix}"
        return self._execute_on_cursor(sql, list(map(_array, self._types, columns)))

    def _search(self, columns):
        compose = self._connection.ops.compose_sql
        names = [f"c{place}" for place in range(len(columns))]
        try:
            body = SEARCH.format(
                arrays=compose(self._arrays, list(map(_array, self._types, columns))),
                names=", ".join(names),
                values=", ".join(f"given.{name}" for name in names),
                table=self._table,
                suffix=self._suffix,
                skipped=SKIPPED,
                setting=SETTING,
            )
            with transaction.atomic(using=self._using), self._connection.cursor() as cursor:
                cursor.execute(f"{compose('DO %s', [body])}; SELECT current_setting('{SETTING}')")
                cursor.nextset()
                [found] = cursor.fetchone()
        except (TypeError, NotSupportedError, ProgrammingError):
            # Not every server that speaks PostgreSQL's protocol has its PL/pgSQL.
            return super()._search(columns)
        except Error as error:
            check_fault(self._using, error)
            return super()._search(columns)
        return {int(place): refused_with(message) for place, message in json.loads(found).items()}


def rows_with_ids(model, using, ids):
    """Yield the stored rows with these ids."""
    connection = connections[using]
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in model._meta.concrete_fields)
    key = quote(model._meta.pk.column)
    asked, to_parameter = ONE_QUESTION[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(
            # With OFFSET each row is searched for; a join would read the whole table.
            f"SELECT stored.* FROM {asked} CROSS JOIN LATERAL (SELECT {names} "
            f"FROM {quote(model._meta.db_table)} WHERE {key} = asked.value OFFSET 0) AS stored",
            [to_parameter(sorted(ids))],
        )
        yield from cursor


class _Lengths(dict):
    def __missing__(self, length):
        packed = self[length] = struct.pack(">i", length)
        return packed


_packed_length = _Lengths().__getitem__


def _array(type_, column):
    """Return the text of an array. Raises TypeError for values of another type."""
    if type_ == "integer":
        return f"{{{','.join(map(str, map(operator.index, column)))}}}"
    if type_ == "double precision":
        return f"{{{','.join(map(repr, map(float, column)))}}}"
    escaped = map(str.replace, column, repeat("\\"), repeat("\\\\"))
    quoted = map(str.replace, escaped, repeat('"'), repeat('\\"'))
    return '{"' + '","'.join(quoted) + '"}'
