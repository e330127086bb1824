"""What happened: frozen records without behaviour, and the one exception that ends a load."""

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple


class LoadError(Exception):
    """The load cannot go on. The message names the file or database, and the remedy."""


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
class Written:
    """What became of one batch."""

    read: int
    """Records in the batch, all of them inserted or rejected."""
    inserted: int
    rejects: List[Reject]
    """In the order of the source."""


@dataclass(frozen=True)
class ModelResult:
    """What became of one model's records. Only batches that were seen through are counted."""

    model: str
    """The model's class name."""
    source: str
    """The file's path, or "sample"."""
    database: str
    """The alias of the model's database."""
    read: int
    inserted: int
    rejected: int
    rejects: Tuple[Reject, ...]
    """The first of the rejected records, in the order of the source; `rejected` counts them all."""
    seconds: float
    """From the start of the load to the model's last batch."""


@dataclass(frozen=True)
class Outcome:
    """How the whole load ended."""

    models: Tuple[ModelResult, ...]
    seconds: float
    error: Optional[LoadError] = None
    """Why the load stopped short; None when it came to its end."""
