"""JSON Lines: an object a line."""

import json
import math
from itertools import chain
from typing import Any, Iterator, Tuple

from .base import DictSource, FileSource, Malformed
from .text_file import TOO_LONG, is_cut

# Values in a JSON record are flat; what nests deeper than this could not be shown or written again.
MAX_DEPTH = 100


class JsonLinesSource(FileSource, DictSource):
    def _read_records(self) -> Iterator[Tuple[int, Any, int]]:
        decode = json.JSONDecoder(
            object_pairs_hook=_without_duplicates, parse_float=_number, parse_constant=str
        ).decode
        for number, line in enumerate(iter(self._file.readline, ""), 1):
            if is_cut(line):
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
