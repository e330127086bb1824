"""What a worker of a load is in on a Dask worker: an actor with a thread of its own.

A Dask worker imports this before Django is set up: it must not import models.
"""

import asyncio
import hashlib
import os
import pickle
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from traceback import format_exception
from typing import Any, Dict, Mapping, Optional, Tuple

import distributed
import django
from django.db import connections

from ..exceptions import LoadError
from .base import WorkerLost
from .collection import slow_collection
from .thread import ThreadExecutor

# In seconds. A coordinator is heard that often; one that has not been heard for so long is taken
# for lost, and so is a place that has not answered it.
PING = 1.0
SILENCE = 10.0

REPEATED = "lost its connection"
UNHEARD = "had given up this command, which was not heard any more"

Reply = Tuple[Any, Optional[BaseException], str]
"""What a job returned, or the exception that it raised, and where it did."""

_places: Dict[str, "Place"] = {}


class Place:
    """Does the jobs that come from a coordinator, and lets go of everything if that is lost.

    The thread is not one of Dask's: its connection must not be another load's, and whoever waits
    for a lock must not keep others from their jobs.
    """

    def __init__(self, key: str, settings: str, expected: Mapping[str, str], pickled: bytes):
        """Raises LoadError, or what reading the settings raises."""
        dask_worker = distributed.get_worker()
        self._address = dask_worker.address
        self._actors = dask_worker.state.actors
        self._require_same(expected)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
        django.setup()
        # The worker refers to models: it is unpickled when Django is set up.
        worker, vendor = pickle.loads(pickled)
        self._require_database(worker.using, vendor)
        self._key = key
        self._worker = worker
        self._executor = ThreadExecutor(worker)
        self._next = 0
        self._turns: Optional[asyncio.Condition] = None
        self._heard = time.monotonic()
        self._has_ended = threading.Event()
        self._ending = threading.Lock()
        self._submitting = threading.Lock()
        self._was_found = False
        self.is_held = threading.Event()
        """Whether `hold` keeps the resource."""
        self.has_let_go = threading.Event()
        slow_collection.__enter__()
        _places[key] = self
        threading.Thread(target=self._end_with_coordinator, daemon=True).start()

    def _require_same(self, expected):
        wrong = [name for name in expected if VERSIONS[name] != expected[name]]
        if wrong:
            differences = "; ".join(f"{n} {expected[n]} here, {VERSIONS[n]} there" for n in wrong)
            raise LoadError(
                f"The Dask worker {self._address} does not have the same versions: {differences}. "
                "Install the same there, and start it again."
            )

    def _require_database(self, using, vendor):
        if using not in connections.settings:
            raise LoadError(
                f"The Dask worker {self._address} has no database '{using}' in its settings. Start "
                "it with the settings of this project."
            )
        found = connections[using].vendor
        if found != vendor:
            raise LoadError(
                f"Database '{using}' is {vendor} here, and {found} on the Dask worker "
                f"{self._address}. Set {using.upper()}_DATABASE_URL in both environments."
            )

    async def where(self) -> str:
        """Return the address of the Dask worker. It is the first that a place is asked."""
        self._was_found = True
        return self._address

    async def do(self, number: int, method: str, *args: Any) -> Reply:
        """Do the job of this number, from 0, when all before it have been done.

        Calls may overtake each other on their way, and be repeated where a connection is lost.
        """
        self._heard = time.monotonic()
        if self._turns is None:
            self._turns = asyncio.Condition()
        async with self._turns:
            await self._turns.wait_for(lambda: self._next >= number)
            if self._next > number:
                return None, WorkerLost(True, what_happened(self._address, REPEATED)), ""
            # Nothing must be done after what was not committed has been rolled back.
            future = None
            try:
                with self._submitting:
                    if not self._has_ended.is_set():
                        future = asyncio.wrap_future(self._executor.submit(method, *args))
                if future:
                    await asyncio.wait([future])
            finally:
                # Also where its thread cannot be started.
                self._next += 1
                self._turns.notify_all()
        if not future:
            return None, WorkerLost(False, what_happened(self._address, UNHEARD)), ""
        error = future.exception()
        if not error:
            return future.result(), None, ""
        trace = "".join(format_exception(type(error), error, error.__traceback__))
        if type(error) is LoadError:
            # Which file or database it is about depends on the machine.
            where = f"on the Dask worker {self._address}, in {os.getcwd()}"
            error = LoadError(f"{error}\nThat was {where}.")
        return None, error, trace

    async def interrupt(self):
        self._executor.interrupt()

    async def hear(self) -> bool:
        """Take note that the coordinator is there; return whether the resource is held."""
        self._heard = time.monotonic()
        return self.is_held.is_set()

    async def end(self):
        """End the thread when its job is done, and let go of the resource."""
        await asyncio.get_running_loop().run_in_executor(None, self._end)

    def _end(self, is_abandoned=False):
        with self._ending:
            if self._has_ended.is_set():
                return
            with self._submitting:
                self._has_ended.set()
                if is_abandoned:
                    self._executor.interrupt()
                    # Rolls back what is not committed. Where no job can be done any more, because
                    # the Dask worker ends, its end does.
                    with suppress(LoadError):
                        self._executor.submit("close")
            self._executor.shutdown()
            slow_collection.__exit__()
            del _places[self._key]
            self.has_let_go.set()

    def _end_with_coordinator(self):
        while not self._has_ended.wait(PING):
            # Dask drops the actors of a client that it knows to be gone. Whoever has asked a place
            # found it among them.
            was_dropped = self._key not in self._actors and self._was_found
            if was_dropped or time.monotonic() - self._heard > SILENCE:
                self._end(is_abandoned=True)


def what_happened(address: str, happened: str) -> str:
    """Return what a WorkerLost says of the Dask worker with this address."""
    # The braces are for the name of what it loaded.
    what = f"The Dask worker {address} that loaded {{}} {happened}."
    return f"{what} What it had not committed is rolled back."


def hold(*keys: str):
    """Keep the resources that this task was given until all of these places let go of them."""
    places = [_places[key] for key in keys if key in _places]
    if places:
        # The thread that is lost to Dask gets a substitute.
        distributed.secede()
    for place in places:
        place.is_held.set()
    for place in places:
        place.has_let_go.wait()


def _versions():
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    return {
        "Python": ".".join(map(str, sys.version_info[:2])),
        "Django": ".".join(map(str, django.VERSION[:2])),
        "distributed": distributed.__version__,
        "files of this project": digest.hexdigest()[:8],
    }


# What has to be the same where the coordinator is and where its workers are: as it was imported,
# whatever is installed later.
VERSIONS: Dict[str, str] = _versions()
