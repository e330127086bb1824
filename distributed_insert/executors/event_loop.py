"""The event loop that a client of Dask has in this process."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Iterator

from .base import thread_errors
from .shared import SharedChange

# What these say beside an error that is raised would be a second message about one fault.
LOGGERS = ("asyncio", "distributed", "distributed.client", "tornado.application")


def _silence():
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)

    def undo():
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)

    return undo


quiet = SharedChange(_silence)


@contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Yield an event loop that runs in a thread of its own. Meanwhile, Dask logs no errors."""
    loop = asyncio.new_event_loop()
    # Whatever nobody asks for any more.
    loop.set_exception_handler(lambda loop, context: None)
    with quiet, ThreadPoolExecutor(1, thread_name_prefix="dask") as thread:
        with thread_errors():
            thread.submit(_run, loop)
        try:
            yield loop
        finally:
            loop.call_soon_threadsafe(loop.stop)


def _run(loop):
    asyncio.set_event_loop(loop)
    loop.run_forever()
    # What Dask has begun and not ended.
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
