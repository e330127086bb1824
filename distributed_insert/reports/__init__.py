"""What is said about a load: to people, to programs, and while it runs."""

from .summary import document, failed, interrupted, running
from .text import FAILED, REJECTED, conclusion, counts_table, exit_status, reject_line, report

__all__ = [
    "FAILED",
    "REJECTED",
    "bars",
    "conclusion",
    "counts_table",
    "document",
    "exit_status",
    "failed",
    "interrupted",
    "reject_line",
    "report",
    "running",
]


def bars(datasets, terminal):
    """Return the progress bars of a load, to be entered: see `progress.bars`. Raises ImportError.

    rich is imported here: it takes long, and the rest works without it.
    """
    from . import progress

    return progress.bars(datasets, terminal)
