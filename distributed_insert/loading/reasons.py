"""Why records are rejected, without what differs from record to record: this can be counted."""

from collections import Counter
from typing import Dict, Iterable, Mapping, Set

ID_EXISTS = "ID already exists"
REFUSED = "Refused by the database"
OTHER = "Other reasons"

# A file can have any number of unknown fields, whose names are of any length.
MAX_REASONS = 100
MAX_CHARACTERS = 100


def most_frequent_first(counts: Mapping[str, int]) -> Dict[str, int]:
    """Return counts in the order in which they are reported: equal ones by what they count."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


class ReasonCounter:
    """Counts the reasons of one load: the first hundred by themselves, all others together.

    Which are the first depends only on the order of the records, and not on their batches.
    """

    def __init__(self):
        self._first: Set[str] = set()

    def count(self, reasons: Iterable[str]) -> Dict[str, int]:
        """Return how often each is among the reasons of a batch, given in the source's order."""
        counts: Dict[str, int] = {}
        for reason, number in Counter(reasons).items():
            name = self._name(reason)
            counts[name] = counts.get(name, 0) + number
        return counts

    def _name(self, reason):
        # What a source says is wrong with the form of a record.
        if reason.startswith("Malformed "):
            reason = reason.partition(":")[0]
        elif reason[:1].isdigit() and reason.endswith(" more than the header has columns"):
            reason = "More values than the header has columns"
        elif len(reason) > MAX_CHARACTERS:
            reason = f"{reason[:MAX_CHARACTERS]}..."
        if reason not in self._first:
            if len(self._first) == MAX_REASONS:
                return OTHER
            self._first.add(reason)
        return reason
