"""Where the report goes, which may be a closed pipe, and where the summary does, if anywhere."""

import json
import os
import sys
from contextlib import suppress
from typing import Any, Iterable, Mapping, Sequence

from django.core.management import CommandError
from django.core.management.base import OutputWrapper

from ..exceptions import LoadError
from ..reports import FAILED
from ..sources import NewUrlFile, urls

# How a summary begins: a file that begins like this is replaced, and no other one.
BEGINNING = b'{\n  "status": '

STANDARD_OUTPUT = "-"


def outputs(command, summary, load_id: str, inputs: Iterable[str] = ()):
    """Return what prints the report of a command, and where its summary is written.

    If the summary is to be standard output, the report goes to standard error.
    """
    if summary == STANDARD_OUTPUT:
        # Without the colour of errors.
        report = Printer(OutputWrapper(command.stderr._out))
        return report, PrintedSummary(Printer(command.stdout, "summary"))
    report = Printer(command.stdout)
    if not summary:
        return report, NoSummary()
    if urls.is_url(summary):
        return report, SummaryAtUrl(summary, load_id)
    return report, SummaryFile(summary, inputs)


class Printer:
    """Prints for as long as somebody reads, and stops at a closed pipe (`| head`)."""

    def __init__(self, stream, what: str = "report"):
        self._stream = stream
        self._what = what
        self.out = getattr(stream, "_out", stream)
        """The stream itself, without what Django adds to it; None if it is closed."""
        self.failure = ""
        """Why something could not be printed."""

    @property
    def is_terminal(self) -> bool:
        return self._stream.isatty()

    def __call__(self, lines: Iterable[str]):
        """Print lines; what the stream cannot encode becomes an escape, which Python reads back."""
        if self.out is None:
            return
        try:
            for line in lines:
                try:
                    self._stream.write(line)
                except UnicodeEncodeError as error:
                    shown = line.encode(error.encoding, "backslashreplace")
                    self._stream.write(shown.decode(error.encoding))
            self._stream.flush()
        except OSError as error:
            if not isinstance(error, BrokenPipeError):
                self.failure = f"The {self._what} cannot be written: {error.strerror}."
            if self.out is sys.stdout:
                # The interpreter flushes once more as it exits.
                with open(os.devnull, "w") as nowhere:
                    os.dup2(nowhere.fileno(), sys.stdout.fileno())


class NoSummary:
    """What is done with the documents of a command: nothing."""

    notes: Sequence[str] = ()
    """What the report is to say about it."""

    def begin(self, document: Mapping[str, Any]):
        pass

    def finish(self, document: Mapping[str, Any]) -> str:
        return ""


class PrintedSummary(NoSummary):
    """Prints the document of a load that has ended, and nothing before."""

    def __init__(self, printer: Printer):
        self._printer = printer

    def finish(self, document):
        self._printer([json.dumps(document, indent=2)])
        return self._printer.failure


class SummaryFile(NoSummary):
    """A JSON file whose document begins with its status. It is replaced as a whole, or not at all.

    The path must not be one of `inputs`. Raises CommandError before anything is loaded if the file
    cannot be written, or is something else than a summary.
    """

    def __init__(self, path: str, inputs: Iterable[str] = ()):
        self._path = os.path.realpath(path)
        self._shown = path
        if os.path.exists(self._path) and not os.path.isfile(self._path):
            raise CommandError(f"{path}: not a regular file.", returncode=2)
        if self._path in map(os.path.realpath, inputs) or not self._is_free():
            raise CommandError(f"{path}: the summary would replace another file.", returncode=2)

    def _is_free(self):
        if not os.path.exists(self._path):
            return True
        try:
            with open(self._path, "rb") as file:
                return file.read(len(BEGINNING)) in (BEGINNING, b"")
        except OSError as error:
            raise CommandError(f"{self._shown}: {error.strerror}.", returncode=2) from error

    def begin(self, document):
        """Write the document of a load that begins, over that of an earlier one."""
        try:
            self._replace(document)
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            raise CommandError(self._failure(error), returncode=2) from error
        except OSError as error:
            raise CommandError(self._failure(error)) from error

    def finish(self, document):
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
        with suppress(FileNotFoundError):
            os.remove(temporary)
        try:
            with open(temporary, "x", encoding="utf-8", newline="\n") as file:
                file.write(_written(document))
            os.replace(temporary, self._path)
        except OSError:
            with suppress(OSError):
                os.remove(temporary)
            raise


class SummaryAtUrl(NoSummary):
    """A JSON document at a URL: its name has the load's id, so that no other file is replaced."""

    def __init__(self, url: str, load_id: str):
        self._url = urls.with_id(url, load_id)

    def begin(self, document):
        """Write the document of a load that begins. Raises CommandError."""
        failure = self.finish(document)
        if failure:
            raise CommandError(failure, returncode=2)

    def finish(self, document):
        """Write the document of a load that has ended, and return why that failed, or ""."""
        self.notes = ()
        try:
            with NewUrlFile(self._url, "the summary cannot be written: ") as file:
                file.write(_written(document).encode())
        except LoadError as error:
            return str(error)
        self.notes = [f"Summary written to {urls.shown(self._url)}"]
        return ""


def _written(document):
    return json.dumps(document, indent=2) + "\n"


def end_with(failures: Iterable[str], conclusion: str, exit_code: int):
    """Raise CommandError if something could not be reported, or if the exit code is not 0."""
    failures = list(filter(None, failures))
    if failures or exit_code:
        raise CommandError(
            "\n".join([*failures, conclusion] if conclusion else failures),
            returncode=FAILED if failures else exit_code,
        )
