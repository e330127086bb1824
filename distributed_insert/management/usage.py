"""Which options of populate_db go together, and what stands for those that were not given."""

import os
from argparse import ArgumentTypeError
from dataclasses import fields
from typing import Any, Dict, Mapping, Sequence

from django.core.management import CommandError
from django.utils.text import get_text_list

from ..datasets import DATASETS
from ..executors import DASK
from ..loading import Options
from ..sources import urls
from .option_types import address

# How files are written, and what becomes of records. Where no file is named, it was forgotten: what
# is said about files is not meant for the sample, and the sample is not what should be updated.
MODEL_OPTIONS = ("format", "encoding", "delimiter")
"""What can be said of all files, or of one model's."""
FILE_OPTIONS = (*MODEL_OPTIONS, "map", "ignore_unknown")
RECORD_OPTIONS = ("on_conflict", "rejects", "max_errors")
DASK_OPTIONS = ("scheduler", "wait")
SCHEDULER_VARIABLE = "DASK_SCHEDULER_ADDRESS"

DEFAULTS = {
    "format": [],
    "encoding": [],
    "delimiter": [],
    "map": [],
    "ignore_unknown": False,
    "on_conflict": Options.on_conflict,
    "wait": Options.wait,
}


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


FILES = [f"{option(dataset.plural)} FILE" for dataset in DATASETS]


def check(models: Sequence[str], sample: bool, options: Mapping[str, Any]):
    """Raise CommandError for options that do not go together.

    `models` has the plural names of the models for which a file is named.
    """
    given = [name for name in (*FILE_OPTIONS, *RECORD_OPTIONS) if _is_given(options[name])]
    of_files = [name for name in given if name in FILE_OPTIONS]
    if sample and (models or of_files):
        names = get_text_list([option(name) for name in (*models, *of_files)], "and")
        raise CommandError(f"--sample cannot be given together with {names}.", returncode=2)
    if given and not models and not sample:
        names = get_text_list([option(name) for name in given], "and")
        ways = FILES if of_files else [*FILES, "--sample"]
        raise CommandError(
            f"{names} {'go' if len(given) > 1 else 'goes'} with files"
            f"{'' if of_files else ' or with --sample'}: add {get_text_list(ways, 'or')}.",
            returncode=2,
        )


def check_workers(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the options, with the Dask scheduler that the environment names if it is needed.

    Raises CommandError for options that do not go together.
    """
    given = [option(name) for name in DASK_OPTIONS if options[name] is not None]
    if options["workers"] != DASK and given:
        names = get_text_list(given, "and")
        goes = "go" if len(given) > 1 else "goes"
        raise CommandError(f"{names} {goes} with --workers {DASK}.", returncode=2)
    if options["workers"] != DASK or options["scheduler"]:
        return dict(options)
    scheduler = os.environ.get(SCHEDULER_VARIABLE)
    if not scheduler:
        raise CommandError(
            f"--workers {DASK} needs a scheduler: add --scheduler tcp://HOST:PORT, or set "
            f"{SCHEDULER_VARIABLE}.",
            returncode=2,
        )
    try:
        return {**options, "scheduler": address(scheduler)}
    except ArgumentTypeError as error:
        raise CommandError(f"{SCHEDULER_VARIABLE}: {error}.", returncode=2) from error


def with_defaults(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the options with a value for each that was not given.

    What `call_command` says of all files may be a string.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name in MODEL_OPTIONS:
        if isinstance(given.get(name), str):
            given[name] = [(None, given[name])]
    return {**options, **DEFAULTS, **given}


def shown(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the options for the summary: as they were typed, or with their defaults.

    A URL is shown without what may be secret.
    """
    names = [*FILE_OPTIONS, *(field.name for field in fields(Options))]
    found = {name: options[name] for name in names}
    if found["rejects"]:
        found["rejects"] = urls.shown(found["rejects"])
    found["map"] = [f"{model}.{field}={column}" for model, field, column in options["map"]]
    for name in MODEL_OPTIONS:
        found[name] = ["=".join(filter(None, pair)) for pair in options[name]]
    return found


def _is_given(value):
    return value not in (None, []) and value is not False
