"""A Dask cluster: connecting to its scheduler, and waiting for what a load needs of it."""

import asyncio
import time
import warnings
from inspect import signature
from typing import Any, Awaitable, Callable, Dict, Iterable, List, NamedTuple, Optional, Set

import distributed
from distributed import Client, Scheduler
from distributed.core import rpc
from distributed.security import Security
from distributed.versions import VersionMismatchWarning
from django.utils.text import get_text_list

from ..exceptions import Interrupted, LoadError

# In seconds: how often somebody who waits for the cluster looks at it, and how long a wait is that
# is not worth a word.
PATIENCE = 0.02
SHORT = 2

SCHEDULER_LOST = "The Dask scheduler is lost. What had not been committed is rolled back."

OTHER_SERVER = "what answers there is another server"
REMEDIES = {
    "tcp": "Check its address: with TLS, it begins with tls://.",
    "tls": "Check its address, and Dask's settings for TLS.",
}


class Missing(NamedTuple):
    """What a load needs of its cluster, and how it is brought about."""

    what: str
    remedy: str


class Waiting:
    """Waits for all that a load needs of its cluster, at most `seconds` together.

    Less than SHORT is not enough to find out what is there, so that is the least.
    """

    def __init__(
        self,
        seconds: int,
        stopped_by: Callable[[], Optional[int]],
        on_wait: Callable[[str], None],
    ):
        self.seconds = max(seconds, SHORT)
        self._stopped_by = stopped_by
        self._on_wait = on_wait
        self._started = time.monotonic()
        self._told: Set[str] = set()

    async def until(self, look: Callable[[], Awaitable[Optional[Missing]]]):
        """Wait until `look` finds nothing missing.

        Raises LoadError when it has waited for too long, and Interrupted after a signal.
        """
        while True:
            missing = await look()
            if not missing:
                return
            if self._stopped_by():
                raise Interrupted(missing.what)
            waited = time.monotonic() - self._started
            if waited >= self.seconds:
                raise LoadError(f"{missing.what} (waited for {self.seconds} s). {missing.remedy}")
            if waited >= SHORT and missing.remedy not in self._told:
                self._on_wait(f"{missing.what}: waiting for at most {self.seconds} s.")
                self._told.add(missing.remedy)
            await asyncio.sleep(PATIENCE)


async def connect(scheduler: str, waiting: Waiting) -> Client:
    """Return a client of the scheduler at this address. Raises LoadError or Interrupted."""
    connecting = asyncio.ensure_future(_connected(scheduler, waiting.seconds))

    async def look():
        what = f"The Dask scheduler {scheduler} does not answer"
        return None if connecting.done() else Missing(what, "Check its address, and start it.")

    try:
        await waiting.until(look)
        return await connecting
    # Whatever is wrong with the address, with what it needs, with TLS or with the network.
    except (
        ImportError,
        MemoryError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        asyncio.TimeoutError,
    ) as error:
        # Dask says first what it was about to do. A MemoryError says nothing: the first bytes of
        # what answers were taken for a length.
        why = (str(error.__cause__ or error) or OTHER_SERVER).rstrip(".")
        remedy = REMEDIES.get(scheduler.partition(":")[0], "Check its address.")
        raise LoadError(
            f"The Dask scheduler {scheduler} cannot be reached: {why}. {remedy}"
        ) from error
    finally:
        connecting.cancel()


async def _connected(scheduler, seconds):
    # So that whoever waits has the last word.
    timeout = seconds + SHORT
    arguments = Security().get_connection_args("client")
    async with rpc(scheduler, timeout=timeout, connection_args=arguments) as asked:
        # What a client says of a scheduler of another version is hard to understand.
        answer = await asked.versions(packages=[])
        kind = (await asked.identity())["type"]
    if kind != "Scheduler":
        raise ValueError(f"what answers there is a Dask {kind.lower()}")
    found = answer["packages"]["distributed"]
    if found != distributed.__version__:
        raise LoadError(
            f"The Dask scheduler {scheduler} has distributed {found}, and here is "
            f"{distributed.__version__}. Install the same version on both sides."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionMismatchWarning)
        return await Client(scheduler, asynchronous=True, set_as_default=False, timeout=timeout)


async def owners(client: Any, aliases: Iterable[str], waiting: Waiting) -> Dict[str, List[str]]:
    """Return the addresses of the Dask workers that may own each of these databases.

    They have the resource with the alias as its name. If no Dask worker has the resource of any of
    these, there are none, and any may own all; else, those that are missing are waited for. Raises
    LoadError or Interrupted.
    """
    found: Dict[str, List[str]] = {}
    # The newer ones say no more than a few of the workers without it.
    options = {"n_workers": -1} if "n_workers" in signature(Scheduler.identity).parameters else {}

    async def look():
        try:
            identity = await client.scheduler.identity(**options)
        except OSError as error:
            raise LoadError(SCHEDULER_LOST) from error
        workers = identity["workers"]
        command = f"PYTHONPATH=. dask worker {client.scheduler.address}"
        start = f"Start one, in the project's folder: {command}"
        if not workers:
            return Missing("The Dask scheduler has no workers", start)
        offered = {address: each["resources"] for address, each in workers.items()}
        for alias in aliases:
            found[alias] = [a for a, offer in offered.items() if offer.get(alias, 0) >= 1]
        has_owners = any(alias in offer for alias in aliases for offer in offered.values())
        for alias in aliases:
            if has_owners and not found[alias]:
                there = {f"{name}={n:g}" for each in offered.values() for name, n in each.items()}
                others = get_text_list(sorted(there), "and")
                what = f"No Dask worker has the resource {alias}=1, only {others}"
                return Missing(what, f"{start} --resources {alias}=1")
        return None

    await waiting.until(look)
    return found
