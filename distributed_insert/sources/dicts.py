"""Records that are dicts, with values of their own types."""

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any, Dict, Iterable, Sequence

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
            if not isinstance(record, Mapping) or record.keys() != names and self.fields(record)[1]
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
        if not isinstance(raw, Mapping):
            return {}, ["Record is not a mapping of fields"]
        named = zip(self._fields, self._names)
        return {f: raw[name] for f, name in named if name in raw}, self._field_errors(raw)

    def data(self, raw):
        if not isinstance(raw, Mapping):
            return {"text": raw.text if isinstance(raw, Malformed) else repr(raw)}
        return {name: value for name, value in raw.items() if name[:1] != "_"}

    def write_rejects(self, file, rejects, is_first):
        for line, raw, errors in rejects:
            data = raw if isinstance(raw, Mapping) else {"_text": self.data(raw)["text"]}
            record = {**data, "_line": line, "_errors": list(errors)}
            file.write(json.dumps(record, ensure_ascii=self.encoding != "utf-8") + "\n")


class MemorySource(DictSource):
    """Records that a program already has. For worker processes, they must be picklable."""

    def __init__(self, records: Iterable[Dict[str, Any]], name: str = "memory"):
        super().__init__()
        self.name = name
        self._all = records

    def open(self, fields):
        super().open(fields)
        self._left = iter(self._all)

    def read(self, size):
        raw = list(islice(self._left, size))
        return self._records_of(raw, [None] * len(raw)) if raw else None

    def give_up(self):
        pass  # A program has its records already.

    def close(self):
        self._left = iter(())
