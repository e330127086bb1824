"""The formats of files, by their names."""

from .csv_file import CsvSource
from .json_lines import JsonLinesSource
from .text_file import DEFAULT_ENCODING, TextFile

FORMATS = ("csv", "jsonl")


def file_source(path, format=None, *, delimiter=",", encoding=DEFAULT_ENCODING, **options):
    """Return the source for a file: JSON Lines if its name says so or `format` does, or CSV."""
    file = TextFile(path, encoding)
    name = file.path.lower()[: -len(".gz") if file.is_gzip else None]
    if (format or ("jsonl" if name.endswith((".jsonl", ".ndjson")) else "csv")) == "jsonl":
        return JsonLinesSource(file, **options)
    return CsvSource(file, delimiter=delimiter, **options)
