"""Where reports go: a stream that may be a narrow terminal or a closed pipe, or a JSON file."""

import json
import os
import sys
from contextlib import suppress
from typing import Any, Iterable, Mapping

from django.core.management import CommandError

# How a summary begins: a file that begins like this is replaced, and no other one.
BEGINNING = b'{\n  "status": '


def print_lines(stream, lines: Iterable[str]):
    """Print for as long as somebody reads, and stop at a closed pipe (`| head`)."""
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


class SummaryFile:
    """A JSON file whose document begins with its status. It is replaced as a whole, or not at all.

    The path must not be one of `inputs`. Raises CommandError before anything is loaded if the file
    cannot be written, or is something else than a summary.
    """

    def __init__(self, path: str, inputs: Iterable[str] = ()):
        self._path = os.path.realpath(path)
        self._shown = path
        if self._path in map(os.path.realpath, inputs) or not self._is_free():
            raise CommandError(f"{path}: the summary would replace another file.", returncode=2)

    def _is_free(self):
        if not os.path.exists(self._path):
            return True
        if not os.path.isfile(self._path):
            return False
        try:
            with open(self._path, "rb") as file:
                return file.read(len(BEGINNING)) in (BEGINNING, b"")
        except OSError as error:
            raise CommandError(f"{self._shown}: {error.strerror}.", returncode=2) from error

    def begin(self, document: Mapping[str, Any]):
        """Write the document of a load that begins, over that of an earlier one."""
        try:
            self._replace(document)
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            raise CommandError(self._failure(error), returncode=2) from error
        except OSError as error:
            raise CommandError(self._failure(error)) from error

    def finish(self, document: Mapping[str, Any]) -> str:
        """Write the document of a load that has ended, and return why that failed, or ""."""
        try:
            self._replace(document)
        except OSError as error:
            return self._failure(error)
        return ""

    def _failure(self, error):
        return f"{self._shown}: the summary cannot be written: {error.strerror}."

    def _replace(self, document):
        temporary = f"{self._path}.{os.getpid()}.tmp"
        try:
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=2)
                file.write("\n")
            os.replace(temporary, self._path)
        except OSError:
            with suppress(OSError):
                os.remove(temporary)
            raise
