"""The sample is not loaded beside other records unless that is asked for."""

from typing import Iterable

from django.core.management import CommandError
from django.db import connections
from django.utils.text import get_text_list

from ..databases import errors, has_table
from ..datasets import Dataset
from ..exceptions import LoadError
from .usage import FILES


def require_only_sample(datasets: Iterable[Dataset]):
    """Raise CommandError if a table holds a record that the sample does not have.

    A table that is missing holds none. No connection is left open that was not: worker processes
    must not inherit it.
    """
    try:
        others = [f"{d.name} (database '{d.using}')" for d in datasets if _holds_others(d)]
    except LoadError as error:
        raise CommandError(str(error)) from error
    if others:
        raise CommandError(
            f"The sample is not loaded beside other records: {', '.join(others)}. "
            f"Name files with {get_text_list(FILES, 'or')}, or add --sample to load the sample all "
            "the same.",
            returncode=2,
        )


def _holds_others(dataset):
    connection = connections[dataset.using]
    was_open = connection.connection is not None
    sample = {tuple(record[name] for name in dataset.fields) for record in dataset.sample}
    # One row more than the sample has records: a table that has as many holds others.
    rows = dataset.model._base_manager.using(dataset.using).order_by()[: len(sample) + 1]
    try:
        with errors(dataset.using):
            return has_table(dataset.model, dataset.using) and not sample.issuperset(
                rows.values_list(*dataset.fields)
            )
    finally:
        if not was_open:
            connection.close()
