"""JSON Lines: an object per line."""

import json
from itertools import chain

from .dicts import DictSource
from .files import (
    BYTES_PER_VALUE,
    MAX_RECORD_LENGTH,
    MAX_VALUES,
    TOO_LONG,
    TOO_MANY_VALUES,
    FileSource,
    split_lines,
)

# What Python needs for a list or a dict, about.
BYTES_PER_CONTAINER = 200
# Values in a JSON record are flat; what is nested deeper than this could not be written again.
MAX_DEPTH = 100
# Python before 3.11 reads a longer integer in a time that grows with the square of its length.
MAX_DIGITS = 4300


class JsonLinesSource(FileSource, DictSource):
    grammar = "JSON"

    def _new_batch(self):
        return _Batch()

    def _records(self, batch):
        return self._records_of(batch.raw, batch.lines)

    def _bytes_of_values(self, text):
        containers = text.count("[") + text.count("{")
        return BYTES_PER_VALUE * text.count(",") + BYTES_PER_CONTAINER * containers

    def _parse(self, text, batch, most):
        lines = split_lines(text)
        for number, line in enumerate(lines, self._line):
            if not line.isspace():
                raw, reason = _decoded(line)
                batch.append(number, self._malformed(line, reason) if reason else raw)
        return len(lines), len(text)


class _Batch:
    def __init__(self):
        self.raw = []
        self.lines = []

    def append(self, line, raw):
        self.raw.append(raw)
        self.lines.append(line)

    def __len__(self):
        return len(self.raw)


def _decoded(line):
    """Return the object that a line holds, and an error message, or ""."""
    if len(line) > MAX_RECORD_LENGTH and len(line.rstrip("\r\n")) > MAX_RECORD_LENGTH:
        return None, TOO_LONG
    try:
        raw = (_decode if len(line) < MAX_DIGITS else _decode_long)(line)
    except json.JSONDecodeError as error:
        return None, f"{error.msg} at character {error.pos + 1}"
    except RecursionError:
        return None, "nested too deeply"
    except ValueError as error:
        return None, str(error)
    return raw, _fault(line, raw)


def _fault(line, raw):
    if type(raw) is not dict:
        return "not an object"
    if line.count("[") + line.count("{") <= MAX_DEPTH:
        return ""
    level, depth = [raw], 0
    while level and depth < MAX_DEPTH:
        children = [c.values() if type(c) is dict else c for c in level if type(c) in (dict, list)]
        level, depth = list(chain.from_iterable(children)), depth + 1
    return "nested too deeply" if level else ""


def _object(pairs):
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


def _integer(digits):
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"number of more than {MAX_DIGITS:,} digits")
    return int(digits)


_decode = json.JSONDecoder(object_pairs_hook=_object).decode
_decode_long = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer).decode
