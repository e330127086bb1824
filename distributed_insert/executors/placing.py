"""Gives each worker of a load its place: the Dask worker that has its database's resource."""

import asyncio
from contextlib import contextmanager, suppress
from typing import Any, Callable, Dict, Iterator, Mapping, Optional

from .cluster import SHORT, Missing, Waiting, connect, resources
from .dask import DaskExecutor
from .event_loop import event_loop

RUN_AGAIN = (
    "Another load may have it, or it is still starting: run the command again later, or wait "
    "longer with --wait."
)


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
    required = await resources(client, aliases, waiting)
    executors.update((key, DaskExecutor(client, worker)) for key, worker in workers.items())
    # Two models may have one database, and that has one owner.
    owners = {each.using: each for each in reversed(executors.values())}
    for using, owner in owners.items():
        owner.request(resources=required[using])
    await waiting.until(_look_for_places(owners.values(), required))
    others = [each for each in executors.values() if each is not owners[each.using]]
    for each in others:
        each.request(workers=[owners[each.using].address])
    await waiting.until(_look_for_places(others, required))
    # In one order for all loads: two that each wait for what the other has would wait for ever.
    for using in sorted(owners):
        if required[using]:
            owners[using].hold(required[using])
            await waiting.until(_look_for_resource(owners[using], required))


def _look_for_places(executors, required):
    async def look():
        waiting = [each.using for each in executors if not await each.has_place()]
        return _not_free(waiting[0], required) if waiting else None

    return look


def _look_for_resource(owner, required):
    async def look():
        return None if await owner.hear() else _not_free(owner.using, required)

    return look


def _not_free(alias, required):
    resource = f" with the resource {alias}=1" if required[alias] else ""
    return Missing(f"No Dask worker{resource} is ready", RUN_AGAIN)
