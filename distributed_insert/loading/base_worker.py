"""What every worker does on its database, also that of a model which is only referred to."""

from functools import cached_property
from typing import Any, Callable, Iterable, List, Optional, Set

from django.db import Error, connections

from ..databases import failure, require_table
from ..datasets import Dataset
from ..exceptions import Interrupted, LoadError
from ..references import missing_ids
from ..two_phase import Gid, prepared
from ..waiting import Watch, watch

# The ids of parents that are remembered, in a byte each, are those below this.
REMEMBERED_IDS = 4_000_000


class Worker:
    """The jobs on one model's database, each a method. They are done one after the other."""

    reads_stream = False
    is_interrupted: Callable[[], bool] = staticmethod(lambda: False)
    _watch: Optional[Watch] = None

    def __init__(self, dataset: Dataset):
        self.model = dataset.model
        self.using = dataset.using
        self._dataset = dataset

    def do(self, job: str, *args: Any) -> Any:
        """Do a job. Raises LoadError where its database fails."""
        try:
            return getattr(self, job)(*args)
        except Error as error:
            if self._watch and self._watch.failure:
                # What comes after that is a consequence.
                kind = Interrupted if self._watch.was_interrupted else LoadError
                raise kind(failure(self._watch.failure, self.using)) from error
            raise LoadError(failure(error, self.using)) from error

    def open(self) -> Optional[str]:
        """Connect, and find the table. Raises LoadError."""
        self._watch = watch(self.using, self.is_interrupted)
        require_table(self.model, self.using)
        return None

    @cached_property
    def _found(self):
        return bytearray(REMEMBERED_IDS)

    def missing(self, ids: Iterable[int]) -> Set[int]:
        """Return those of `ids` not stored, as seen by the connection that inserts them.

        What was found is not asked for again.
        """
        found = self._found
        unknown = [key for key in ids if key >= REMEMBERED_IDS or not found[key]]
        missing = missing_ids(self.model, self.using, unknown) if unknown else set()
        for key in unknown:
            if key < REMEMBERED_IDS and key not in missing:
                found[key] = 1
        return missing

    def prepared(self) -> List[Gid]:
        """Return the transactions that loads have prepared in the database and not ended."""
        return prepared(self.using)

    def close(self) -> Optional[str]:
        """Close this thread's connection."""
        connections[self.using].close()
        return None
