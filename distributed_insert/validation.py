"""The rules a record must meet, and the messages that say which one it broke.

A rule takes a field's value as its source gave it, and returns the value to store or raises
`ValueError` with a message for each complaint. The rules of a model are (field, rule) pairs in the
order in which errors are told; a field's second rule is given what its first one returned.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

# What a 32-bit integer column holds on every database Django supports.
MAX_INTEGER = 2147483647
MAX_NAME_LENGTH = 100
# RFC 5321, 4.5.3.1.3: a path of 256 octets, less its angle brackets.
MAX_EMAIL_LENGTH = 254

# Control characters and lone surrogates (Unicode categories Cc and Cs).
UNSTORABLE = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"
_unstorable = re.compile(f"[{UNSTORABLE}]").search
# Django's own validator refuses real international addresses.
_email = re.compile(rf"[^@\s{UNSTORABLE}]+@[^@\s{UNSTORABLE}]+").fullmatch

Rule = Callable[[Any], Any]
Rules = Tuple[Tuple[str, Rule], ...]


class Numbers(NamedTuple):
    """How a kind of source writes its numbers: each function returns None for what is not one."""

    integer: Callable[[Any], Optional[int]]
    real: Callable[[Any], Optional[float]]


def _text_integer(value):
    digits = value[1:] if value[:1] == "-" else value
    # Twenty digits are beyond every column; int() is slow, or refuses, on very many more.
    return int(value) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else None


def _text_real(value):
    # float() also takes "inf", "1_000", " 5 " and other scripts' digits.
    if value.strip("0123456789.eE-+") or value[:1] == "+":
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _typed_integer(value):
    return value if type(value) is int else None


def _typed_real(value):
    if type(value) is float:
        return value
    try:
        return float(value) if type(value) is int else None
    except OverflowError:
        return None


# CSV holds text, parsed strictly; JSON and Python hold values that must have the right type.
TEXT = Numbers(_text_integer, _text_real)
TYPED = Numbers(_typed_integer, _typed_real)


def identifier(label: str, numbers: Numbers) -> Rule:
    integer = numbers.integer
    message = f"{label} must be a positive integer"

    def rule(value):
        number = integer(value)
        if number is None or not 0 < number <= MAX_INTEGER:
            raise ValueError(message)
        return number

    return rule


def positive_integer(label: str, numbers: Numbers) -> Rule:
    integer = numbers.integer

    def rule(value):
        number = integer(value)
        if number is None or number > MAX_INTEGER:
            raise ValueError(f"{label} must be an integer")
        if number <= 0:
            raise ValueError(f"{label} must be positive")
        return number

    return rule


def positive_number(label: str, numbers: Numbers) -> Rule:
    real = numbers.real

    def rule(value):
        number = real(value)
        if number is None or not math.isfinite(number):
            raise ValueError(f"{label} must be a number")
        if number <= 0:
            raise ValueError(f"{label} must be positive")
        return number

    return rule


def not_blank(label: str) -> Rule:
    """Whitespace alone is blank; what is stored is stripped of it. None is blank too."""

    def rule(value):
        if type(value) is str:
            value = value.strip()
        if value is None or value == "":
            raise ValueError(f"{label} cannot be empty")
        return value

    return rule


def short_text(label: str, max_length: int) -> Rule:
    """Says nothing of a blank value: that is `not_blank`'s complaint."""

    def rule(value):
        if value is None:
            return value
        if type(value) is not str:
            raise ValueError(f"{label} contains invalid characters")
        value = value.strip()
        if len(value) <= max_length and (value.isprintable() or not _unstorable(value)):
            return value
        errors = []
        if len(value) > max_length:
            errors.append(f"{label} cannot be longer than {max_length} characters")
        if _unstorable(value):
            errors.append(f"{label} contains invalid characters")
        raise ValueError(*errors)

    return rule


def email_address(label: str) -> Rule:
    blank = not_blank(label)

    def rule(value):
        value = blank(value)
        if type(value) is not str or len(value) > MAX_EMAIL_LENGTH or not _email(value):
            raise ValueError(f"{label} is not valid")
        return value

    return rule


def user(numbers: Numbers) -> Rules:
    return (
        ("id", identifier("ID", numbers)),
        ("email", email_address("Email")),
        ("name", not_blank("Name")),
        ("name", short_text("Name", MAX_NAME_LENGTH)),
    )


def product(numbers: Numbers) -> Rules:
    return (
        ("id", identifier("ID", numbers)),
        ("name", short_text("Name", MAX_NAME_LENGTH)),
        ("price", positive_number("Price", numbers)),
        ("name", not_blank("Name")),
    )


def order(numbers: Numbers) -> Rules:
    return (
        ("id", identifier("ID", numbers)),
        ("quantity", positive_integer("Quantity", numbers)),
        ("user_id", identifier("User ID", numbers)),
        ("product_id", identifier("Product ID", numbers)),
    )


@dataclass
class Explanation:
    """Why a record is not stored: its errors by kind, the kinds in the order they are told."""

    values: Dict[str, Any]
    """The fields that met their rules, as they would be stored."""
    conflicts: List[str] = field(default_factory=list)
    rules: List[str] = field(default_factory=list)
    references: List[str] = field(default_factory=list)
    shape: List[str] = field(default_factory=list)

    @property
    def errors(self) -> List[str]:
        return [*self.conflicts, *self.rules, *self.references, *self.shape]


def explain(rules: Rules, record: Dict[str, Any], unknown: Sequence[str] = ()) -> Explanation:
    """Go through a record field by field, and return every rule it breaks, not only the first.

    `unknown` names what else the record has.
    """
    values, broken, errors = dict(record), set(), []
    for name, rule in rules:
        if name in values:
            try:
                values[name] = rule(values[name])
            except ValueError as error:
                errors.extend(error.args)
                broken.add(name)
    fields = dict.fromkeys(name for name, _ in rules)
    return Explanation(
        values={name: values[name] for name in fields if name in values and name not in broken},
        rules=errors,
        shape=[f"Missing field: {name}" for name in fields if name not in record]
        + [f"Unknown field: {name}" for name in unknown],
    )
