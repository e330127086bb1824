"""How to load: what the command's options say about the load as a whole."""

from dataclasses import dataclass
from typing import Optional

from ..executors import DASK, WORKERS

ON_CONFLICT = ERROR, IGNORE, UPDATE = ("error", "ignore", "update")


@dataclass(frozen=True)
class Options:
    """How to load. Raises ValueError for what no load can do."""

    workers: Optional[str] = None
    """What each worker has: a "thread", a "process", or an actor of "dask".

    None: a thread or a process, what is faster for the sources.
    """
    scheduler: Optional[str] = None
    """The address of the Dask scheduler, if its actors are the workers."""
    wait: int = 30
    """How many seconds to wait for what is missing in the Dask cluster."""
    batch_size: int = 10_000
    """Records in one transaction."""
    on_conflict: str = ERROR
    """What becomes of a record whose id already exists: it is an error, ignored, or an update."""
    rejects: Optional[str] = None
    """The folder for files of rejected records, or its URL."""
    max_errors: Optional[int] = None
    """How many records may be rejected before the load gives up; None: all of them."""
    all_or_nothing: bool = False
    """Whether to commit only if no record was rejected, all databases at the end."""
    dry_run: bool = False
    """Whether to roll everything back at the end."""

    def __post_init__(self):
        for name, is_right in (
            ("workers", self.workers in (None, *WORKERS)),
            ("scheduler", bool(self.scheduler) == (self.workers == DASK)),
            ("wait", self.wait >= 0),
            ("batch_size", self.batch_size >= 1),
            ("on_conflict", self.on_conflict in ON_CONFLICT),
            ("max_errors", self.max_errors is None or self.max_errors >= 0),
        ):
            if not is_right:
                raise ValueError(f"{name} cannot be {getattr(self, name)!r}")

    @property
    def one_transaction(self) -> bool:
        """Whether each database has one transaction for the whole load."""
        return self.all_or_nothing or self.dry_run
