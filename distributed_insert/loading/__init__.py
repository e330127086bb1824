"""Loading: `load(sources, Options(...))` returns an Outcome."""

from .coordinator import rejection
from .options import ON_CONFLICT, UPDATE, Options
from .reasons import most_frequent_first
from .results import KEPT_REJECTS, Counts, ModelResult, Outcome, Reject
from .start import load

__all__ = [
    "KEPT_REJECTS",
    "ON_CONFLICT",
    "UPDATE",
    "Counts",
    "ModelResult",
    "Options",
    "Outcome",
    "Reject",
    "load",
    "most_frequent_first",
    "rejection",
]
