"""JSON objects as records, wherever in a file they stand."""

from itertools import chain
from typing import Any, List, Optional

from ..exceptions import LoadError
from .base import Malformed
from .dicts import DictSource
from .files import BYTES_PER_VALUE, MAX_VALUES, TOO_MANY_VALUES, FileSource
from .numbers import TEXT

# What Python needs for a list or a dict, about.
BYTES_PER_CONTAINER = 200
# Values in a JSON record are flat; what is nested deeper than this could not be written again.
MAX_DEPTH = 100
TOO_DEEP = "nested too deeply"
# Python before 3.11 reads a longer integer in a time that grows with the square of its length.
MAX_DIGITS = 4300


class JsonSource(FileSource, DictSource):
    """Objects with the model's fields, or as Django's dumpdata writes them to its fixtures."""

    grammar = "JSON"
    _label = ""
    """The app and model of the objects of a fixture that are loaded, once there was one."""

    def _new_batch(self):
        return _Batch()

    def _records(self, batch):
        return self._records_of(batch.raw, batch.lines)

    def _bytes_of_values(self, text):
        containers = text.count("[") + text.count("{")
        return BYTES_PER_VALUE * text.count(",") + BYTES_PER_CONTAINER * containers

    def _add(self, batch, line, text, raw, reason):
        """Add a value to a batch, or, for a reason, its text as malformed.

        What a fixture says of another model is ignored if unknown keys are. Raises LoadError if two
        apps of a fixture have a model of this name.
        """
        if reason:
            raw = self._malformed(text, reason)
        elif "fields" in raw and _is_fixture(raw):
            label = raw["model"].lower()
            if label.rpartition(".")[2] == self._dataset.name.lower():
                self._label = self._label or label
                if label != self._label:
                    raise LoadError(
                        f"{self.name}: it has objects of {self._label!r} and of {label!r}. Dump "
                        "them to files of their own."
                    )
                raw = self._from_fixture(text, raw)
            elif self._ignore_unknown:
                return
            else:
                raw = Malformed(text.rstrip("\r\n"), f"Object of another model: {raw['model']}")
        batch.append(line, raw)

    def _from_fixture(self, text, raw):
        key = self._names[self._fields.index(self._dataset.key)]
        record = dict(raw["fields"])
        for field in self._dataset.floats:
            name = self._renamed.get(field, field)
            if type(record.get(name)) is str:  # It was a DecimalField.
                [number] = TEXT.floats([record[name]])
                record[name] = record[name] if number is None else number
        if "pk" not in raw:
            return record
        if key in record:
            return self._malformed(text, f"both 'pk' and {key!r}")
        return {key: raw["pk"], **record}


class _Batch:
    def __init__(self):
        self.raw: List[Any] = []
        self.lines: List[Optional[int]] = []

    def append(self, line, raw):
        self.raw.append(raw)
        self.lines.append(line)

    def __len__(self):
        return len(self.raw)


def _is_fixture(raw):
    return (
        {"model", "fields"} <= raw.keys() <= {"model", "pk", "fields"}
        and type(raw["model"]) is str
        and type(raw["fields"]) is dict
    )


def fault(text: str, value: Any) -> str:
    """Return why the value that a text holds is not a record, or ""."""
    if type(value) is not dict:
        return "not an object"
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return ""
    level, depth = [value], 0
    while level and depth < MAX_DEPTH:
        children = [c.values() if type(c) is dict else c for c in level if type(c) in (dict, list)]
        level, depth = list(chain.from_iterable(children)), depth + 1
    return TOO_DEEP if level else ""


def to_object(pairs):
    """Make the pairs of a JSON object a dict. Raises ValueError if a key is given twice."""
    if len(pairs) > MAX_VALUES:
        raise ValueError(TOO_MANY_VALUES)
    result = dict(pairs)
    if len(result) != len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"duplicate key {key!r}")
            seen.add(key)
    return result


def to_integer(digits):
    """Make an integer of digits. Raises ValueError if there are too many."""
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"number of more than {MAX_DIGITS:,} digits")
    return int(digits)
