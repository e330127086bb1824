"""Calls into what fsspec opens files with: they end in time, and with errors in plain words."""

import asyncio
import os
import re
import sys
import threading
import time
from contextlib import contextmanager
from typing import Any, Callable, Optional

from ..exceptions import GivenUp, LoadError
from .stream import PATIENCE
from .urls import shown

# In seconds, for one call. Backends have longer limits, or none.
TIMEOUT = 120

MAX_REASON_LENGTH = 300

# What backends raise besides OSError, by the module that has it: it is not imported for this.
ERRORS = (
    ("aiohttp", "ClientError"),
    ("azure.core.exceptions", "AzureError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("ftplib", "Error"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("paramiko", "SSHException"),
    ("tarfile", "TarError"),
    ("zipfile", "BadZipFile"),
)


class Call(threading.Thread):
    """A call of what may wait for a server for ever: it comes back in time, or is lost."""

    result: Any = None
    error: Optional[BaseException] = None

    def __init__(self, function: Callable[..., Any], *args: Any):
        super().__init__(daemon=True)
        self._function = function
        self._args = args

    def run(self):
        with self:
            self.result = self._function(*self._args)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.error = error
        return True

    def wait(self, url: str, what: str = "", is_interrupted: Callable[[], bool] = lambda: False):
        """Return what the function returns. Raises LoadError, as `errors` says, and GivenUp."""
        self.start()
        end = time.monotonic() + TIMEOUT
        with errors(url, what):
            while True:
                self.join(PATIENCE)
                if not self.is_alive():
                    break
                if is_interrupted():
                    raise GivenUp
                if time.monotonic() > end:
                    raise asyncio.TimeoutError
            if self.error:
                raise self.error
        return self.result


@contextmanager
def errors(url: str, what: str = ""):
    """Turn whatever a backend raises into a LoadError that names the file, and says `what`."""
    try:
        yield
    except ImportError as error:
        cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
        package = (cause.name or "fsspec").partition(".")[0]
        raise LoadError(
            f"{shown(url)}: {what}{package} is needed for this URL, and is not installed. "
            f"Run: pip install {package}"
        ) from error
    except _kinds() as error:
        raise LoadError(f"{shown(url)}: {what}{_reason(error)}.") from error


def _kinds():
    # The last two are raised for URLs that a backend does not understand.
    always = (OSError, asyncio.TimeoutError, NotImplementedError, ValueError, TypeError)
    loaded = (_loaded(module, name) for module, name in ERRORS)
    return (*always, *filter(None, loaded))


def _loaded(module, name):
    """Return a class of a module; an empty tuple, which nothing is an instance of, without it."""
    return getattr(sys.modules.get(module), name, ())


def _reason(error):
    """Say in a line why a backend failed, without what a URL in its message may give away."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and isinstance(cause, _kinds()):
        # Whatever a server of HTTP answers is a file that is not found to fsspec.
        return _reason(cause)
    if isinstance(error, _loaded("aiohttp", "ClientPayloadError")):
        return "what the server sent is incomplete or damaged"
    if isinstance(error, _loaded("aiohttp", "TooManyRedirects")):
        return "too many redirects"
    if isinstance(error, _loaded("aiohttp", "ClientResponseError")):
        # What cannot be understood is quoted in the lines after the first.
        return f"HTTP status {error.status} {error.message.partition(chr(10))[0].rstrip(':')}"
    if isinstance(error, asyncio.TimeoutError):
        return f"no answer for {TIMEOUT} s"
    if isinstance(error, OSError) and error.errno and error.strerror:
        # asyncio has no words for what this means.
        is_call = error.strerror.startswith("Connect call failed")
        return os.strerror(error.errno) if is_call else error.strerror
    if isinstance(error, FileNotFoundError):
        return "not found"
    if isinstance(error, NotImplementedError):
        return "files at such URLs can only be read"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = re.sub(r"[\w+.-]+://[^\s'\"<>]*", lambda url: shown(url.group()), lines[0])
    return text[:MAX_REASON_LENGTH].rstrip(".")
