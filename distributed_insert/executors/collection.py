"""The pace of the garbage collector while batches are loaded."""

import gc

from .shared import SharedChange

# Batches are freed by their reference counts; looking for cycles among their tens of thousands of
# values at the usual pace takes a third of the time of reading them.
GC_THRESHOLD = 200_000


def _slow_down():
    usual = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD)
    return lambda: gc.set_threshold(*usual)


slow_collection = SharedChange(_slow_down)
