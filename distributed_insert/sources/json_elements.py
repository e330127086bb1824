"""The elements of a JSON array, read in parts: neither they nor the array need fit in memory."""

import json
import re
from typing import Any, NamedTuple, Optional

from ..exceptions import LoadError
from .files import MAX_RECORD_LENGTH, TOO_LONG
from .json_values import TOO_DEEP, fault, to_integer, to_object
from .text_file import TextFile


class NotAnArray(Exception):
    """A text is not a JSON array."""


class Element(NamedTuple):
    line: int
    """The line it begins on, from 1."""
    text: str
    """As it stands in the file; of what is too long, only the beginning."""
    value: Any
    reason: str
    """Why the value is not a record, or ""."""


class Elements:
    """The elements of the array in an open file, one after the other.

    Neither the array nor a value that is too long for a record is ever wholly in memory.
    """

    def __init__(self, file: TextFile):
        self._file = file
        # Read and not passed: the text from _at. It begins at _offset in the file.
        self._text = ""
        self._at = self._offset = 0
        self._line = 1
        self._line_begin = 0
        self._has_returns = self._has_begun = self._has_ended = False

    def next(self) -> Optional[Element]:
        """Return the next element; None at the end. Raises NotAnArray."""
        if self._has_ended:
            return None
        first = self._peek()
        if not self._has_begun:
            if not first:
                raise LoadError(f"{self._file.name}: empty, without even an array.")
            if first == "{":
                raise NotAnArray("It is an object. If each line is one, add --format jsonl")
            if first != "[":
                raise self._error(f"It begins with {first!r}")
            self._has_begun = True
            self._go_to(self._at + 1)
            if self._peek() != "]":
                return self._element()
        elif first == ",":
            self._go_to(self._at + 1)
            self._peek()
            return self._element()
        elif first != "]":
            raise self._error("Expecting ',' or ']'")
        self._go_to(self._at + 1)
        if self._peek():
            raise self._error("Something follows the array")
        self._has_ended = True
        return None

    def _element(self):
        line = self._line
        while True:
            wrong = None
            try:
                value, reason, end = _decoded(self._text, self._at)
            except json.JSONDecodeError as error:
                wrong = error
            except RecursionError:
                not_ended = self._error("A value is nested too deeply and not ended", self._at)
                return Element(line, self._skip(not_ended), None, TOO_DEEP)
            # At the end of the text, a value may be cut off, and a number look as if it were not.
            if not wrong and (end + 2 < len(self._text) or self._text[end - 1] in '}]"'):
                break
            if len(self._text) - self._at > MAX_RECORD_LENGTH or not self._fill():
                break
        if wrong:
            not_json = self._error(wrong.msg, wrong.pos)
            if len(self._text) - self._at <= MAX_RECORD_LENGTH or self._text[self._at] not in '[{"':
                raise not_json
            text = self._skip(not_json)
            if len(text) <= MAX_RECORD_LENGTH:
                raise not_json
            return Element(line, text, None, TOO_LONG)
        text = self._text[self._at : end]
        self._go_to(end)
        if len(text) > MAX_RECORD_LENGTH:
            return Element(line, text[: MAX_RECORD_LENGTH + 1], None, TOO_LONG)
        return Element(line, text, value, reason)

    def _skip(self, error):
        """Pass a value by its brackets and quotes; return its text, or the beginning if too long.

        Raises `error` if the value does not end.
        """
        brackets = _Brackets()
        text = ""
        while True:
            end = brackets.end(self._text, self._at)
            stop = len(self._text) if end is None else end
            room = MAX_RECORD_LENGTH + 1 - len(text)
            text += self._text[self._at : min(stop, self._at + room)]
            self._go_to(stop)
            if end is not None:
                return text
            if not self._fill():
                raise error

    def _peek(self):
        """Pass blanks, and return the character after them; "" at the end."""
        while True:
            found = _not_blank(self._text, self._at)
            # A "\r" at the end may belong to a "\n" that follows.
            end = len(self._text) - self._text.endswith("\r")
            self._go_to(found.start() if found else max(end, self._at))
            if found:
                return found.group()
            if not self._fill():
                return ""

    def _go_to(self, at):
        self._line, self._line_begin = self._place(at)
        self._at = at

    def _place(self, at):
        """Return the line of a place that was not passed yet, and where that line begins."""
        lines, last = self._text.count("\n", self._at, at), "\n"
        if self._has_returns:
            passed = self._text[self._at : at]
            lines += len(_bare_return.findall(self._text, self._at, at))
            last = max("\n", "\r", key=passed.rfind)
        if not lines:
            return self._line, self._line_begin
        return self._line + lines, self._offset + self._text.rfind(last, self._at, at) + 1

    def _fill(self):
        """Read as much as there is still to pass; return whether there was more.

        As much, so that a value which is decoded anew each time costs no more than a few times.
        """
        parts = [self._text[self._at :]]
        wanted, length = len(parts[0]) or 1, 0
        while length < wanted and not self._file.is_at_end:
            parts.append(self._file.read())
            length += len(parts[-1])
        if not length:
            return False
        self._offset += self._at
        self._text, self._at = "".join(parts), 0
        self._has_returns = "\r" in self._text
        return True

    def _error(self, message, at=None):
        at = self._at if at is None else at
        line, begin = self._place(at)
        character = self._offset + at - begin + 1
        return NotAnArray(f"{message} in line {line:,}, character {character:,}")


class _Brackets:
    """Finds the end of a value that begins with a bracket or a quote, part by part."""

    def __init__(self):
        self._depth = 0
        self._is_in_string = self._is_escaped = False

    def end(self, text: str, at: int) -> Optional[int]:
        """Return where the value ends whose next part begins there; None if not in this text."""
        marks = _marks(text, at + self._is_escaped)
        self._is_escaped = False
        for mark in marks:
            character = mark.group()
            if character == "\\":
                self._is_escaped = True
            elif character == '"':
                self._is_in_string = not self._is_in_string
            elif not self._is_in_string and len(character) == 1:
                self._depth += 1 if character in "[{" else -1
            if self._depth == 0 and not self._is_in_string:
                return mark.end()
        return None


def _decoded(text, at):
    """Return the value at a place, why it is not a record or "", and where it ends."""
    try:
        value, end = _decode(text, at)
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        _, end = _pass(text, at)
        return None, str(error), end
    return value, fault(text[at:end], value), end


_decode = json.JSONDecoder(object_pairs_hook=to_object, parse_int=to_integer).raw_decode
_pass = json.JSONDecoder(parse_int=str).raw_decode
_bare_return = re.compile(r"\r(?!\n)")
_not_blank = re.compile(r"[^ \t\r\n]").search
# An escaped character in a string is not a mark, and its escape may be the last of a part.
_marks = re.compile(r'\\.?|["\[\]{}]', re.DOTALL).finditer
