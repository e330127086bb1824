"""Loading: `load(sources, Options(...))` returns an Outcome."""

from .coordinator import load, rejection
from .options import ON_CONFLICT, UPDATE, Options
from .results import Counts, ModelResult, Outcome, Reject

__all__ = [
    "ON_CONFLICT",
    "UPDATE",
    "Counts",
    "ModelResult",
    "Options",
    "Outcome",
    "Reject",
    "load",
    "rejection",
]
