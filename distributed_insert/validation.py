"""The rules that a record must meet, and the messages that say which one it broke.

A rule takes a column: the values of one field of many records, as their source gave them. It
returns the column to store, and by index the messages for the values that break it. A column
without faults is judged by a few calls that run in C; only what they find is looked at one by one.

The rules of a model are (field, rule) pairs in the order in which errors are reported. A field's
second rule is given what the first one returned. `rule(column)` says what `rule([value])` says of
each value.
"""

import re
import sys
from itertools import compress, count, repeat
from operator import gt, not_
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

# What a 32-bit integer column holds on every database that Django supports.
MAX_INTEGER = 2147483647
MIN_FLOAT, MAX_FLOAT = 5e-324, sys.float_info.max
MAX_NAME_LENGTH = 100
# RFC 5321, 4.5.3.1.3: a path of 256 octets, less its angle brackets.
MAX_EMAIL_LENGTH = 254

# Control characters and lone surrogates (Unicode categories Cc and Cs).
UNSTORABLE = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"
_unstorable = re.compile(f"[{UNSTORABLE}]").search
# Django's own validator refuses real international addresses.
EMAIL = rf"[^@\s{UNSTORABLE}]+@[^@\s{UNSTORABLE}]+"
_email = re.compile(EMAIL).fullmatch

Column = Sequence[Any]
Errors = Dict[int, List[str]]
Rule = Callable[[Column], Tuple[Column, Errors]]
Rules = Sequence[Tuple[str, Rule]]


class NumberParser(NamedTuple):
    """How a kind of source writes its numbers. Each function returns None for anything else."""

    integers: Callable[[Column], List[Optional[int]]]
    floats: Callable[[Column], List[Optional[float]]]


def missing_field(name: str) -> str:
    return f"Missing field: {name}"


def unknown_field(name: str) -> str:
    return f"Unknown field: {name}"


def _not_between(numbers, least, most):
    """Return the indexes of the numbers that are None, less than `least` or more than `most`."""
    try:
        if least <= min(numbers) and max(numbers) <= most:
            return ()
        if max(numbers) <= most:
            return compress(count(), map(gt, repeat(least), numbers))
    except TypeError:  # one of them is None
        pass
    return (i for i, n in enumerate(numbers) if n is None or not least <= n <= most)


def identifier(label: str, parser: NumberParser) -> Rule:
    error = f"{label} must be a positive integer"
    return _between(1, MAX_INTEGER, parser.integers, label, error, error)


def positive_integer(label: str, parser: NumberParser) -> Rule:
    errors = f"{label} must be an integer", f"{label} must be positive"
    return _between(1, MAX_INTEGER, parser.integers, label, *errors)


def positive_number(label: str, parser: NumberParser) -> Rule:
    errors = f"{label} must be a number", f"{label} must be positive"
    return _between(MIN_FLOAT, MAX_FLOAT, parser.floats, label, *errors)


def _between(least, most, parse, label, kind_error, low_error):
    kind, low, high = [kind_error], [low_error], [f"{label} must be at most {most}"]

    def error(number):
        if number is None:
            return kind
        return low if number < least else high

    def rule(values):
        numbers = parse(values)
        return numbers, {i: error(numbers[i]) for i in _not_between(numbers, least, most)}

    return rule


def not_blank(label: str) -> Rule:
    """Values are stripped of whitespace; what is then empty is blank, and so is None."""
    error = [f"{label} cannot be empty"]

    def rule(values):
        values = _stripped(values)
        if all(values):
            return values, {}
        falsy = compress(count(), map(not_, values))
        return values, {i: error for i in falsy if values[i] is None or values[i] == ""}

    return rule


def _stripped(values):
    try:
        return list(map(str.strip, values))
    except TypeError:  # one of them is not a text
        return [value.strip() if type(value) is str else value for value in values]


def short_text(label: str, max_length: int) -> Rule:
    """Says nothing about a blank value, which `not_blank` reports."""
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
        except TypeError:  # one of them is not a text
            pass
        return values, {i: found for i, found in enumerate(map(errors, values)) if found}

    return rule


def _are_emails(values):
    """Whether all values are certainly email addresses; False if unsure."""
    try:
        lines = "\n".join(["", *values, ""])
    except TypeError:  # one of them is not a text
        return False
    return (
        "\n@" not in lines
        and "@\n" not in lines
        and " " not in lines
        and max(map(len, values)) <= MAX_EMAIL_LENGTH
        and "".join(values).isprintable()
        and set(map(str.count, values, repeat("@"))) == {1}
    )


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


def user_rules(parser: NumberParser) -> Rules:
    return (
        ("id", identifier("ID", parser)),
        ("email", email_address("Email")),
        ("name", not_blank("Name")),
        ("name", short_text("Name", MAX_NAME_LENGTH)),
    )


def product_rules(parser: NumberParser) -> Rules:
    return (
        ("id", identifier("ID", parser)),
        ("name", short_text("Name", MAX_NAME_LENGTH)),
        ("price", positive_number("Price", parser)),
        ("name", not_blank("Name")),
    )


def order_rules(parser: NumberParser) -> Rules:
    return (
        ("id", identifier("ID", parser)),
        ("quantity", positive_integer("Quantity", parser)),
        ("user_id", identifier("User ID", parser)),
        ("product_id", identifier("Product ID", parser)),
    )


class Verdict(NamedTuple):
    """What the rules say of records."""

    columns: Dict[str, Column]
    """The values to store, by field. What breaks a rule is still there."""
    errors: Errors
    """The messages for each record that breaks a rule, in the order of the rules."""
    broken: Dict[str, Set[int]]
    """By field, the indexes of the records in which it breaks a rule."""


def validate(rules: Rules, columns: Dict[str, Column]) -> Verdict:
    """Judge the columns of records; a field without a column is not judged."""
    verdict = Verdict(dict(columns), {}, {name: set() for name in columns})
    if any(map(len, columns.values())):
        for name, rule in rules:
            if name in columns:
                verdict.columns[name], errors = rule(verdict.columns[name])
                verdict.broken[name].update(errors)
                for index, messages in errors.items():
                    verdict.errors.setdefault(index, []).extend(messages)
    return verdict
