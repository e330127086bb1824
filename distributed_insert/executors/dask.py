"""One Dask actor per model."""

import asyncio
import pickle
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, Callable, Sequence
from uuid import uuid4

from django.conf import settings
from django.db import connections

from ..exceptions import LoadError
from .base import Executor, RemoteTraceback, WorkerLost
from .cluster import SCHEDULER_LOST, SHORT
from .place import PING, SILENCE, VERSIONS, Place, hold, what_happened

# What a call raises if its actor cannot be reached, or was dropped.
LOST = (OSError, KeyError)


class There:
    """A call that is made where it is unpickled.

    A scheduler has to understand what it passes on, and need not have this project: it is given
    `pickle.loads` and bytes.
    """

    def __init__(self, function: Callable, *args: Any):
        self._call = (function, args)

    def __reduce__(self):
        return self._call


class DaskExecutor(Executor):
    """A place on a Dask worker. All that is asked and answered passes through the scheduler."""

    # It has more to do while its answers travel.
    batches_ahead = 4

    def __init__(self, client: Any, worker: Any):
        """To be called in the client's event loop."""
        self.using = worker.using
        self.address = ""
        """Of the Dask worker."""
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._key = f"load-{self.using}-{uuid4().hex}"
        self._pickled = pickle.dumps((worker, connections[self.using].vendor))
        self._future: Any = None
        self._place: Any = None
        self._pinging: Any = None
        self._lost = asyncio.Event()
        self._submitted = 0
        self._last: Any = None

    def request(self, addresses: Sequence[str]):
        """Have Dask make the place on one of these Dask workers; on any, if there are none."""
        arguments = (self._key, settings.SETTINGS_MODULE, VERSIONS, self._pickled)
        there = There(Place, *arguments)
        self._future = self._submit(self._key, there, actor=True, workers=addresses or None)

    def hold(self, others: Sequence["DaskExecutor"]):
        """Keep the resource of this database and of others, whose places are where this one is."""
        together = [self, *others]
        there = There(hold, *(each._key for each in together))
        resources = {each.using: 1 for each in together}
        # Dask drops a task whose future is gone.
        self._holding = self._submit(
            f"hold-{self._key}", there, resources=resources, workers=[self.address]
        )

    def _submit(self, key, there, **how):
        return self._client.submit(pickle.loads, pickle.dumps(there), key=key, **how)

    async def has_place(self) -> bool:
        """Return whether the place is there. Raises LoadError if it cannot be made, or is lost."""
        if self._place:
            if self._lost.is_set():
                await self.hear()
            return True
        if self._future.status in ("pending", "lost"):
            return False
        try:
            error = await self._future.exception()
            if error:
                raise error if isinstance(error, LoadError) else self._refusal(error)
            with self._client.as_current():
                place = await self._future
                self.address = await asyncio.wait_for(place.where(), SILENCE)
        except CancelledError as error:
            # The client has given up all its futures.
            raise LoadError(SCHEDULER_LOST) from error
        # Before it is asked, Dask may know that it is lost.
        except (*LOST, RuntimeError, ValueError, asyncio.TimeoutError) as error:
            raise LoadError(f"The Dask worker that was to load '{self.using}' is lost.") from error
        self._place = place
        self._pinging = asyncio.ensure_future(self._ping())
        return True

    def _refusal(self, error):
        text = f"A Dask worker cannot load '{self.using}': {str(error).rstrip('.')}."
        if isinstance(error, ImportError):
            text += " Start it with the project's folder in PYTHONPATH, and with what is needed."
        return LoadError(text)

    async def hear(self) -> bool:
        """Return whether the resource is kept. Raises LoadError."""
        try:
            return await self._ask("hear")
        except WorkerLost as error:
            raise LoadError(error.what.format(self.using)) from error

    def submit(self, method, *args):
        job = (self._submitted, method, *args)
        self._submitted += 1
        self._last = asyncio.run_coroutine_threadsafe(self._do(self._last, *job), self._loop)
        return self._last

    async def _do(self, before, *job):
        result, error, trace = await self._ask("do", *job)
        if before:
            # Answers may overtake each other on their way.
            await asyncio.wait([asyncio.wrap_future(before)])
        if error:
            raise error from RemoteTraceback(trace)
        return result

    def interrupt(self):
        asyncio.run_coroutine_threadsafe(self._ask("interrupt"), self._loop)

    def shutdown(self):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()

    async def _end(self):
        if self._pinging:
            if self._last:
                await asyncio.wait([asyncio.wrap_future(self._last)])
            if not self._lost.is_set():
                with suppress(WorkerLost):
                    await self._ask("end")
            self._pinging.cancel()
            self._pinging = None
        elif self._future:
            await self._future.cancel()

    async def _ask(self, method, *args):
        """Return what the place answers. Raises WorkerLost if it is lost before it does."""
        if self._lost.is_set() or self._future.status != "finished":
            raise await self._loss(may_have_run=False)
        answer = asyncio.ensure_future(getattr(self._place, method)(*args))
        lost = asyncio.ensure_future(self._lost.wait())
        await asyncio.wait([answer, lost], return_when=asyncio.FIRST_COMPLETED)
        lost.cancel()
        if not answer.done() or isinstance(answer.exception(), LOST):
            answer.cancel()
            raise await self._loss(may_have_run=True)
        return answer.result()

    async def _ping(self):
        while self._future.status == "finished":
            answer = asyncio.ensure_future(self._place.hear())
            await asyncio.wait([answer], timeout=SILENCE)
            if not answer.done() or answer.exception():
                break
            await asyncio.sleep(PING)
        self._lost.set()

    async def _loss(self, may_have_run):
        self._lost.set()
        try:
            # Whatever passes through a scheduler is lost with it.
            await asyncio.wait_for(self._client.scheduler.identity(), SHORT)
        except (OSError, asyncio.TimeoutError):
            return WorkerLost(may_have_run, SCHEDULER_LOST)
        return WorkerLost(may_have_run, what_happened(self.address, "is lost"))
