"""Commits that are atomic over several databases.

One database decides: its transaction also inserts a row that names the load, so that its commit is
the decision. The transactions of the others, all on PostgreSQL, are prepared before it, and
committed after it. What is prepared survives a crash of its server, and anybody who finds it later
asks the deciding database what became of the load. See
https://www.postgresql.org/docs/current/sql-prepare-transaction.html.
"""

from .decisions import Verdict
from .gid import Gid
from .recovery import Ended, decision, on_own_connections, prepared, recover
from .transactions import (
    DecidingTransaction,
    PreparedTransaction,
    Transaction,
    can_prepare,
    deciding,
)

__all__ = [
    "DecidingTransaction",
    "Ended",
    "Gid",
    "PreparedTransaction",
    "Transaction",
    "Verdict",
    "can_prepare",
    "deciding",
    "decision",
    "on_own_connections",
    "prepared",
    "recover",
]
