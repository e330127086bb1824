"""How to load: what the command's options say of the load as a whole."""

from dataclasses import dataclass
from typing import Optional

ON_CONFLICT = ("error", "ignore", "update")


@dataclass(frozen=True)
class Options:
    workers: Optional[str] = None
    """Whether each worker has a "thread" or a "process"; None: what is faster for the sources."""
    batch_size: int = 10_000
    """Records in one transaction."""
    on_conflict: str = "error"
    """What becomes of a record whose id is there already: it is an error, ignored, or an update."""
    rejects: Optional[str] = None
    """The folder for files of rejected records."""
    max_errors: Optional[int] = None
    """How many records may be rejected before the load gives up; None: all of them."""
    all_or_nothing: bool = False
    """Whether to commit only if no record was rejected, all databases at the end."""
    dry_run: bool = False
    """Whether to roll everything back at the end."""

    @property
    def is_held(self) -> bool:
        """Whether transactions stay open until all models have been loaded."""
        return self.all_or_nothing or self.dry_run
