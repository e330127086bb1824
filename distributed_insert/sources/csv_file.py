"""CSV with a header that names the columns."""

import csv
import re
from collections import deque
from itertools import islice, repeat
from typing import Any, Iterator, List, Tuple

from ..exceptions import LoadError
from .base import MAX_BATCH_CHARACTERS, FileSource, Malformed
from .numbers import TEXT
from .text_file import TOO_LONG, TextFile, is_cut

# Spreadsheets run a cell that begins like this as a formula, unless a quote stands before it.
# A negative number is none.
FORMULA = re.compile(r"'*(?:[=+@\t\r]|-(?![0-9]+(?:\.[0-9]+)?$))").match


class CsvSource(FileSource):
    format = "csv"
    numbers = TEXT

    def __init__(self, file: TextFile, delimiter: str = ",", **options):
        super().__init__(file, **options)
        self._delimiter = delimiter

    def open(self, fields):
        self._lines = _Lines(self._file)
        self._line = 1
        super().open(fields)
        with self._file.errors():
            self._read_header()

    def _read_header(self):
        _, header, _ = next(self._records, (1, [], 0))
        # Only a file of rejects has this column, and its formulas are quoted.
        self._quoted = not isinstance(header, Malformed) and "_errors" in header
        if self._quoted:
            header = _unquoted(header)
        expected = f"The header must name {', '.join(self._columns)}, each once, in any order."
        if isinstance(header, Malformed):
            raise LoadError(f"{self.name}: wrong header: {header.reason}. {expected}")
        faults = [
            f"{kind} column {', '.join(map(repr, names))}"
            for kind, names in (
                ("missing", [name for name in self._columns if name not in header]),
                ("unknown", self._unknown(header)),
                ("duplicate", sorted({name for name in header if header.count(name) > 1})),
            )
            if names
        ]
        if faults:
            raise LoadError(f"{self.name}: wrong header: {'; '.join(faults)}. {expected}")
        self._header = header
        self._order = [header.index(name) for name in self._columns]

    def _read_records(self) -> Iterator[Tuple[int, Any, int]]:
        """Yield each record with the line it begins on and its length.

        What is no CSV is yielded as `Malformed`, and reading goes on with the line after the one it
        begins on: an unbalanced quote must not swallow the records that follow.
        """
        reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        taken = self._lines.taken
        while True:
            raw = None
            try:
                raw = next(reader, None)
            except csv.Error as error:
                raw = Malformed(taken[0], f"Malformed CSV: {error}")
                self._lines.give_back(taken[1:])
                del taken[1:]
                if is_cut(taken[0]):
                    self._lines.skip_line()
            line, length = self._line, sum(map(len, taken))
            self._line += len(taken)
            taken.clear()
            if raw is None:
                return
            if raw:
                yield line, raw, length

    def read(self, size):
        with self._file.errors():
            lines, raws = self._read_plain(size) or super().read(size)
        return lines, list(map(_unquoted, raws)) if self._quoted else raws

    def _read_plain(self, size):
        """Read lines that are a whole record each, in less time; None if these are not.

        Where nothing is quoted, a line is a record and a delimiter the end of a field.
        """
        texts = self._lines.take(size)
        text = "".join(texts)
        longest = max(map(len, texts), default=0)
        delimiters = set(map(str.count, texts, repeat(self._delimiter)))
        is_plain = delimiters <= {len(self._header) - 1} and longest <= csv.field_size_limit()
        if not is_plain or '"' in text or "\0" in text:
            self._lines.give_back(texts)
            return None
        line = self._line
        self._line += len(texts)
        return range(line, self._line), _PlainRecords(text, self._delimiter, len(self._header))

    def _misfits(self, raws):
        if isinstance(raws, _PlainRecords):
            return []
        try:
            if set(map(len, raws)) == {len(self._header)}:
                return []
        except TypeError:  # one of them is Malformed
            pass
        return super()._misfits(raws)

    def _fits(self, raw):
        return type(raw) is list and len(raw) == len(self._header)

    def _columns_of(self, raws):
        if isinstance(raws, _PlainRecords):
            columns = raws.columns
        else:
            columns = list(zip(*raws)) or [()] * len(self._header)
        return [columns[index] for index in self._order]

    def fields(self, raw):
        named = zip(self._fields, self._order)
        return {field: raw[index] for field, index in named if index < len(raw)}, self._extra(raw)

    def data(self, raw):
        if isinstance(raw, Malformed):
            return {"text": raw.text}
        named = zip([*self._header, *self._extra(raw)], raw)
        return {name: value for name, value in named if name[:1] != "_"}

    def _extra(self, raw):
        return [f"column {number}" for number in range(len(self._header) + 1, len(raw) + 1)]

    # `_line` and `_errors` come first: behind them stands a record of any length.

    def write_rejects_header(self, file):
        header = map(_quoted, self._without_own(self._header))
        self._writer(file).writerow(["_line", "_errors", *header])

    def write_rejects(self, file, rejects):
        self._writer(file).writerows(
            [line, "; ".join(errors), *map(_quoted, self._without_own(raw))]
            for line, raw, errors in rejects
        )

    def _without_own(self, raw):
        if isinstance(raw, Malformed):
            return [raw.text]
        if not self._quoted:
            return raw
        own = [i for i, name in enumerate(self._header) if name in ("_line", "_errors")]
        return [value for index, value in enumerate(raw) if index not in own]

    def _writer(self, file):
        return csv.writer(file, delimiter=self._delimiter, lineterminator="\n")


def _quoted(value):
    return f"'{value}" if FORMULA(value) else value


def _unquoted(raw):
    if isinstance(raw, Malformed):
        return raw
    return [value[1:] if value[:1] == "'" and FORMULA(value) else value for value in raw]


class _PlainRecords:
    """A sequence of records of the same width, kept as columns."""

    def __init__(self, text, delimiter, width):
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        values = text.rstrip("\n").replace("\n", delimiter).split(delimiter) if text else []
        self.columns = [values[start::width] for start in range(width)]

    def __len__(self):
        return len(self.columns[0])

    def __getitem__(self, index):
        return [column[index] for column in self.columns]


class _Lines:
    """The lines of a file for a csv.reader, remembering those of the record it is reading."""

    def __init__(self, file: TextFile):
        self._file = file
        self._given_back = deque()
        self.taken: List[str] = []

    def __iter__(self):
        return self

    def __next__(self):
        line = self._next()
        if not line:
            raise StopIteration
        self.taken.append(line)
        if is_cut(line):
            raise csv.Error(TOO_LONG)
        return line

    def _next(self):
        return self._given_back.popleft() if self._given_back else self._file.readline()

    def skip_line(self):
        """Pass over the rest of a line of which the first piece has been taken."""
        for rest in iter(self._next, ""):
            if not is_cut(rest):
                break

    def take(self, size: int) -> List[str]:
        """Take as many lines at once, not to be remembered."""
        given_back = min(size, len(self._given_back))
        lines = [self._given_back.popleft() for _ in range(given_back)]
        room = MAX_BATCH_CHARACTERS
        while len(lines) < size and room > 0:
            piece = list(islice(iter(self._file.readline, ""), min(size - len(lines), 64)))
            if not piece:
                break
            lines += piece
            room -= sum(map(len, piece))
        return lines

    def give_back(self, lines: List[str]):
        self._given_back.extendleft(reversed(lines))
