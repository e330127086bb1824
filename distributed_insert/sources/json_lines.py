"""JSON Lines: an object per line."""

import json

from ..exceptions import LoadError
from .files import MAX_RECORD_LENGTH, TOO_LONG, LinesSource, split_lines
from .json_values import MAX_DIGITS, TOO_DEEP, JsonSource, fault, to_integer, to_object


class JsonLinesSource(JsonSource, LinesSource):
    def check(self):
        if super().check():
            return True
        with self._file.errors():
            if self._lines.peek(1) is None:
                raise LoadError(f"{self.name}: empty, without even a record.")
        return False

    def _parse(self, text, batch, most):
        lines = split_lines(text)
        for number, line in enumerate(lines, self._line):
            if not line.isspace():
                self._add(batch, number, line, *_decoded(line))
        return len(lines), len(text)


def _decoded(line):
    """Return the object that a line holds, and an error message, or ""."""
    if len(line) > MAX_RECORD_LENGTH and len(line.rstrip("\r\n")) > MAX_RECORD_LENGTH:
        return None, TOO_LONG
    try:
        raw = (_decode if len(line) < MAX_DIGITS else _decode_long)(line)
    except json.JSONDecodeError as error:
        return None, f"{error.msg} at character {error.pos + 1}"
    except RecursionError:
        return None, TOO_DEEP
    except ValueError as error:
        return None, str(error)
    return raw, fault(line, raw)


_decode = json.JSONDecoder(object_pairs_hook=to_object).decode
_decode_long = json.JSONDecoder(object_pairs_hook=to_object, parse_int=to_integer).decode
