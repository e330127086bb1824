"""Standard input and pipes, which may be silent for as long as their other end likes."""

import io
import os
import sys
from select import select
from typing import Optional

from ..exceptions import GivenUp

# In seconds: how often somebody who waits asks whether to give up.
PATIENCE = 0.2


class Stream(io.FileIO):
    """A file whose reader may have to wait, and can be told to give up by another thread.

    Whatever reads it is not to be used after that. Windows can wait for sockets only: what is read
    there is given up when something comes.
    """

    is_given_up = False

    @classmethod
    def of(cls, path: Optional[str]) -> "Stream":
        """Open a pipe, or standard input if there is no path. Raises OSError."""
        if path is None:
            return cls(0, closefd=False)
        # Elsewhere, a pipe that nobody has opened to write to would be at its end.
        if sys.platform != "linux":
            return cls(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(descriptor, True)
        return cls(descriptor)

    def readinto(self, buffer):
        is_ready = False
        while not is_ready:
            is_ready = os.name == "nt" or bool(select([self], [], [], PATIENCE)[0])
            if self.is_given_up:
                raise GivenUp
        return super().readinto(buffer)
