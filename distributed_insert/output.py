"""Where reports go: a stream that may be a narrow terminal or a closed pipe, or a JSON file."""

import json
import os
import sys
from typing import Any, Iterable, Mapping

from django.core.management import CommandError


def print_lines(stream, lines: Iterable[str]):
    """Print for as long as somebody reads, and not on into a closed pipe (`| head`)."""
    try:
        for line in lines:
            try:
                stream.write(line)
            except UnicodeEncodeError as error:
                # What the terminal cannot show becomes an escape, which Python reads back.
                shown = line.encode(error.encoding, "backslashreplace")
                stream.write(shown.decode(error.encoding))
        stream.flush()
    except BrokenPipeError:
        # The interpreter flushes once more as it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_json_path(path: str, inputs: Iterable[str] = ()):
    """Refuse, before a load, a path that `write_json` could not write, or that is read from."""
    for source in inputs:
        if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):
            raise CommandError(f"{path}: the summary would go over an input.", returncode=2)
    if os.path.isdir(path) or not os.path.isdir(os.path.dirname(path) or "."):
        raise CommandError(f"{path}: the summary cannot be written there.", returncode=2)


def write_json(path: str, document: Mapping[str, Any]):
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
    except OSError as error:
        raise CommandError(
            f"{path}: the load is over, its summary not written: {error.strerror}."
        ) from error
