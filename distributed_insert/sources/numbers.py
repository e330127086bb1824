"""How numbers are written in the kinds of sources, a column of them at a time."""

import math
import re

from ..validation import NumberParser

_decimals = re.compile(r"[0-9.-]*").fullmatch


def _text_integers(values):
    digits = "".join(values)
    if digits.isascii() and digits.isdigit() and all(values) and max(map(len, values)) <= 20:
        return list(map(int, values))
    return list(map(_text_integer, values))


def _text_integer(value):
    sign = value[:1] if value[:1] == "-" else ""
    digits = value[len(sign) :]
    if not (digits.isascii() and digits.isdigit()):
        return None
    # Twenty digits are beyond every column; int() is slow, or refuses, on very many more.
    return int(sign + (digits.lstrip("0")[:20] or "0"))


def _text_floats(values):
    if _decimals("".join(values)):
        try:
            floats = list(map(float, values))
        except ValueError:  # one is "" or "1.2.3"
            floats = [math.inf]
        # The sum is finite only if all of them are.
        if math.isfinite(sum(floats)):
            return floats
    return list(map(_text_float, values))


def _text_float(value):
    # float() also takes "inf", "1_000", " 5 " and other scripts' digits.
    if value.strip("0123456789.eE-+") or value[:1] == "+":
        return None
    try:
        return _finite(float(value))
    except ValueError:
        return None


def _typed_integers(values):
    return [value if type(value) is int else None for value in values]


def _typed_floats(values):
    return list(map(_typed_float, values))


def _typed_float(value):
    try:
        return _finite(float(value)) if type(value) in (int, float) else None
    except OverflowError:
        return None


def _finite(number):
    return number if math.isfinite(number) else None


# CSV holds text, parsed strictly; JSON and Python hold values that must have the right type.
TEXT = NumberParser(_text_integers, _text_floats)
TYPED = NumberParser(_typed_integers, _typed_floats)
