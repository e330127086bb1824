"""What happened: frozen records without behaviour, and the one exception that ends a load."""

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from ..exceptions import LoadError

# Of each model, as many rejects are kept in memory as a person would read; all are counted.
KEPT_REJECTS = 20


def rejection(rejected: int) -> str:
    return f"{rejected:,} {'record was' if rejected == 1 else 'records were'} rejected."


@dataclass(frozen=True)
class Reject:
    """One record that was not stored."""

    number: int
    """Its place among the records of its source, from 1."""
    line: Optional[int]
    """The line of the file it begins on, from 1; None where the source has no lines."""
    data: Dict[str, Any]
    """The record as its source gave it."""
    errors: List[str]
    """Every reason, in the order of the rules."""


@dataclass(frozen=True)
class Counts:
    """Records: read = inserted + updated + ignored + rejected."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    """Stored over one with the same id."""
    ignored: int = 0
    """Left out for one with the same id."""
    rejected: int = 0


@dataclass(frozen=True)
class Written:
    """What became of one batch."""

    counts: Counts
    rejects: List[Reject]
    """The first of the rejected records, as many as were asked for, in the order of the source."""
    position: int
    """How many bytes of the source had been read by then."""


@dataclass(frozen=True)
class ModelResult:
    """What became of one model's records. Only batches that were seen through are counted."""

    model: str
    """The model's class name."""
    source: str
    """The file's path, "standard input" or "sample"."""
    database: str
    """The alias of the model's database."""
    counts: Counts
    is_stored: bool
    """Whether what is counted was committed; if not, it was rolled back."""
    rejects: Tuple[Reject, ...]
    """The first of the rejected records, in the order of the source; `counts` counts them all."""
    rejects_file: Optional[str]
    """Where all of them are, in their source's format; None if none were, or nobody asked."""
    seconds: float
    """From the start of the load to the model's last batch."""


@dataclass(frozen=True)
class Outcome:
    """How the whole load ended."""

    models: Tuple[ModelResult, ...]
    workers: str
    """What did the work: "thread" or "process", one a model."""
    seconds: float
    error: Optional[LoadError] = None
    """Why the load stopped short, or stored nothing; None when it came to its end."""
    signal: Optional[int] = None
    """The number of the signal that stopped it, if one did."""
