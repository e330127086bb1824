"""Where records come from, and where rejected ones go."""

import os

from . import urls
from .base import Records, Source
from .csv_file import CsvSource
from .dicts import MemorySource
from .json_array import JsonArraySource
from .json_lines import JsonLinesSource
from .numbers import TYPED
from .rejects import RejectsFile, rejects_file
from .stream import PATIENCE
from .text_file import DEFAULT_ENCODING, STANDARD_INPUT, TextFile
from .url_files import NewUrlFile

__all__ = [
    "DEFAULT_ENCODING",
    "FORMATS",
    "PATIENCE",
    "STANDARD_INPUT",
    "TYPED",
    "MemorySource",
    "NewUrlFile",
    "Records",
    "RejectsFile",
    "Source",
    "open_source",
    "rejects_file",
    "urls",
]

FORMATS = CSV, JSON, JSON_LINES = ("csv", "json", "jsonl")
ENDINGS = {".json": JSON, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES}
COMPRESSED_ENDINGS = {".gz", ".bz2", ".xz"}


def open_source(path, format=None, *, delimiter=None, encoding=DEFAULT_ENCODING, **options):
    """Return the source for a file in one of FORMATS; None is the one that its name says.

    Nothing is opened yet: the worker does that, wherever it runs. The `options` are those of
    `Source`.
    """
    file = TextFile(path, encoding)
    format = format or _format_of(file.name)
    if format not in FORMATS:
        raise ValueError(f"format cannot be {format!r}")
    if format == JSON:
        return JsonArraySource(file, **options)
    if format == JSON_LINES:
        return JsonLinesSource(file, **options)
    return CsvSource(file, delimiter=delimiter, **options)


def _format_of(path):
    name, ending = os.path.splitext(path.lower())
    if ending in COMPRESSED_ENDINGS:
        _, ending = os.path.splitext(name)
    return ENDINGS.get(ending, CSV)
