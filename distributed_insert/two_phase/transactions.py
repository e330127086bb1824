"""The one transaction that a database has for a whole load, and how it is ended."""

from contextlib import suppress
from typing import Iterable, Optional

from django.db import Error, connections, transaction

from ..databases import failure, sqlstate
from ..exceptions import LoadError, UnconfirmedCommit
from . import decisions
from .gid import Gid


def can_prepare(using: str) -> bool:
    """Return whether transactions of the database can be prepared, unless its server forbids it."""
    return connections[using].vendor == "postgresql"


def deciding(aliases: Iterable[str]) -> Optional[str]:
    """Return the alias of the database that decides about a load of all these databases.

    It is the only one that cannot prepare a transaction, or else the first one. None if there is
    nothing to decide, or if two cannot prepare: these are committed one after the other.
    """
    aliases = list(aliases)
    vendors = [connections[alias].vendor for alias in aliases]
    others = [alias for alias in aliases if not can_prepare(alias)]
    if len(aliases) < 2 or len(others) > 1 or not {"sqlite", "postgresql"}.issuperset(vendors):
        return None
    return (others or aliases)[0]


class Transaction:
    """A transaction of the database `using`, in `atomic`. It can be pickled until it begins."""

    def __init__(self, using: str):
        self.using = using

    def begin(self) -> str:
        """Begin; return what the others have to know about the decision. Raises LoadError.

        It waits until no other load has such a transaction in this database.
        """
        self._atomic = transaction.atomic(using=self.using)
        self._atomic.__enter__()
        # Without it, two loads could wait for each other: each in one database for the first row
        # that the other has inserted, too.
        decisions.lock(self.using)
        return ""

    def prepare(self, gid: Optional[Gid] = None):
        """Make sure that it can be committed. Raises LoadError or the error of the database."""
        self._require(not connections[self.using].needs_rollback)
        # The server may have ended it, or be gone.
        with connections[self.using].cursor() as cursor:
            cursor.execute("SELECT 1")

    def _require(self, can_be_committed):
        if not can_be_committed:
            raise LoadError(f"Database '{self.using}' can no longer commit its transaction.")

    def commit(self):
        """Commit. Raises UnconfirmedCommit if that fails."""
        try:
            self._leave()
        except Error as error:
            raise UnconfirmedCommit(failure(error, self.using)) from error

    def forget(self):
        """Delete what was only needed until all databases have committed."""

    def roll_back(self):
        """Roll back, unless it has been ended or prepared."""
        if connections[self.using].in_atomic_block:
            transaction.set_rollback(True, using=self.using)
            # If that fails, the connection is lost, and so is the transaction.
            with suppress(Error):
                self._leave()

    def _leave(self):
        self._atomic.__exit__(None, None, None)


class DecidingTransaction(Transaction):
    """The one whose commit decides about all."""

    def __init__(self, using: str, load: str):
        super().__init__(using)
        self._load = load

    def begin(self):
        identity = decisions.create_table(self.using)
        super().begin()
        if connections[self.using].vendor == "postgresql":
            with connections[self.using].cursor() as cursor:
                # A decision must not be lost in a crash when others have already followed it.
                cursor.execute("SET LOCAL synchronous_commit = on")
        decisions.decide(self.using, self._load)
        return identity

    def forget(self):
        decisions.forget(self.using, self._load)


class PreparedTransaction(Transaction):
    """One that is prepared, and then committed as the deciding one was."""

    def begin(self):
        with connections[self.using].cursor() as cursor:
            cursor.execute("SHOW max_prepared_transactions")
            if cursor.fetchone() == ("0",):
                raise LoadError(
                    f"Database '{self.using}' cannot prepare transactions, and without that "
                    "--all-or-nothing is not atomic. Set max_prepared_transactions to 10 in "
                    "postgresql.conf on every server and restart them, or load without "
                    "--all-or-nothing."
                )
        return super().begin()

    def prepare(self, gid=None):
        self._gid = gid
        self._require(not connections[self.using].needs_rollback)
        with connections[self.using].cursor() as cursor:
            cursor.execute(f"PREPARE TRANSACTION {gid.literal}")
            # An aborted transaction is rolled back then, and no error is raised.
            self._require(cursor.statusmessage == "PREPARE TRANSACTION")
        self._leave()

    def commit(self):
        try:
            end(self.using, self._gid, "COMMIT")
        except Error as error:
            raise UnconfirmedCommit(failure(error, self.using)) from error


def end(using: str, gid: Gid, how: str) -> bool:
    """COMMIT or ROLLBACK what is prepared; return False if another program has just done it."""
    try:
        with connections[using].cursor() as cursor:
            cursor.execute(f"{how} PREPARED {gid.literal}")
    except Error as error:
        # undefined_object
        if sqlstate(error) != "42704":
            raise
        return False
    return True
