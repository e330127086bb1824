"""How to load: what the command's options say about the load as a whole."""

from dataclasses import dataclass
from typing import Optional

ON_CONFLICT = ERROR, IGNORE, UPDATE = ("error", "ignore", "update")


@dataclass(frozen=True)
class Options:
    workers: Optional[str] = None
    """Whether each worker has a "thread" or a "process"; None: what is faster for the sources."""
    batch_size: int = 10_000
    """Records in one transaction."""
    on_conflict: str = ERROR
    """What becomes of a record whose id already exists: it is an error, ignored, or an update."""
    rejects: Optional[str] = None
    """The folder for files of rejected records."""
    max_errors: Optional[int] = None
    """How many records may be rejected before the load gives up; None: all of them."""
    all_or_nothing: bool = False
    """Whether to commit only if no record was rejected, all databases at the end."""
    dry_run: bool = False
    """Whether to roll everything back at the end."""

    @property
    def one_transaction(self) -> bool:
        """Whether each database has one transaction for the whole load."""
        return self.all_or_nothing or self.dry_run
