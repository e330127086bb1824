"""Where records come from, and where rejected ones go."""

from .base import Records, Source
from .csv_file import CsvSource
from .dicts import MemorySource
from .json_lines import JsonLinesSource
from .numbers import TYPED
from .rejects import RejectsFile
from .text_file import DEFAULT_ENCODING, STANDARD_INPUT, TextFile

__all__ = [
    "DEFAULT_ENCODING",
    "FORMATS",
    "STANDARD_INPUT",
    "TYPED",
    "MemorySource",
    "Records",
    "RejectsFile",
    "Source",
    "open_source",
]

FORMATS = ("csv", "jsonl")


def open_source(path, format=None, *, delimiter=",", encoding=DEFAULT_ENCODING, **options):
    """Return the source for a file: JSON Lines if `format` or else its name says so, or CSV.

    Nothing is opened yet: the worker does that, wherever it runs. The `options` are those of
    `Source`.
    """
    file = TextFile(path, encoding)
    name = file.path.lower()[: -len(".gz") if file.is_gzip else None]
    if (format or ("jsonl" if name.endswith((".jsonl", ".ndjson")) else "csv")) == "jsonl":
        return JsonLinesSource(file, **options)
    return CsvSource(file, delimiter=delimiter, **options)
