"""Ctrl-C and SIGTERM, recorded rather than fatal, so that a load can stop between two batches."""

import signal
import threading
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts() -> Iterator[Callable[[], Optional[int]]]:
    """Yield a function that returns the number of the signal that was received, or None.

    A second signal ends the process at once: a batch may take long. Python delivers signals to the
    main thread only: in another thread this does nothing.
    """
    received = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    def keep(number, frame):
        received.append(number)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    previous = {number: signal.signal(number, keep) for number in SIGNALS}
    try:
        yield lambda: received[0] if received else None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
