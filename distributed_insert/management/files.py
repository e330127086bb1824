"""From the files that populate_db is given, and what is said about them, to sources."""

import os
import stat
from collections import Counter
from contextlib import suppress
from typing import Dict, Mapping

from django.core.management import CommandError
from django.utils.text import get_text_list

from ..datasets import Dataset
from ..executors import DASK
from ..sources import STANDARD_INPUT, Source, open_source
from .usage import MODEL_OPTIONS, option


def file_sources(
    paths: Mapping[Dataset, str], *, map, ignore_unknown, workers, **options
) -> Dict[Dataset, Source]:
    """Return the source for each file, read as the options say of all files or of its model's.

    Raises CommandError if the options do not go with the files.
    """
    streams = Counter(_stream(path) for path in paths.values())
    if any(stream and models > 1 for stream, models in streams.items()):
        raise CommandError("Standard input or a pipe can be read for one model only.", returncode=2)
    here = [option(d.plural) for d, path in paths.items() if workers == DASK and _stream(path)]
    if here:
        raise CommandError(
            f"{get_text_list(here, 'and')}: standard input and pipes are on this machine, and "
            f"--workers {DASK} reads files on others. Name a file or a URL that they can open.",
            returncode=2,
        )
    by_name = {dataset.name.lower(): dataset for dataset in paths}
    how: Dict[Dataset, Dict[str, str]] = {dataset: {} for dataset in paths}
    for how_written in MODEL_OPTIONS:
        values = dict(options[how_written])
        for name in filter(None, values):
            if name not in by_name:
                raise CommandError(f"--{how_written} {name}: no file of that model.", returncode=2)
        for name, dataset in by_name.items():
            value = values.get(name, values.get(None))
            if value is not None:
                how[dataset][how_written] = value
    renamed: Dict[Dataset, Dict[str, str]] = {dataset: {} for dataset in paths}
    for name, field, column in map:
        if name not in by_name:
            raise CommandError(f"--map {name}.{field}: no file of that model.", returncode=2)
        dataset = by_name[name]
        if field not in dataset.fields:
            raise CommandError(
                f"--map {name}.{field}: {name} has the fields {', '.join(dataset.fields)}.",
                returncode=2,
            )
        if field in renamed[dataset]:
            raise CommandError(f"--map {name}.{field} is given twice.", returncode=2)
        renamed[dataset][field] = column
    return {
        dataset: open_source(
            path, renamed=renamed[dataset], ignore_unknown=ignore_unknown, **how[dataset]
        )
        for dataset, path in paths.items()
    }


def _stream(path):
    """Return what identifies the stream that a path leads to; None if it leads to a file."""
    with suppress(OSError):
        status = os.fstat(0) if path == STANDARD_INPUT else os.stat(path)
        if path == STANDARD_INPUT or stat.S_ISFIFO(status.st_mode):
            return status.st_dev, status.st_ino
    return None
