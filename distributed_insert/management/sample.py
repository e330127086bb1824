"""The sample is not loaded beside other records unless that is asked for."""

from concurrent.futures import ThreadPoolExecutor
from itertools import compress, repeat
from threading import Event
from typing import Iterable

from django.core.management import CommandError
from django.db import connections
from django.utils.text import get_text_list

from ..databases import errors, has_table
from ..datasets import Dataset
from ..exceptions import LoadError
from ..executors import thread_errors
from ..waiting import watch
from .usage import FILES


def require_only_sample(datasets: Iterable[Dataset]):
    """Raise CommandError if a table holds a record that the sample does not have.

    A table that is missing holds none.
    """
    datasets = list(datasets)
    is_over = Event()
    try:
        # All at once: a server may be far away.
        with thread_errors(), ThreadPoolExecutor(len(datasets)) as pool:
            try:
                hold_others = list(pool.map(_holds_others, datasets, repeat(is_over.is_set)))
            finally:
                # After Ctrl-C the others are still waited for.
                is_over.set()
    except LoadError as error:
        raise CommandError(str(error)) from error
    others = [f"{d.name} (database '{d.using}')" for d in compress(datasets, hold_others)]
    if others:
        raise CommandError(
            f"The sample is not loaded beside other records: {', '.join(others)}. "
            f"Name files with {get_text_list(FILES, 'or')}, or add --sample to load the sample all "
            "the same.",
            returncode=2,
        )


def _holds_others(dataset, is_interrupted):
    sample = {tuple(record[name] for name in dataset.fields) for record in dataset.sample}
    # One row more than the sample has records: a table that has as many holds others.
    rows = dataset.model._base_manager.using(dataset.using).order_by()[: len(sample) + 1]
    try:
        with errors(dataset.using):
            watch(dataset.using, is_interrupted)
            return has_table(dataset.model, dataset.using) and not sample.issuperset(
                rows.values_list(*dataset.fields)
            )
    finally:
        connections[dataset.using].close()
