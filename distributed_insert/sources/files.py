"""What the sources that read files have in common: the bounds of a record and of a batch."""

import io
import sys
from abc import abstractmethod
from typing import Any, List, Tuple

from .base import Malformed, Records, Source
from .lines import MAX_LINE_LENGTH, Lines
from .text_file import BLOCK_SIZE, DEFAULT_ENCODING, TextFile, count_lines

MAX_RECORD_LENGTH = MAX_LINE_LENGTH
MAX_VALUES = 1000
TOO_LONG = f"record longer than {MAX_RECORD_LENGTH:,} characters"
TOO_MANY_VALUES = f"more than {MAX_VALUES:,} values"

# A batch of large records has fewer of them: memory is bounded whatever the file holds.
MAX_BATCH_BYTES = 32 << 20
# What Python needs for a record and for a value besides their characters.
BYTES_PER_RECORD = 300
BYTES_PER_VALUE = 64


class FileSource(Source):
    grammar: str
    """What a malformed record is not."""

    def __init__(self, file: TextFile, **options):
        super().__init__(**options)
        self._file = file
        self.name = file.name
        self.is_stream = file.is_stream
        self.encoding = "utf-8" if file.encoding == DEFAULT_ENCODING else file.encoding

    def open(self, dataset):
        super().open(dataset)
        self._file.open(self.is_interrupted)

    def check(self):
        return self._file.check()

    @property
    def size(self):
        return self._file.size

    @property
    def share_read(self):
        return self._file.share_read

    def give_up(self):
        self._file.give_up()

    def close(self):
        self._file.close()

    def _malformed(self, text, reason):
        return Malformed(text.rstrip("\r\n"), f"Malformed {self.grammar}: {reason}")


class LinesSource(FileSource):
    """A file whose records begin with their lines."""

    separator = ","
    """What stands between the values of a record."""

    def __init__(self, file: TextFile, **options):
        super().__init__(file, **options)
        self._lines = Lines(file)
        self._line = 1

    def read(self, size):
        batch = self._new_batch()
        room = MAX_BATCH_BYTES
        is_at_end = True
        with self._file.errors():
            while len(batch) < size and room > 0:
                text = self._lines.peek(size - len(batch))
                if text is None:
                    break
                is_at_end = False
                room -= self._take(text, batch, size - len(batch))
        return None if is_at_end else self._records(batch)

    def _take(self, text, batch, most):
        """Add the first records of a text, at most `most`; return the bytes that they need."""
        before = len(batch)
        if not text:
            return BLOCK_SIZE
        blank = len(text) - len(text.lstrip("\r\n"))
        if blank:
            self._pass(blank, count_lines(text[:blank]))
            return blank
        if self._lines.is_cut:
            batch.append(self._line, self._malformed(text, TOO_LONG))
            self._lines.skip_line()
            self._line += 1
        else:
            lines, characters = self._parse(text, batch, most)
            self._pass(characters, lines)
            text = text[:characters]
        records = len(batch) - before
        return BYTES_PER_RECORD * records + sys.getsizeof(text) + self._bytes_of_values(text)

    def _bytes_of_values(self, text):
        return BYTES_PER_VALUE * text.count(self.separator)

    def _pass(self, characters, lines):
        self._lines.advance(characters)
        self._line += lines

    @abstractmethod
    def _new_batch(self) -> Any:
        """Return something with a length, and `append(line, raw)`, that `_records` understands."""

    @abstractmethod
    def _parse(self, text: str, batch: Any, most: int) -> Tuple[int, int]:
        """Add the first records of whole lines to a batch, at most `most`.

        Returns how many lines and how many characters these records take.
        """

    @abstractmethod
    def _records(self, batch: Any) -> Records:
        """Return what has been added to a batch."""


def split_lines(text: str) -> List[str]:
    """Return the lines of a text with their ends; `str.splitlines` would see more line ends."""
    return list(io.StringIO(text, newline=""))
