"""A transaction that begins with a question, in one turn where the database allows it."""

from contextlib import ExitStack, contextmanager, nullcontext
from typing import Iterator, Set

from django.db import connections, transaction

from ..references import missing_ids, missing_question
from .postgresql import can_copy


@contextmanager
def atomic(model, using: str, ids: Set[int]) -> Iterator[Set[int]]:
    """As Django's `atomic`; yield those of `ids` that are stored when the block begins."""
    if ids and can_copy(connections[using], model):
        with atomic_asking(using, *missing_question(model, using, ids)) as missing:
            yield ids - missing
    else:
        with transaction.atomic(using=using):
            yield ids - missing_ids(model, using, ids) if ids else set()


@contextmanager
def atomic_asking(using: str, sql: str, params) -> Iterator[Set[int]]:
    """As Django's; yield the ids that a question returns, which costs no turn of its own."""
    connection = connections[using]
    connection.ensure_connection()
    with ExitStack() as block:
        if connection.in_atomic_block or connection.connection.isolation_level:
            with connection.wrap_database_errors, _pipeline(connection):
                block.enter_context(transaction.atomic(using=using))
                cursor = block.enter_context(connection.cursor())
                cursor.execute(sql, params)
            ids = {key for (key,) in cursor.fetchall()}
        else:
            block.enter_context(transaction.atomic(using=using))
            with connection.wrap_database_errors:
                ids = _begin_and_ask(connection, connection.ops.compose_sql(sql, params))
        yield ids


def _begin_and_ask(connection, sql):
    """Begin the transaction in the turn of a question; psycopg would wait for the one before."""
    driver, raw = connection.Database, connection.connection
    raw.pgconn.send_query(f"BEGIN; {sql}".encode())
    *_, result = raw.wait(driver.generators.execute(raw.pgconn))
    if result.status != driver.pq.ExecStatus.TUPLES_OK:
        raise driver.errors.error_from_result(result)
    return {int(result.get_value(row, 0)) for row in range(result.ntuples)}


def _pipeline(connection):
    if connection.Database.Pipeline.is_supported():
        return connection.connection.pipeline()
    return nullcontext()
