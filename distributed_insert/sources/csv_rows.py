"""From lines of CSV to rows: in one go where nothing is quoted, else with the csv module."""

import csv
from itertools import accumulate, chain
from typing import Callable, List, Optional, Tuple, Union

from .base import Malformed
from .files import MAX_RECORD_LENGTH, MAX_VALUES, TOO_LONG, TOO_MANY_VALUES, split_lines


def split_columns(text: str, delimiter: str, width: int) -> Optional[List[List[str]]]:
    """Return the columns of lines that are a row of `width` values each, None if they may not be.

    Where nothing is quoted, a line is a row and a delimiter the end of a value.
    """
    if '"' in text or "\0" in text or width < 2 or _has_long_line(text):
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text[-1] != "\n":
        text += "\n"
    with_delimiters = text.replace("\n", f"{delimiter}\n")
    count = len(with_delimiters) - len(text)
    # Each line end begins a value now. All of them are in the first column, one each, only if each
    # line has as many values.
    values = with_delimiters.split(delimiter)
    first = "".join(values[::width]).split("\n")
    if len(values) != count * width + 1 or len(first) != count + 1:
        return None
    first.pop()
    return [first, *(values[start::width] for start in range(1, width))]


def _has_long_line(text):
    """Whether a value may be longer than the csv module allows."""
    half = csv.field_size_limit() // 2
    starts = range(0, len(text) - half, half)
    return any(text.find("\n", start, start + half) < 0 for start in starts)


class RowReader:
    """Reads rows with the csv module, and reads on after what is malformed.

    It reads on with the line after the one that the malformed row begins on: an unbalanced quote
    must not swallow the rows that follow. A field left open at the end of a line goes on in the
    same way wherever it was opened. So the lines that one of them ran through to its bad end are
    not run through again, and the time is linear whatever the file holds. The price is that a
    row which begins within one that is too long is rejected with it.
    """

    def __init__(self, delimiter: str):
        self._delimiter = delimiter
        # A field left open at the end of a line before this one comes to a bad end.
        self._dead_end = 0
        self._dead_end_reason = ""

    def read(self, text: str, number: int, most: int, longer: Callable[[str], str]):
        """Return the first rows of whole lines, at most `most`, and how far they reach.

        `number` is that of the first line. `longer` is asked for a longer text where this one ends
        within its first row; at the end of the file it returns the same one.

        Returns a list with the line that each row begins on and its values, or Malformed; then how
        many lines and how many characters have been read. Blank lines are ignored.
        """
        found = self._read(text, number, most, is_all=False)
        while found is None:
            shorter, text = text, longer(text)
            found = self._read(text, number, most, is_all=text == shorter)
        return found

    def _read(self, text, number, most, is_all):
        """Do what `read` does; return None where a longer text is needed and there may be one."""
        lines = split_lines(text)
        may_be_long = len(text) > MAX_RECORD_LENGTH
        rows: List[Tuple[int, Union[List[str], Malformed]]] = []
        first = 0
        while first < len(lines) and len(rows) < most:
            begin = first
            stop, is_dead = self._stop(lines, first, number)
            # Not empty once the reader has asked for a line after the last one.
            is_open: List[bool] = []
            given = chain(map(lines.__getitem__, range(first, stop)), _noting_the_end(is_open))
            reader = csv.reader(given, delimiter=self._delimiter, strict=True)
            try:
                if may_be_long:
                    _check_length(lines[first : first + 1])
                for row in reader:
                    end = begin + reader.line_num
                    if may_be_long:
                        _check_length(lines[first:end])
                    if len(row) > MAX_VALUES:
                        row = _malformed("".join(lines[first:end]), TOO_MANY_VALUES)
                    if row:
                        rows.append((number + first, row))
                    first = end
                    if len(rows) == most:
                        break
            except csv.Error as error:
                reason = str(error)
                if is_open and is_dead:
                    reason = self._dead_end_reason
                elif is_open and first:
                    break
                elif is_open and may_be_long:
                    reason = TOO_LONG
                elif is_open and not is_all:
                    return None
                if not is_dead:
                    reached = begin + reader.line_num
                    if reason == TOO_LONG:
                        lengths = enumerate(accumulate(map(len, lines[first:])), first + 1)
                        reached = next(n for n, length in lengths if length > MAX_RECORD_LENGTH)
                    self._dead_end, self._dead_end_reason = number + reached - 1, reason
                rows.append((number + first, _malformed(lines[first], reason)))
                first += 1
        return rows, first, sum(map(len, lines[:first]))

    def _stop(self, lines, first, number):
        """Return which lines to read next: up to where, and whether an open field has a dead end.

        Before the dead end, a line with a quote is read alone, and lines without one together.
        """
        if number + first >= self._dead_end:
            return len(lines), False
        if '"' in lines[first]:
            return first + 1, True
        dead_end = min(self._dead_end - number, len(lines))
        return next((n for n in range(first, dead_end) if '"' in lines[n]), dead_end), True


def _noting_the_end(noted):
    """An iterator without items that notes when it is asked for one."""
    noted.append(True)
    yield from ()


def _check_length(lines):
    if len("".join(lines).rstrip("\r\n")) > MAX_RECORD_LENGTH:
        raise csv.Error(TOO_LONG)


def _malformed(text, reason):
    return Malformed(text.rstrip("\r\n"), f"Malformed CSV: {reason}")
