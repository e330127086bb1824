"""What happened, in frozen records."""

import ast
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..exceptions import LoadError

# Of each model, as many rejects are kept in memory as a person would read, unless all are asked
# for; all are counted.
KEPT_REJECTS = 20


# What is longer is cut in a Reject; a file of rejects has all of it.
MAX_CHARACTERS = 1000
MAX_ITEMS = 20


@dataclass(frozen=True)
class Reject:
    """One record that was not stored, bounded in size: it is for people to read."""

    number: int
    """Its place among the records of its source, from 1."""
    line: Optional[int]
    """The line of the file it begins on, from 1; None where the source has no lines."""
    data: Dict[str, Any]
    """The record as its source gave it, each value as a Python literal can show it."""
    errors: List[str]
    """Every reason, in the order of the rules."""


def make_reject(
    number: int, line: Optional[int], data: Dict[str, Any], errors: List[str]
) -> Reject:
    """Return a Reject of a record of any size."""
    shown = {_cut(name): _shown(value) for name, value in islice(data.items(), MAX_ITEMS)}
    if len(data) > MAX_ITEMS:
        shown["..."] = f"{len(data) - MAX_ITEMS:,} more"
    messages = [_cut(error) for error in errors[:MAX_ITEMS]]
    if len(errors) > MAX_ITEMS:
        messages.append(f"... and {len(errors) - MAX_ITEMS:,} more")
    return Reject(number, line, shown, messages)


def _shown(value):
    """Return a value whose `repr` is short, and is a Python literal."""
    if isinstance(value, str):
        return _cut(value)
    text = repr(value)
    try:
        return ast.literal_eval(text) if len(text) <= MAX_CHARACTERS else _cut(text)
    except (ValueError, SyntaxError):  # inf, a date
        return text


def _cut(text):
    if len(text) > MAX_CHARACTERS:
        return f"{text[:MAX_CHARACTERS]}... ({len(text):,} characters)"
    return text


@dataclass(frozen=True)
class Counts:
    """Records: read = inserted + updated + unchanged + ignored + rejected."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    """Stored over one with the same id."""
    unchanged: int = 0
    """Not stored over one with the same id, which has the same values."""
    ignored: int = 0
    """Left out because one with the same id exists."""
    differing: int = 0
    """Of the ignored ones, those with other values than the one that exists."""
    rejected: int = 0


@dataclass(frozen=True)
class BatchResult:
    """What became of one batch."""

    counts: Counts
    rejects: List[Reject]
    """The first of the rejected records, as many as were asked for, in the order of the source."""
    reasons: Mapping[str, int]
    """How many errors of the rejected records had each reason."""
    share_read: float
    """How much of the source had been read by then, from 0.0 to 1.0; 0.0 if not known."""


@dataclass(frozen=True)
class ModelResult:
    """What became of one model's records. Only completed batches are counted."""

    model: str
    """The model's class name."""
    source: str
    """The file's path, "standard input" or "sample"."""
    database: str
    """The alias of the model's database."""
    counts: Counts
    is_stored: bool
    """Whether what is counted was committed; if not, it was rolled back."""
    is_unconfirmed: bool
    """Whether more may be stored: a commit was asked for, and nobody knows what became of it."""
    rejects: Tuple[Reject, ...]
    """The first of the rejected records, in the order of the source; `counts` counts them all."""
    rejects_file: Optional[str]
    """Where all of them are, in their source's format, and the differing ones; None if none are."""
    seconds: float
    """From the start of the load to the model's last batch."""
    is_stream: bool = False
    """Whether they came through standard input or a pipe, which is always read by a thread."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """How often each reason to reject a record occurred, the most frequent one first.

    A record with several errors counts for each.
    """


@dataclass(frozen=True)
class Outcome:
    """How the whole load ended."""

    models: Tuple[ModelResult, ...]
    workers: str
    """What did the work, one per model: "thread", "process" or "dask"."""
    seconds: float
    error: Optional[LoadError] = None
    """Why the load stopped before its end, or stored nothing; None when it came to its end."""
    signal: Optional[int] = None
    """The number of the signal that stopped it, if one did."""
    is_atomic: bool = True
    """False if its databases were to be committed together, and can only be one after the other."""
    recovered: Tuple[str, ...] = ()
    """What was done first about what earlier loads had prepared."""
