"""One batch into one database. Refused rows are reported; the others are stored."""

from collections import defaultdict
from itertools import compress
from operator import ne
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Tuple

from django.db import Error, connections
from django.db.models.constants import OnConflict
from django.db.models.expressions import RawSQL

from ..references import ONE_QUESTION, missing_ids
from ..validation import Column
from .postgresql import Copy, can_copy, rows_with_ids
from .statements import Insert, is_refusal


class Refused(Exception):
    """The database does not take a batch as it is; `error` says why."""

    def __init__(self, error: Error):
        super().__init__(error)
        self.error = error


class Insertion(NamedTuple):
    """What became of the rows of a batch, by their indexes; each of the others was inserted."""

    conflicts: List[int]
    """The rows whose id was taken: stored before, or by an earlier row."""
    refused: Dict[int, str]
    """The message of the database for each row that it refused."""


class Update(NamedTuple):
    """What became of the rows of a batch; each of the others replaced a stored one."""

    unchanged: int
    """How many are stored as they are."""
    refused: Dict[int, str]
    """The message of the database for each row that it refused, by its index."""


def writer(model, using: str, suffix: str = "") -> Insert:
    """Return the fastest way to insert rows of the model; each statement ends with the suffix."""
    kind = Copy if can_copy(connections[using], model) else Insert
    return kind(model, using, suffix)


def insert_all(model, using: str, columns: Sequence[Column]) -> Insertion:
    """Insert the rows that `columns` hold, the values of each of the model's fields in order.

    It commits nothing: call it inside `atomic(using)`. Raises Refused if a row of them cannot be
    inserted, and errors that no row caused (disk full, database locked, server lost): let them
    leave the transaction.
    """
    try:
        writer(model, using)(columns)
    except Error as error:
        if not is_refusal(error):
            raise
        raise Refused(error) from error
    return Insertion([], {})


def insert_each(model, using: str, columns: Sequence[Column]) -> Insertion:
    """Insert those of the rows that can be inserted, and find the others.

    The rules are those of `insert_all`, but no row makes it raise. It works with savepoints, and
    raises a LoadError if the database ended the transaction.
    """
    write = writer(model, using)
    keys = columns[model._meta.concrete_fields.index(model._meta.pk)]
    stored = set(keys) - missing_ids(model, using, set(keys))
    conflicts: List[int] = []
    refused: Dict[int, str] = {}
    left: Sequence[int] = range(len(keys))
    while left:
        first = {keys[index]: index for index in reversed(left) if keys[index] not in stored}
        fresh = sorted(first.values())
        found = write.accepted(pick(columns, fresh))
        refused.update((fresh[position], message) for position, message in found.items())
        # Where the first row with an id is refused, the next one is the first.
        free = {keys[fresh[position]] for position in found}
        later = [index for index in left if first.get(keys[index]) != index]
        conflicts += [index for index in later if keys[index] not in free]
        left = [index for index in later if keys[index] in free]
    return Insertion(sorted(conflicts), refused)


def update(model, using: str, columns: Sequence[Column]) -> Update:
    """Store rows over those with the same ids, one after the other.

    A row is compared with the one that is stored at its turn, and is not sent if it is the same.
    The transaction rules are those of `insert_each`.
    """
    fields = model._meta.concrete_fields
    keys = columns[fields.index(model._meta.pk)]
    suffix = connections[using].ops.on_conflict_suffix_sql(
        fields,
        OnConflict.UPDATE,
        [field.column for field in fields if not field.primary_key],
        [model._meta.pk.column],
    )
    write = writer(model, using, suffix)
    stored = stored_rows(model, using, set(keys))
    unchanged = 0
    refused: Dict[int, str] = {}
    turns = _turns(keys)
    are_more = len(turns) > 1
    for indexes in turns:
        rows = zip(*(pick(columns, indexes) if are_more else columns))
        stored_ones = map(stored.get, map(keys.__getitem__, indexes))
        changed = list(compress(indexes, map(ne, rows, stored_ones)))
        unchanged += len(indexes) - len(changed)
        found = write.accepted(pick(columns, changed))
        refused.update((changed[position], message) for position, message in found.items())
        if are_more:
            written = [index for index in changed if index not in refused]
            stored.update(zip(map(keys.__getitem__, written), zip(*pick(columns, written))))
    return Update(unchanged, refused)


def _turns(keys) -> List[Sequence[int]]:
    """Return the indexes of the first row with each key, then of the second ones, and so on.

    One statement cannot update a row twice.
    """
    if len(set(keys)) == len(keys):
        return [range(len(keys))]
    turns: Dict[int, List[int]] = defaultdict(list)
    seen: Dict[Any, int] = {}
    for index, key in enumerate(keys):
        turn = seen[key] = seen.get(key, -1) + 1
        turns[turn].append(index)
    return list(turns.values())


def pick(columns: Sequence[Column], indexes: Sequence[int]) -> List[Column]:
    """Return the columns of the rows with these indexes."""
    return [[column[index] for index in indexes] for column in columns]


def stored_rows(model, using: str, keys: Iterable[Any]) -> Dict[Any, Tuple[Any, ...]]:
    """Return the values of the model's fields, in order, of the rows with these ids, by id."""
    names = [field.name for field in model._meta.concrete_fields]
    key = names.index(model._meta.pk.name)
    connection = connections[using]
    if can_copy(connection, model):
        return {row[key]: row for row in rows_with_ids(model, using, keys)}
    rows = model._base_manager.using(using).values_list(*names)
    asked = sorted(keys)
    if connection.vendor in ONE_QUESTION:
        table, to_parameter = ONE_QUESTION[connection.vendor]
        ids = RawSQL(f"SELECT asked.value FROM {table}", [to_parameter(asked)])
        return {row[key]: row for row in rows.filter(pk__in=ids)}
    size = connection.features.max_query_params or max(len(asked), 1)
    found: Dict[Any, Tuple[Any, ...]] = {}
    for start in range(0, len(asked), size):
        found.update((row[key], row) for row in rows.filter(pk__in=asked[start : start + size]))
    return found
