"""Where records come from. A source is opened, read and closed by the worker that stores it.

Records come in batches of (line, raw) pairs, `raw` in the source's own form: `row` turns it into
a list of values in the order of the model's fields, ready for the rules, and `record` into a dict
for explaining what is wrong with it.
"""

import csv
import os
import stat
from collections import deque
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from . import validation
from .results import LoadError

# Longer lines are no records; a bound keeps a file without line breaks out of memory.
MAX_LINE_LENGTH = 1 << 20
SCAN_SIZE = 1 << 20


@dataclass(frozen=True)
class Malformed:
    """A stretch of a file that its format's grammar refuses."""

    text: str
    reason: str


class MemorySource:
    """Records that are dicts in memory."""

    name = "sample"
    numbers = validation.TYPED

    def __init__(self, records: Sequence[Dict[str, Any]]):
        self._all = records

    def open(self, fields: Sequence[str]):
        self._fields = fields
        self._records = iter(self._all)

    def read(self, size: int) -> List[Tuple[Optional[int], Any]]:
        return [(None, raw) for raw in islice(self._records, size)]

    def row(self, raw) -> List[Any]:
        if len(raw) != len(self._fields):
            raise ValueError
        return [raw[field] for field in self._fields]

    def record(self, raw) -> Dict[str, Any]:
        return raw

    def close(self):
        pass


class CsvSource:
    """A CSV file with a header that names the model's fields, in any order."""

    numbers = validation.TEXT

    def __init__(self, path: str, encoding: str = "utf-8-sig"):
        self.name = str(path)
        self._encoding = encoding
        self._file = None

    def open(self, fields: Sequence[str]):
        """Look at the whole file's encoding and at its header, before anything is written.

        Raises LoadError, which names the file and the remedy.
        """
        try:
            if not stat.S_ISREG(os.stat(self.name).st_mode):
                raise LoadError(f"{self.name}: not a regular file.")
            self._file = open(self.name, encoding=self._encoding, newline="")
            self._check_encoding()
        except OSError as error:
            raise LoadError(f"{self.name}: {error.strerror}.") from error
        self._file.seek(0)
        self._records = self._read_records()
        self._read_header(fields)

    def _check_encoding(self):
        lines = 1
        try:
            for text in iter(partial(self._file.read, SCAN_SIZE), ""):
                lines += text.count("\n")
        except UnicodeDecodeError as error:
            lines += error.object[: error.start].count(b"\n")
            raise LoadError(
                f"{self.name}: not UTF-8 (byte 0x{error.object[error.start]:02x} in line {lines}). "
                "Save the file as UTF-8 and load it again."
            ) from error

    def _read_header(self, fields):
        _, columns = next(self._records, (1, []))
        expected = f"The header must name the fields {', '.join(fields)}, each once."
        if isinstance(columns, Malformed):
            raise LoadError(f"{self.name}: wrong header: {columns.reason}. {expected}")
        faults = [
            f"{kind} {', '.join(names)}"
            for kind, names in (
                ("missing column", [name for name in fields if name not in columns]),
                ("unknown column", [repr(name) for name in columns if name not in fields]),
                ("duplicate column", sorted({n for n in columns if columns.count(n) > 1})),
            )
            if names
        ]
        if faults:
            raise LoadError(f"{self.name}: wrong header: {'; '.join(faults)}. {expected}")
        self._columns = columns
        self._order = [columns.index(name) for name in fields]

    def _read_records(self) -> Iterator[Tuple[int, Any]]:
        """Yield each record with the line it begins on.

        A record that is no CSV is yielded as `Malformed`, and reading goes on with its second line:
        an unbalanced quote must not swallow the records after it.
        """
        lines = _Lines(self._file)
        reader = csv.reader(lines, strict=True)
        number = 1
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                yield number, Malformed(lines.taken[0], f"Malformed CSV: {error}")
                lines.give_back_all_but_first()
            else:
                if row is None:
                    return
                if row:
                    yield number, row
            number += len(lines.taken)
            lines.taken.clear()

    def read(self, size: int) -> List[Tuple[int, Any]]:
        try:
            return list(islice(self._records, size))
        except (OSError, UnicodeDecodeError) as error:
            raise LoadError(f"{self.name}: {error}.") from error

    def row(self, raw) -> List[str]:
        if type(raw) is not list or len(raw) != len(self._columns):
            raise ValueError
        return [raw[index] for index in self._order]

    def record(self, raw) -> Dict[str, str]:
        if isinstance(raw, Malformed):
            return {"text": raw.text}
        extra = (f"column {number}" for number in range(len(self._columns) + 1, len(raw) + 1))
        return dict(zip([*self._columns, *extra], raw))

    def close(self):
        if self._file:
            self._file.close()


class _Lines:
    """The lines of a file for a csv.reader, remembering those of the record it is reading."""

    def __init__(self, file):
        self._next_line = partial(file.readline, MAX_LINE_LENGTH)
        self._given_back = deque()
        self.taken = []

    def __iter__(self):
        return self

    def __next__(self):
        line = self._given_back.popleft() if self._given_back else self._next_line()
        if not line:
            raise StopIteration
        self.taken.append(line)
        if len(line) == MAX_LINE_LENGTH and line[-1] not in "\r\n":
            for rest in iter(self._next_line, ""):
                if rest[-1] in "\r\n":
                    break
            raise csv.Error(f"line longer than {MAX_LINE_LENGTH} characters")
        return line

    def give_back_all_but_first(self):
        self._given_back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
