"""Records that are dicts, with values of their own types."""

import json
from itertools import islice
from typing import Sequence

from .base import Malformed, Records, Source
from .numbers import TYPED


class DictSource(Source):
    format = "jsonl"
    number_parser = TYPED

    def _records_of(self, raw, lines):
        """Return dicts and Malformed, given in the order of the source, as Records."""
        names = set(self._names)
        others = [
            place
            for place, record in enumerate(raw)
            if type(record) is not dict or record.keys() != names and self.fields(record)[1]
        ]
        places: Sequence[int] = range(len(raw))
        if others:
            last = set(others)
            places = [place for place in places if place not in last] + others
            raw = [raw[place] for place in places]
            lines = [lines[place] for place in places]
        whole = raw[: len(raw) - len(others)]
        columns = [[record[name] for record in whole] for name in self._names]
        return Records(columns, raw, places, lines)

    def fields(self, raw):
        if isinstance(raw, Malformed):
            return {}, [raw.reason]
        named = zip(self._fields, self._names)
        return {f: raw[name] for f, name in named if name in raw}, self._field_errors(raw)

    def data(self, raw):
        if isinstance(raw, Malformed):
            return {"text": raw.text}
        return {name: value for name, value in raw.items() if name[:1] != "_"}

    def write_rejects(self, file, rejects, is_first):
        for line, raw, errors in rejects:
            data = {"_text": raw.text} if isinstance(raw, Malformed) else raw
            record = {**data, "_line": line, "_errors": list(errors)}
            file.write(json.dumps(record, ensure_ascii=self.encoding != "utf-8") + "\n")


class MemorySource(DictSource):
    """Records that the program already has: the sample, or what a caller of `load` gives."""

    name = "sample"

    def __init__(self, records):
        super().__init__()
        self._all = records

    def open(self, fields):
        super().open(fields)
        self._left = iter(self._all)

    def read(self, size):
        raw = list(islice(self._left, size))
        return self._records_of(raw, [None] * len(raw)) if raw else None

    def close(self):
        self._left = iter(())
