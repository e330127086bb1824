"""The rules a record must meet, and the messages that say which one it broke.

A rule takes a column: the values of one field of many records, as their source gave them. It
returns the column to store, and by index the messages for those that break it. So a column without
fault is judged by a few calls that run in C; only one with faults is gone through value by value.

The rules of a model are (field, rule) pairs in the order in which errors are told; a field's second
rule is given what its first one returned.
"""

import re
import sys
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from .sources.numbers import Column, Numbers

# What a 32-bit integer column holds on every database Django supports.
MAX_INTEGER = 2147483647
MIN_REAL, MAX_REAL = 5e-324, sys.float_info.max
MAX_NAME_LENGTH = 100
# RFC 5321, 4.5.3.1.3: a path of 256 octets, less its angle brackets.
MAX_EMAIL_LENGTH = 254

# Control characters and lone surrogates (Unicode categories Cc and Cs).
UNSTORABLE = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"
_unstorable = re.compile(f"[{UNSTORABLE}]").search
# Django's own validator refuses real international addresses.
EMAIL = rf"[^@\s{UNSTORABLE}]+@[^@\s{UNSTORABLE}]+"
_email = re.compile(EMAIL).fullmatch
_emails = re.compile(rf"(?:{EMAIL}\n)*").fullmatch

Errors = Dict[int, List[str]]
Rule = Callable[[Column], Tuple[Column, Errors]]
Rules = Tuple[Tuple[str, Rule], ...]


def _are_between(numbers, least, most):
    try:
        return least <= min(numbers) and max(numbers) <= most
    except TypeError:  # one of them is None
        return False


def identifier(label: str, numbers: Numbers) -> Rule:
    errors = [f"{label} must be a positive integer"]

    def rule(values):
        ids = numbers.integers(values)
        if _are_between(ids, 1, MAX_INTEGER):
            return ids, {}
        wrong = (i for i, n in enumerate(ids) if n is None or not 0 < n <= MAX_INTEGER)
        return ids, dict.fromkeys(wrong, errors)

    return rule


def positive_integer(label: str, numbers: Numbers) -> Rule:
    return _positive(label, numbers.integers, 1, MAX_INTEGER, f"{label} must be an integer")


def positive_number(label: str, numbers: Numbers) -> Rule:
    return _positive(label, numbers.reals, MIN_REAL, MAX_REAL, f"{label} must be a number")


def _positive(label, parse, least, most, kind_error):
    def rule(values):
        numbers = parse(values)
        if _are_between(numbers, least, most):
            return numbers, {}
        errors = {}
        for index, number in enumerate(numbers):
            if number is None or number > most:
                errors[index] = [kind_error]
            elif number < least:
                errors[index] = [f"{label} must be positive"]
        return numbers, errors

    return rule


def not_blank(label: str) -> Rule:
    """Whitespace alone is blank; what is stored is stripped of it. None is blank too."""
    error = [f"{label} cannot be empty"]

    def rule(values):
        values = _stripped(values)
        if all(values):
            return values, {}
        blank = (i for i, value in enumerate(values) if value is None or value == "")
        return values, dict.fromkeys(blank, error)

    return rule


def _stripped(values):
    try:
        return list(map(str.strip, values))
    except TypeError:  # one of them is no text
        return [value.strip() if type(value) is str else value for value in values]


def short_text(label: str, max_length: int) -> Rule:
    """Says nothing of a blank value: that is `not_blank`'s complaint."""
    too_long = f"{label} cannot be longer than {max_length} characters"
    invalid = f"{label} contains invalid characters"

    def errors(value):
        if value is None:
            return []
        if type(value) is not str:
            return [invalid]
        checks = ((too_long, len(value) > max_length), (invalid, _unstorable(value)))
        return [message for message, is_broken in checks if is_broken]

    def rule(values):
        values = _stripped(values)
        try:
            if "".join(values).isprintable() and max(map(len, values)) <= max_length:
                return values, {}
        except TypeError:  # one of them is no text
            pass
        return values, {i: errors(value) for i, value in enumerate(values) if errors(value)}

    return rule


def _are_emails(values):
    try:
        lines = "\n".join(values) + "\n"
    except TypeError:  # one of them is no text
        return False
    is_short = max(map(len, values)) <= MAX_EMAIL_LENGTH
    return is_short and lines.count("\n") == len(values) and _emails(lines)


def email_address(label: str) -> Rule:
    blank = not_blank(label)
    error = [f"{label} is not valid"]

    def is_valid(value):
        return type(value) is str and len(value) <= MAX_EMAIL_LENGTH and _email(value)

    def rule(values):
        values, errors = blank(values)
        if not errors and _are_emails(values):
            return values, {}
        invalid = (i for i, value in enumerate(values) if i not in errors and not is_valid(value))
        return values, {**errors, **dict.fromkeys(invalid, error)}

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


def validate(rules: Rules, columns: Dict[str, Column]) -> Dict[int, Explanation]:
    """Put the values to be stored in the place of those in `columns`, and explain each fault.

    `columns` has the values of each field, one a record; the explanations are by record. What a
    rule finds wrong stands in the columns still.
    """
    messages, broken = {}, {}
    for name, rule in rules if any(map(len, columns.values())) else ():
        columns[name], errors = rule(columns[name])
        for index, found in errors.items():
            messages.setdefault(index, []).extend(found)
            broken.setdefault(index, set()).add(name)
    return {
        index: Explanation(
            values={n: column[index] for n, column in columns.items() if n not in broken[index]},
            rules=found,
        )
        for index, found in messages.items()
    }


def explain(rules: Rules, record: Mapping[str, Any], unknown: Sequence[str] = ()) -> Explanation:
    """Explain a record that has not just the fields of the model: every rule it breaks as well.

    `unknown` names what else the record has.
    """
    columns = {name: [value] for name, value in record.items()}
    faults = validate([(name, rule) for name, rule in rules if name in record], columns)
    fields = dict.fromkeys(name for name, _ in rules)
    explanation = faults.get(0) or Explanation({n: value for n, [value] in columns.items()})
    explanation.shape = [f"Missing field: {name}" for name in fields if name not in record]
    explanation.shape += [f"Unknown field: {name}" for name in unknown]
    return explanation
