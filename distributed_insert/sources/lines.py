"""The lines of a text, many at a time in one string: a string per line would take longer."""

import re
from itertools import islice
from typing import Optional

from .text_file import TextFile

# A longer line is not a record. The bound keeps a file without line breaks out of memory.
MAX_LINE_LENGTH = 1 << 20

_line_end = re.compile(r"\r\n?|\n")


class Lines:
    """The lines of an open file, to be looked at with `peek` and then left behind with `advance`.

    A line ends with "\\n", "\\r\\n" or "\\r", or at the end of the file.
    """

    def __init__(self, file: TextFile):
        self._file = file
        # Read and not passed: the text from _start, whose last whole line ends at _whole.
        self._text = ""
        self._start = self._whole = 0
        # Whether a "\r" alone ends a line somewhere in the text.
        self._has_bare_returns = False
        self._is_skipping = False

    def peek(self, most: int) -> Optional[str]:
        """Return the next whole lines, at most `most` of them; None at the end.

        If the next line is too long, `is_cut` is true and only its beginning is returned: skip it
        with `skip_line`. While there is more of it to skip, "" is returned.
        """
        if self._is_skipping:
            return self._skip()
        if self._start == self._whole:
            self._fill()
        if self._start == len(self._text):
            return None
        if self.is_cut:
            return self._text[self._start : self._start + MAX_LINE_LENGTH + 1]
        return self._text[self._start : self._end_of_lines(most)]

    @property
    def is_cut(self) -> bool:
        """Whether the next line is too long to be wholly in memory."""
        return self._start == self._whole < len(self._text)

    def peek_further(self, text: str) -> str:
        """Return what `peek` returned and several times as much, or only that at the end."""
        if self._start + len(text) == self._whole:
            self._fill()
        end = self._start + 4 * len(text)
        line_end = _line_end.search(self._text, end - 1, self._whole)
        return self._text[self._start : line_end.end() if line_end else self._whole]

    def advance(self, characters: int):
        """Skip this many of the characters that `peek` returned."""
        self._start += characters

    def skip_line(self):
        """Skip a line that is cut."""
        self._is_skipping = True

    def _fill(self):
        """Read until there is another whole line, or too long a part of one, or the end."""
        parts = [self._text[self._start :]]
        length = len(parts[0])
        whole = more = self._whole - self._start
        while more == whole and length - whole <= MAX_LINE_LENGTH + 1 and not self._file.is_at_end:
            part = self._file.read()
            # A "\r" at the end may belong to a "\n" that follows.
            line_end = max(part.rfind("\n"), part.rfind("\r", 0, -1)) + 1
            if self._file.is_at_end:
                more = length + len(part)
            elif line_end or part and parts[-1].endswith("\r"):
                more = length + line_end
            if part:
                parts.append(part)
            length += len(part)
        self._set_text("".join(parts))
        self._whole = more

    def _end_of_lines(self, most):
        """Return where the next `most` lines end, or the last whole one."""
        text, position, end = self._text, self._start, self._whole
        if self._has_bare_returns:
            line_ends = _line_end.finditer(text, position, end)
            return next((e.end() for e in islice(line_ends, most - 1, most)), end)
        # So many characters hold at most so many line ends.
        while most > 64 and position < end:
            window = min(position + most, end)
            most -= text.count("\n", position, window)
            position = window
        for _ in range(most):
            position = text.find("\n", position, end) + 1
            if not position:
                return end
        return position

    def _skip(self):
        line_end = _line_end.search(self._text, self._start)
        # After a "\r" at the end a "\n" may follow.
        if line_end and (line_end.group() != "\r" or line_end.end() < len(self._text)):
            self._start = line_end.end()
            last = max(self._text.rfind("\n"), self._text.rfind("\r", 0, -1)) + 1
            self._whole = len(self._text) if self._file.is_at_end else max(last, self._start)
            self._is_skipping = False
            return ""
        if self._file.is_at_end:
            return None
        self._set_text((line_end.group() if line_end else "") + self._file.read())
        return ""

    def _set_text(self, text):
        self._text = text
        self._start = self._whole = 0
        self._has_bare_returns = "\r" in text and text.count("\r") > text.count("\r\n")
