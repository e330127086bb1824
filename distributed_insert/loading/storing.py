"""What becomes of a batch: inserted, updated, ignored or rejected."""

from typing import Callable, Dict, Sequence, Tuple

from ..datasets import Dataset
from ..validation import Column
from .batch import CONFLICT, Batch, already_exists
from .options import ERROR, UPDATE
from .reasons import ID_EXISTS, REFUSED
from .results import Counts
from .writers import Insertion, pick, stored_rows, update


def store(
    dataset: Dataset,
    batch: Batch,
    on_conflict: str,
    insert: Callable[[type, str, Sequence[Column]], Insertion],
) -> Tuple[Counts, Dict[int, str]]:
    """Write a batch; return the counts, and how ignored records differ from stored ones.

    It commits nothing: call it inside `atomic`. Records that are not stored are rejected, unless
    `on_conflict` says that those whose id exists are ignored.
    The batch is as it was if `insert` raises an error.
    """
    model, using = dataset.model, dataset.using
    indexes, columns = batch.accepted()
    conflicts, refused = insert(model, using, columns)
    inserted = len(indexes) - len(conflicts) - len(refused)
    updated = unchanged = ignored = 0
    differing: Dict[int, str] = {}
    if on_conflict == ERROR:
        keys = columns[dataset.fields.index(dataset.key)]
        for i in conflicts:
            batch.reject(indexes[i], CONFLICT, already_exists(keys[i]), reason=ID_EXISTS)
    elif on_conflict == UPDATE:
        unchanged, errors = update(model, using, pick(columns, conflicts))
        refused.update((conflicts[i], error) for i, error in errors.items())
        updated = len(conflicts) - unchanged - len(errors)
    elif conflicts:
        ignored = len(conflicts)
        differing = _differing(dataset, pick(columns, conflicts))
        differing = {indexes[conflicts[i]]: error for i, error in differing.items()}
    for i, error in refused.items():
        batch.reject(indexes[i], CONFLICT, error, reason=REFUSED)
    counts = Counts(
        read=len(batch),
        inserted=inserted,
        updated=updated,
        unchanged=unchanged,
        ignored=ignored,
        differing=len(differing),
        rejected=batch.rejected,
    )
    return counts, differing


def _differing(dataset, columns) -> Dict[int, str]:
    """Return by index how rows differ from the stored ones with their ids, if they do."""
    names = dataset.fields
    key = names.index(dataset.key)
    stored = stored_rows(dataset.model, dataset.using, columns[key])
    found = {}
    for index, row in enumerate(zip(*columns)):
        # Another program may have deleted it meanwhile.
        pairs = zip(names, row, stored.get(row[key], row))
        different = [name for name, value, other in pairs if value != other]
        if different:
            found[index] = f"{already_exists(row[key])} with another {', '.join(different)}"
    return found
