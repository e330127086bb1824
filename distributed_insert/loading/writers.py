"""One batch into one database. Refused rows are reported; the others are stored."""

from collections import defaultdict
from functools import partial
from itertools import compress
from operator import ne
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Sequence, Tuple

from django.db import DataError, Error, IntegrityError, connections, transaction
from django.db.models.constants import OnConflict
from django.db.models.expressions import RawSQL

from ..exceptions import LoadError
from ..references import ONE_QUESTION, missing_ids
from ..validation import Column
from .statements import ROWS_PER_STATEMENT, Insert


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


def insert(model, using: str, columns: Sequence[Column]) -> Insertion:
    """Insert the rows that `columns` hold, the values of each of the model's fields in order.

    It commits nothing: call it inside `atomic(using)`, in which it works with savepoints. Errors
    that no row caused (disk full, database locked, server lost) are raised, and so is a LoadError
    if the database ended the transaction: let them leave the transaction.
    """
    write = Insert(model, using)
    try:
        with transaction.atomic(using=using):
            write(columns)
        return Insertion([], {})
    except Error as error:
        _check_fault(using, error)
    keys = columns[model._meta.concrete_fields.index(model._meta.pk)]
    stored = set(keys) - missing_ids(model, using, set(keys))
    conflicts: List[int] = []
    refused: Dict[int, str] = {}
    left: Sequence[int] = range(len(keys))
    while left:
        first = {keys[index]: index for index in reversed(left) if keys[index] not in stored}
        fresh = sorted(first.values())
        found = _in_pieces(partial(write, pick(columns, fresh)), using, len(fresh))
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
    The transaction rules are those of `insert`.
    """
    fields = model._meta.concrete_fields
    keys = columns[fields.index(model._meta.pk)]
    suffix = connections[using].ops.on_conflict_suffix_sql(
        fields,
        OnConflict.UPDATE,
        [field.column for field in fields if not field.primary_key],
        [model._meta.pk.column],
    )
    write = Insert(model, using, suffix)
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
        found = _in_pieces(partial(write, pick(columns, changed)), using, len(changed))
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


def _in_pieces(write: Callable[[int, int], None], using, rows) -> Dict[int, str]:
    """Write so many rows; return the message for each row that the database refused.

    All at once; where that fails, by the statement; and there, one by one. So each row is sent
    three times at most.
    """
    refused: Dict[int, str] = {}

    def attempt(start, stop):
        try:
            with transaction.atomic(using=using):
                write(start, stop)
        except Error as error:
            _check_fault(using, error)
            if stop - start == 1:
                refused[start] = f"Refused by the database: {' '.join(str(error).split())}"
            else:
                size = ROWS_PER_STATEMENT if stop - start > ROWS_PER_STATEMENT else 1
                for begin in range(start, stop, size):
                    attempt(begin, min(begin + size, stop))

    if rows:
        attempt(0, rows)
    return refused


def _check_fault(using, error):
    """Raise an error again that no row caused, or LoadError if the transaction has ended."""
    # What a trigger of PostgreSQL raises has an SQLSTATE of class P0.
    sqlstate = getattr(error.__cause__, "sqlstate", None) or ""
    if not isinstance(error, (IntegrityError, DataError)) and not sqlstate.startswith("P0"):
        raise error
    if connections[using].needs_rollback:
        raise LoadError(
            f"Database '{using}' ended the transaction by itself, as a trigger can: {error}"
        ) from error
