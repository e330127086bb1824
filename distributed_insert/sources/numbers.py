"""How numbers are written in the kinds of sources, a column of them at a time."""

import math
import re
from typing import Any, Callable, List, NamedTuple, Optional, Sequence

_decimals = re.compile(r"[0-9.-]*").fullmatch

Column = Sequence[Any]


class Numbers(NamedTuple):
    """How a kind of source writes its numbers: each function gives None for what is not one."""

    integers: Callable[[Column], List[Optional[int]]]
    reals: Callable[[Column], List[Optional[float]]]


def _text_integers(values):
    digits = "".join(values)
    if digits.isascii() and digits.isdigit() and all(values) and max(map(len, values)) <= 20:
        return list(map(int, values))
    return list(map(_text_integer, values))


def _text_integer(value):
    digits = value[1:] if value[:1] == "-" else value
    # Twenty digits are beyond every column; int() is slow, or refuses, on very many more.
    return int(value) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else None


def _text_reals(values):
    if _decimals("".join(values)):
        try:
            reals = list(map(float, values))
        except ValueError:  # one is "" or "1.2.3"
            reals = [math.inf]
        if all(map(math.isfinite, reals)):
            return reals
    return list(map(_text_real, values))


def _text_real(value):
    # float() also takes "inf", "1_000", " 5 " and other scripts' digits.
    if value.strip("0123456789.eE-+") or value[:1] == "+":
        return None
    try:
        return _finite(float(value))
    except ValueError:
        return None


def _typed_integers(values):
    return [value if type(value) is int else None for value in values]


def _typed_reals(values):
    return list(map(_typed_real, values))


def _typed_real(value):
    try:
        return _finite(float(value)) if type(value) in (int, float) else None
    except OverflowError:
        return None


def _finite(number):
    return number if math.isfinite(number) else None


# CSV holds text, parsed strictly; JSON and Python hold values that must have the right type.
TEXT = Numbers(_text_integers, _text_reals)
TYPED = Numbers(_typed_integers, _typed_reals)
