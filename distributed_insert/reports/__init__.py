"""What is said about a load: to people, to programs, and while it runs."""

from .summary import document, running
from .text import FAILED, REJECTED, conclusion, exit_status, reject_line, report, summary

__all__ = [
    "FAILED",
    "REJECTED",
    "conclusion",
    "document",
    "exit_status",
    "reject_line",
    "report",
    "running",
    "summary",
]
