"""Where reports go: a stream that may be a narrow terminal or a closed pipe, or a JSON file."""

import json
import os
import sys
from typing import Any, Iterable, Mapping

from django.core.management import CommandError

# How a document that `write_json` wrote begins: it may be written over, and nothing else.
BEGINNING = '{\n  "status": '


def print_lines(stream, lines: Iterable[str]):
    """Print for as long as somebody reads, and not on into a closed pipe (`| head`)."""
    if sys.stdout is None:
        return
    try:
        for line in lines:
            try:
                stream.write(line)
            except UnicodeEncodeError as error:
                # What the terminal cannot show becomes an escape, which Python reads back.
                shown = line.encode(error.encoding, "backslashreplace")
                stream.write(shown.decode(error.encoding))
        stream.flush()
    except OSError as error:
        # The interpreter flushes once more as it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise CommandError(f"The report cannot be written: {error.strerror}.") from error


def check_json_path(path: str, taken: Iterable[str] = ()):
    """Refuse a path that the document must not go over, or cannot go to, before there is one."""
    if os.path.abspath(path) in map(os.path.abspath, taken) or not _is_free(path):
        raise CommandError(f"{path}: the summary would go over another file.", returncode=2)
    if os.path.isdir(path) or not os.path.isdir(os.path.dirname(path) or "."):
        raise CommandError(f"{path}: the summary cannot be written there.", returncode=2)


def _is_free(path):
    if not os.path.isfile(path):
        return True
    with open(path, "rb") as file:
        return file.read(len(BEGINNING)) in (BEGINNING.encode(), b"")


def write_json(path: str, document: Mapping[str, Any]) -> str:
    """Write a document that begins with its status; return what went wrong, or ""."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
    except OSError as error:
        return f"{path}: the summary cannot be written: {error.strerror}.\n"
    return ""
