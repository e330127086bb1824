"""References into other databases: which ids do not exist, and who refers to them."""

import json
from itertools import islice
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Sequence, Set, Tuple

from django.db import connections, router, transaction
from django.db.models import Q, QuerySet

from .databases import errors
from .datasets import DATASETS

# How each backend makes one parameter a table of ids. Sending back the few that are missing takes a
# fifth of the time of sending back the many that are not.
ONE_QUESTION: Dict[str, Tuple[str, Callable[[List[int]], str]]] = {
    "sqlite": ("json_each(%s) AS asked", json.dumps),
    "postgresql": ("unnest(%s::integer[]) AS asked(value)", lambda ids: f"{{{str(ids)[1:-1]}}}"),
}


def missing_ids(model, using: str, ids: Iterable[int]) -> Set[int]:
    """Return those of `ids` that are not a primary key of `model` in the database `using`."""
    if connections[using].vendor not in ONE_QUESTION:
        return _missing_by_portable_queries(model, using, ids)
    with connections[using].cursor() as cursor:
        cursor.execute(*missing_question(model, using, ids))
        return {key for (key,) in cursor.fetchall()}


def missing_question(model, using: str, ids: Iterable[int]) -> Tuple[str, List[str]]:
    """Return the statement that asks what `missing_ids` returns, and its parameters."""
    connection = connections[using]
    table, to_parameter = ONE_QUESTION[connection.vendor]
    quote = connection.ops.quote_name
    key = f"{quote(model._meta.db_table)}.{quote(model._meta.pk.column)}"
    # PostgreSQL would make of NOT EXISTS a join that reads the whole table.
    return (
        f"SELECT asked.value FROM {table} WHERE "
        f"(SELECT 1 FROM {quote(model._meta.db_table)} WHERE {key} = asked.value) IS NULL",
        # In the order of the index, which is then walked rather than searched.
        [to_parameter(sorted(ids))],
    )


def _missing_by_portable_queries(model, using, ids):
    missing = set(ids)
    asked = list(missing)
    size = connections[using].features.max_query_params or max(len(asked), 1)
    for start in range(0, len(asked), size):
        stored = model._base_manager.using(using).filter(pk__in=asked[start : start + size])
        missing.difference_update(stored.values_list("pk", flat=True))
    return missing


def does_not_exist(model, key: int) -> str:
    return f"Invalid reference: {model._meta.model_name} {key} does not exist"


def some_do_not_exist(model) -> str:
    """Return what the messages of `does_not_exist` have in common."""
    return f"Invalid reference: {model._meta.model_name} does not exist"


def check_stored(
    model, references: Mapping[str, Any], batch_size: int
) -> Iterator[Tuple[int, List[Tuple[int, Dict[str, Any], List[Tuple[Any, int]]]]]]:
    """Go through a model's table in the order of its keys, in batches.

    For each batch come the number of its records, and of those that refer to nothing the place in
    the batch from 1, the record, and the model and the id of each that does not exist. Memory is
    bounded by the batch. Raises LoadError where a database fails.
    """
    using = router.db_for_read(model)
    names = [field.name for field in model._meta.concrete_fields]
    records = iter(model._base_manager.order_by("pk").values(*names).iterator(batch_size))
    while True:
        with errors(using):
            batch = list(islice(records, batch_size))
        if not batch:
            return
        missing = {}
        for name, parent in references.items():
            parent_using = router.db_for_read(parent)
            with errors(parent_using):
                missing[name] = missing_ids(parent, parent_using, {r[name] for r in batch})
        dangling = []
        for place, record in enumerate(batch, 1):
            absent = [
                (parent, record[name])
                for name, parent in references.items()
                if record[name] in missing[name]
            ]
            if absent:
                dangling.append((place, record, absent))
        yield len(batch), dangling


def records_that_refer_to(model, ids: Sequence[int]) -> Iterator[QuerySet]:
    """For each model that refers to `model`, give its records that refer to one of the ids."""
    for child, names in _referring_fields(model):
        lookups = [(f"{name}__in", ids) for name in names]
        yield child._base_manager.filter(Q(*lookups, _connector=Q.OR))


def _referring_fields(model):
    """Give each model that refers to `model`, with the names of the fields that do."""
    for dataset in DATASETS:
        names = [name for name, parent in dataset.references.items() if parent is model]
        if names:
            yield dataset.model, names


def delete_unreferenced(records: QuerySet) -> int:
    """Delete those of the records that no record of any model refers to; return their number.

    Each batch is a transaction. A reference stored while its batch is deleted is not seen.
    """
    model, using = records.model, router.db_for_write(records.model)
    ids = list(records.order_by("pk").values_list("pk", flat=True))
    deleted = 0
    for start in range(0, len(ids), 10_000):
        batch = ids[start : start + 10_000]
        # Asking for a range reads each table once per batch, and takes two parameters.
        kept: Set[int] = set()
        for child, names in _referring_fields(model):
            for name in names:
                referring = child._base_manager.filter(**{f"{name}__range": (batch[0], batch[-1])})
                kept.update(referring.values_list(name, flat=True).distinct())
        batch = [key for key in batch if key not in kept]
        with transaction.atomic(using=using):
            for first in range(0, len(batch), 500):
                chunk = model._base_manager.filter(pk__in=batch[first : first + 500])
                deleted += chunk.delete()[0]
    return deleted
