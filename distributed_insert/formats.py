"""The formats of files: CSV and JSON Lines."""

import csv
import json
import math
import re
from collections import deque
from itertools import chain, islice
from typing import Any, Iterator, List, Tuple

from .files import DEFAULT_ENCODING, MAX_LINE_LENGTH, TextFile
from .parsing import TEXT
from .results import LoadError
from .sources import MAX_BATCH_CHARACTERS, DictSource, FileSource, Malformed

FORMATS = ("csv", "jsonl")
TOO_LONG = f"line longer than {MAX_LINE_LENGTH} characters"

# Values in a JSON record are flat; what nests deeper than this could not be shown or written again.
MAX_DEPTH = 100

# Spreadsheets run a cell that begins like this as a formula, unless a quote stands before it.
# A negative number is none.
FORMULA = re.compile(r"'*(?:[=+@\t\r]|-(?![0-9]+(?:\.[0-9]+)?$))").match


def file_source(path, format=None, *, delimiter=",", encoding=DEFAULT_ENCODING, **options):
    """Return the source for a file: JSON Lines if its name says so or `format` does, or CSV."""
    file = TextFile(path, encoding)
    name = file.path.lower()[: -len(".gz") if file.is_gzip else None]
    if (format or ("jsonl" if name.endswith((".jsonl", ".ndjson")) else "csv")) == "jsonl":
        return JsonLinesSource(file, **options)
    return CsvSource(file, delimiter=delimiter, **options)


class JsonLinesSource(FileSource, DictSource):
    def _read_records(self) -> Iterator[Tuple[int, Any, int]]:
        decode = json.JSONDecoder(
            object_pairs_hook=_without_duplicates, parse_float=_number, parse_constant=str
        ).decode
        for number, line in enumerate(iter(self._file.readline, ""), 1):
            if _is_cut(line):
                self._file.skip_line()
                yield number, Malformed(line, f"Malformed JSON: {TOO_LONG}"), len(line)
            elif not line.isspace():
                try:
                    raw = decode(line)
                except json.JSONDecodeError as error:
                    reason = f"{error.msg} at character {error.pos + 1}"
                except RecursionError:
                    reason = "nested too deeply"
                except ValueError as error:
                    reason = str(error)
                else:
                    reason = _fault(line, raw)
                raw = Malformed(line, f"Malformed JSON: {reason}") if reason else raw
                yield number, raw, len(line)


def _number(text):
    """Return a float; what is too large for one stays text, which no rule takes for a number."""
    number = float(text)
    return number if math.isfinite(number) else text


def _fault(line, raw):
    if type(raw) is not dict:
        return "not an object"
    level = [raw] if line.count("[") + line.count("{") > MAX_DEPTH else []
    for _ in range(MAX_DEPTH):
        children = [c.values() if type(c) is dict else c for c in level if type(c) in (dict, list)]
        level = list(chain.from_iterable(children))
    return "nested too deeply" if level else ""


def _without_duplicates(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"duplicate key {next(key for key in keys if keys.count(key) > 1)!r}")
    return result


class CsvSource(FileSource):
    """A CSV file with a header that names its columns."""

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
        return lines, [_unquoted(raw) for raw in raws] if self._quoted else raws

    def _read_plain(self, size):
        """Read lines that are a record each, in a fraction of the time; None if these are not."""
        texts = self._lines.take(size)
        try:
            raws = list(csv.reader(texts, delimiter=self._delimiter, strict=True))
        except csv.Error:
            raws = []
        is_plain = '"' not in "".join(texts) and all(raws) and len(raws) == len(texts)
        if not is_plain or max(map(len, texts), default=0) == MAX_LINE_LENGTH:
            self._lines.give_back(texts)
            return None
        line = self._line
        self._line += len(texts)
        return range(line, self._line), raws

    def _misfits(self, raws):
        try:
            if set(map(len, raws)) == {len(self._header)}:
                return []
        except TypeError:  # one of them is Malformed
            pass
        return super()._misfits(raws)

    def _fits(self, raw):
        return type(raw) is list and len(raw) == len(self._header)

    def _columns_of(self, raws):
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
        if _is_cut(line):
            for rest in iter(self._next, ""):
                if not _is_cut(rest):
                    break
            raise csv.Error(TOO_LONG)
        return line

    def _next(self):
        return self._given_back.popleft() if self._given_back else self._file.readline()

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


def _is_cut(line):
    """Whether this is a piece of a longer line, and not the last of it."""
    return len(line) == MAX_LINE_LENGTH and line[-1] not in "\r\n"
