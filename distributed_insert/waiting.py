"""How long a PostgreSQL server may take to answer, and what becomes of a lost connection."""

import time
from contextlib import suppress
from typing import Any, Callable, Optional

from django.conf import settings
from django.db import connections

# In seconds: what a server is still given when the load is to stop, and then for a cancellation.
HURRY = 2.0


def watch(using: str, is_interrupted: Callable[[], bool]) -> "Optional[Watch]":
    """Connect to the database `using`; return its Watch, or None if it is not psycopg 3's."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return None
    connection.ensure_connection()
    # psycopg 2 waits inside of libpq.
    has_wait = hasattr(connection.connection, "wait")
    return Watch(connection, is_interrupted) if has_wait else None


class Watch:
    """Drops a connection of Django whose server is silent for DATABASE_TIMEOUT seconds.

    A server that is sent much, or sends it, is not silent: each part counts. Once `is_interrupted`
    returns True it is given HURRY seconds.
    """

    def __init__(self, connection: Any, is_interrupted: Callable[[], bool]):
        self.failure: Optional[Exception] = None
        """Why the connection was dropped, if its server was silent."""
        self.was_interrupted = False
        self._connection = connection
        self._is_interrupted = is_interrupted
        wait = connection.connection.wait
        connection.connection.wait = lambda waiting, *args, **options: wait(
            self._watched(waiting), *args, **options
        )

    def _watched(self, waiting):
        """Pass on what a generator of psycopg waits for, and what has become ready.

        Where nothing has, psycopg says so ten times a second.
        """
        since, is_interrupted = time.monotonic(), self._is_interrupted()
        ready = None
        while True:
            try:
                wanted = waiting.send(ready)
            except StopIteration as end:
                return end.value
            except self._connection.Database.Error:
                if self._connection.connection is None or self._connection.connection.closed:
                    self._drop()
                raise
            ready = yield wanted
            now = time.monotonic()
            if ready:
                since = now
            elif self._is_interrupted() != is_interrupted:
                since, is_interrupted = now, True
            limit = HURRY if is_interrupted else settings.DATABASE_TIMEOUT
            if limit and now - since > limit:
                self.was_interrupted = is_interrupted
                self._give_up(limit)

    def _give_up(self, limit):
        from psycopg import Error, OperationalError, capabilities

        allowed = "" if self.was_interrupted else ", as long as DATABASE_TIMEOUT allows"
        self.failure = OperationalError(f"the server has not answered for {limit:g} s{allowed}")
        # Without this the server goes on, and keeps its locks. An older libpq might wait for ever.
        if capabilities.has_cancel_safe():
            with suppress(Error):
                self._connection.connection.cancel_safe(timeout=HURRY)
        self._drop()
        raise self.failure

    def _drop(self):
        self._connection.close()
        # Otherwise `atomic` connects again as it ends, waits, and raises what it meets then.
        self._connection.closed_in_transaction = True
