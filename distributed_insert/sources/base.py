"""Where records come from. A source is opened, read and closed by the worker that stores it.

Records come in batches: their lines, and each in the source's own raw form, of which it makes

    columns   of a batch: the values of each of the model's fields, ready for the rules, and the
              indexes of the records that are left out since they have not just these fields
    fields    of one of these: a dict of the fields it has, and the names of unknown ones
    data      the record as a dict, to be shown
    rejects   written to a file in the source's own format: (line, raw, errors) each, to be mended
"""

import json
from dataclasses import dataclass
from itertools import islice
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from .numbers import TYPED, Numbers
from .text_file import DEFAULT_ENCODING, TextFile

# A batch of very long records is a shorter one: memory is bounded whatever the file holds.
MAX_BATCH_CHARACTERS = 16 << 20

Read = Tuple[Sequence[Optional[int]], Sequence[Any]]
"""The line each record of a batch begins on, and the records."""


@dataclass(frozen=True)
class Malformed:
    """A stretch of a file that its format's grammar refuses."""

    text: str
    reason: str


class Source:
    """What all sources have in common.

    `columns` names the column or key of each field that is not called like the field. A column
    that no field uses is an error, unless `ignore_unknown`; one that begins with `_` never is.
    """

    format: str
    numbers: Numbers
    name: str
    is_standard_input = False
    size: Optional[int] = None
    """In bytes; None if not known."""
    position = 0
    """How many of these bytes have been read."""

    def __init__(self, columns: Optional[Mapping[str, str]] = None, ignore_unknown: bool = False):
        self._renamed = columns or {}
        self._ignore_unknown = ignore_unknown

    def open(self, fields: Sequence[str]):
        """Make ready to read records of these fields. Raises LoadError, having read no record."""
        self._fields = fields
        self._columns = [self._renamed.get(field, field) for field in fields]
        self._keys = set(self._columns)

    def columns(self, raws: List[Any]) -> Tuple[List[Sequence[Any]], List[int]]:
        misfits = self._misfits(raws)
        if misfits:
            left_out = set(misfits)
            raws = [raw for index, raw in enumerate(raws) if index not in left_out]
        return self._columns_of(raws), misfits

    def _misfits(self, raws):
        return [index for index, raw in enumerate(raws) if not self._fits(raw)]

    def _unknown(self, names):
        if self._ignore_unknown:
            return []
        return [name for name in names if name not in self._columns and name[:1] != "_"]

    def write_rejects_header(self, file):
        pass

    def close(self):
        pass


class DictSource(Source):
    """Records that are dicts, with values of their own types."""

    format = "jsonl"
    numbers = TYPED

    def _fits(self, raw):
        if type(raw) is not dict or not raw.keys() >= self._keys:
            return False
        return len(raw) == len(self._keys) or not self._unknown(raw)

    def _columns_of(self, raws):
        return [[raw[column] for raw in raws] for column in self._columns]

    def fields(self, raw):
        named = zip(self._fields, self._columns)
        return {field: raw[column] for field, column in named if column in raw}, self._unknown(raw)

    def data(self, raw):
        if isinstance(raw, Malformed):
            return {"text": raw.text}
        return {name: value for name, value in raw.items() if name[:1] != "_"}

    def write_rejects(self, file, rejects):
        for line, raw, errors in rejects:
            data = {"_text": raw.text} if isinstance(raw, Malformed) else raw
            record = {**data, "_line": line, "_errors": errors}
            file.write(json.dumps(record, ensure_ascii=self.encoding != "utf-8") + "\n")


class MemorySource(DictSource):
    name = "sample"
    encoding = "utf-8"

    def __init__(self, records):
        super().__init__()
        self._all = records

    def open(self, fields):
        super().open(fields)
        self._records = iter(self._all)

    def read(self, size: int) -> Read:
        raws = list(islice(self._records, size))
        return [None] * len(raws), raws


class FileSource(Source):
    def __init__(self, file: TextFile, **options):
        super().__init__(**options)
        self._file = file
        self.name = file.name
        self.is_standard_input = file.is_standard_input
        self.encoding = "utf-8" if file.encoding == DEFAULT_ENCODING else file.encoding

    def open(self, fields):
        super().open(fields)
        self._file.open()
        self._records = self._read_records()

    def read(self, size: int) -> Read:
        """Return the next records, at most `size`. Raises LoadError if the file breaks off."""
        lines, raws = [], []
        room = MAX_BATCH_CHARACTERS
        with self._file.errors():
            for line, raw, characters in islice(self._records, size):
                lines.append(line)
                raws.append(raw)
                room -= characters
                if room < 0:
                    break
        return lines, raws

    @property
    def size(self):
        return self._file.size

    @property
    def position(self):
        return self._file.position

    def close(self):
        self._file.close()
