"""Gives each worker of a load its place: the Dask worker that has its database's resource."""

import asyncio
from contextlib import contextmanager, suppress
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

from django.utils.text import get_text_list

from .cluster import SHORT, Missing, Waiting, connect, owners
from .dask import DaskExecutor
from .event_loop import event_loop

STARTING = (
    "Each is still starting, or has other work: run the command again later, or wait longer with "
    "--wait."
)
IN_USE = "Run the command again when that has ended, or wait longer with --wait."


@contextmanager
def start(
    workers: Mapping[Any, Any],
    scheduler: str,
    wait: int,
    stopped_by: Callable[[], Optional[int]],
    on_wait: Callable[[str], None],
) -> Iterator[Dict[Any, DaskExecutor]]:
    """Yield one executor per worker, and shut them all down at the end.

    What a load needs of the cluster is waited for at most `wait` seconds, and `on_wait` is told.
    Raises LoadError, or Interrupted when `stopped_by` returns a signal.
    """
    executors: Dict[Any, DaskExecutor] = {}
    with event_loop() as loop:

        def run(coroutine):
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

        waiting = Waiting(wait, stopped_by, on_wait)
        client = run(connect(scheduler, waiting))
        try:
            run(_place(client, workers, executors, waiting))
            yield executors
        finally:
            for executor in executors.values():
                executor.shutdown()
            run(_close(client))


async def _close(client):
    with suppress(asyncio.TimeoutError):
        await client.close(timeout=SHORT)


async def _place(client, workers, executors, waiting):
    """Add an executor for each worker, with a place on the cluster."""
    aliases = dict.fromkeys(worker.using for worker in workers.values())
    may_own = await owners(client, aliases, waiting)
    executors.update((key, DaskExecutor(client, worker)) for key, worker in workers.items())
    # Two models may have one database, and that has one owner.
    owner_of = {each.using: each for each in reversed(executors.values())}
    for using, owner in owner_of.items():
        owner.request(may_own[using])
    await waiting.until(_look_for_places(owner_of.values(), may_own))
    others = [each for each in executors.values() if each is not owner_of[each.using]]
    for each in others:
        each.request([owner_of[each.using].address])
    await waiting.until(_look_for_places(others, may_own))
    await _hold([owner for using, owner in owner_of.items() if may_own[using]], waiting)


async def _hold(executors, waiting):
    """Keep the resources of all of these until the load ends: a place alone uses none.

    Two loads that each waited for what the other has would wait for ever. A Dask worker gives
    nothing to the second of those who wait until the first has all that it asked for. So a load
    asks for what it needs of a Dask worker at once, and all loads go through these in one order.
    """
    held: Dict[str, List[DaskExecutor]] = {}
    for executor in executors:
        held.setdefault(executor.address, []).append(executor)
    for address in sorted(held):
        first, *others = held[address]
        first.hold(others)
        await waiting.until(_look_for_resources(address, held[address]))


def _look_for_places(executors, may_own):
    async def look():
        missing = [each.using for each in executors if not await each.has_place()]
        if not missing:
            return None
        resource = f" with the resource {missing[0]}=1" if may_own[missing[0]] else ""
        return Missing(f"No Dask worker{resource} is ready", STARTING)

    return look


def _look_for_resources(address, executors):
    async def look():
        if all([await each.hear() for each in executors]):
            return None
        names = get_text_list(sorted(f"{each.using}=1" for each in executors), "or")
        return Missing(f"Another load has {names} of the Dask worker {address}", IN_USE)

    return look
