"""Which fields point into another model's database, and which ids are not there."""

from typing import Iterable, Set

from django.db import connections

from .models import Product, User

ORDER = {"user_id": User, "product_id": Product}


def missing_ids(model, using: str, ids: Iterable[int]) -> Set[int]:
    """Return those of `ids` that are no primary key of `model` in the database `using`."""
    missing = set(ids)
    asked = list(missing)
    # SQLite bounds the parameters of a statement; the backend says how many it takes.
    size = connections[using].features.max_query_params or max(len(asked), 1)
    for start in range(0, len(asked), size):
        stored = model._base_manager.using(using).filter(pk__in=asked[start : start + size])
        missing.difference_update(stored.values_list("pk", flat=True))
    return missing


def does_not_exist(model, key: int) -> str:
    return f"Invalid reference: {model._meta.model_name} {key} does not exist"
