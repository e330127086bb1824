"""CSV with a header that names the columns."""

import csv
import re
from typing import Any, List, Optional, Tuple

from ..exceptions import LoadError
from .base import Malformed, Records
from .csv_header import DELIMITERS, fault, find_delimiter, matched
from .csv_rows import RowReader, split_columns
from .files import LinesSource
from .numbers import TEXT
from .text_file import TextFile

# Spreadsheets run a cell that begins like this as a formula, unless a quote stands before it.
# A negative number is not one.
is_formula = re.compile(r"'*(?:[=+@\t\r\n]|-(?![0-9]+(?:\.[0-9]+)?\Z))").match
FORMULA_BEGINNINGS = frozenset("'=+@\t\r\n-")

# Only files of rejects have these columns. They come first: a record of any length fits behind.
REJECTS_COLUMNS = ["_line", "_errors"]

# A file that has no header in its first lines is not searched for one to its end.
HEADER_LINES = 10_000


class CsvSource(LinesSource):
    """CSV; without a `delimiter`, the header shows which of the usual ones it has."""

    format = "csv"
    grammar = "CSV"
    number_parser = TEXT

    def __init__(self, file: TextFile, delimiter: Optional[str] = None, **options):
        super().__init__(file, **options)
        self._delimiters = delimiter or DELIMITERS
        self._reader: Optional[RowReader] = None
        self._header: List[str] = []
        self._is_rejects_file = False

    def check(self):
        if super().check():
            return True
        with self._file.errors():
            header = self._read_header()
            is_empty = not header and self._lines.peek(1) is None
        if is_empty:
            raise LoadError(f"{self.name}: empty, without even a header.")
        if not header:
            raise LoadError(f"{self.name}: no header in its first {HEADER_LINES:,} lines.")
        if isinstance(header, Malformed):
            raise LoadError(f"{self.name}: wrong header: {header.reason}.")
        self._header = header
        # By their names here, the rest finds what the fields use.
        self._columns = matched(header, self._names)
        wrong = fault(
            header,
            self._columns,
            dict(zip(self._fields, self._names)),
            self._unknown(self._columns),
            self._dataset.name.lower(),
        )
        if wrong:
            raise LoadError(f"{self.name}: {wrong}")
        self._order = [self._columns.index(name) for name in self._names]
        return False

    def _read_header(self):
        """Return the values of the header, or Malformed, or an empty list if there is none."""
        batch = _Table([], 0)
        # No line is waited for that is not needed: what is read may be a silent pipe.
        while not batch and self._line <= HEADER_LINES:
            text = self._lines.peek(HEADER_LINES)
            if not text:
                break
            self._take(text, batch, 1)
        header = batch[0] if batch else []
        # Formulas are quoted there.
        self._is_rejects_file = type(header) is list and "_errors" in header
        return _unquoted(header) if self._is_rejects_file else header

    def _new_batch(self):
        return _Table(self._header, max(self._order) + 1)

    def _parse(self, text, batch, most):
        width = len(self._header)
        columns = split_columns(text, self.separator, width) if not self._is_rejects_file else None
        if columns:
            count = len(columns[0])
            batch.extend(columns, range(self._line, self._line + count))
            return count, len(text)
        if self._reader is None:
            self.separator = self._find_delimiter(text)
            self._reader = RowReader(self.separator)
        rows, lines, characters = self._reader.read(
            text, self._line, most, self._lines.peek_further
        )
        if self._is_rejects_file:
            rows = [(line, _unquoted(row)) for line, row in rows]
        if {len(row) if type(row) is list else -1 for _, row in rows} == {width}:
            numbers, values = zip(*rows)
            batch.extend(zip(*values), numbers)
        else:
            for line, row in rows:
                batch.append(line, row)
        return lines, characters

    def _find_delimiter(self, text):
        """Return the delimiter of the header, with which a text begins."""

        def header_with(delimiter):
            rows, _, _ = RowReader(delimiter).read(text, self._line, 1, self._lines.peek_further)
            return next((row for _, row in rows if type(row) is list), [])

        return find_delimiter(self._delimiters, self._names, header_with)

    def _records(self, batch):
        columns = [batch.columns[index] for index in self._order]
        places = batch.places + [place for place, _, _ in batch.others]
        return Records(columns, batch, places, batch.lines + [line for _, line, _ in batch.others])

    def fields(self, raw):
        if isinstance(raw, Malformed):
            return {}, [raw.reason]
        named = zip(self._fields, self._order)
        values = {field: raw[index] for field, index in named if index < len(raw)}
        errors = self._field_errors(self._columns[: len(raw)])
        extra = len(raw) - len(self._header)
        if extra > 0:
            values_more = "value" if extra == 1 else "values"
            errors.append(f"{extra:,} {values_more} more than the header has columns")
        return values, errors

    def data(self, raw):
        if isinstance(raw, Malformed):
            return {"text": raw.text}
        numbers = range(len(self._header) + 1, len(raw) + 1)
        named = zip([*self._header, *(f"column {number}" for number in numbers)], raw)
        return {name: value for name, value in named if name[:1] != "_"}

    def write_rejects(self, file, rejects, is_first):
        writer = csv.writer(_UnixLines(file), delimiter=self.separator)
        if is_first:
            header = map(_quoted, self._without_own(self._header))
            writer.writerow([*REJECTS_COLUMNS, *header])
        writer.writerows(
            [line, "; ".join(errors), *map(_quoted, self._without_own(raw))]
            for line, raw, errors in rejects
        )

    def _without_own(self, raw):
        """Return the values of a record, less those of columns that every file of rejects has."""
        if isinstance(raw, Malformed):
            return [raw.text]
        own = [i for i, name in enumerate(self._header) if name in REJECTS_COLUMNS]
        return [value for index, value in enumerate(raw) if index not in own]


class _Table:
    """A batch of rows, by index: those with all values, kept as columns, and then the others."""

    def __init__(self, header, needed):
        self.columns: List[List[str]] = [[] for _ in header]
        self.places: List[int] = []
        self.lines: List[int] = []
        self.others: List[Tuple[int, int, Any]] = []
        """The place, the line and the row, or Malformed, of each."""
        self._needed = needed

    def __len__(self):
        return len(self.places) + len(self.others)

    def __getitem__(self, index):
        if index < len(self.places):
            return [column[index] for column in self.columns]
        return self.others[index - len(self.places)][2]

    def extend(self, columns, lines):
        """Add rows that have a value in each column."""
        self.places += range(len(self), len(self) + len(lines))
        self.lines += lines
        for column, values in zip(self.columns, columns):
            column += values

    def append(self, line, row):
        """Add any row; what only ignored columns lack at its end is blank."""
        blank = len(self.columns) - len(row) if type(row) is list else -1
        if blank >= 0 and len(row) >= self._needed:
            self.extend(zip([*row, *[""] * blank]), [line])
        else:
            self.others.append((len(self), line, row))


class _UnixLines:
    """A file for csv.writer, which quotes "\\r" only where lines end with one."""

    def __init__(self, file):
        self._file = file

    def write(self, line):
        self._file.write(f"{line[:-2]}\n")


def _quoted(value):
    return f"'{value}" if value[:1] in FORMULA_BEGINNINGS and is_formula(value) else value


def _unquoted(row):
    if isinstance(row, Malformed):
        return row
    return [value[1:] if value[:1] == "'" and is_formula(value) else value for value in row]
