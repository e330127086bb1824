"""A web server of this machine, which gives files well or badly."""

import gc
import re
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from distributed_insert.sources.backends import Call

PART = 1 << 16


@dataclass
class Page:
    """What is at a path, and how it is given."""

    content: bytes = b""
    status: int = 200
    location: str = ""
    """Where a redirect leads to."""
    gives_parts: bool = True
    lengths: Sequence[str] = ("HEAD", "GET")
    """To what requests the answer says how long it is."""
    cut_at: Optional[int] = None
    """After how many bytes of the content the connection is closed."""
    before: Callable[[int], Any] = lambda place: None
    """Called before each part of the content is sent, with the place of its first byte."""
    headers: Tuple[Tuple[str, str], ...] = ()


class WebServer:
    """A server of pages, by path. It is closed at the end of its context."""

    def __init__(self):
        self.pages: Dict[str, Page] = {}
        self.requests: List[str] = []
        """The methods, paths and ranges that were asked for."""
        handler = type("Handler", (_Handler,), {"web": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        # So that closing it waits for them.
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01])

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._server.shutdown()
        self._thread.join()
        end_clients()
        self._server.server_close()


def end_clients():
    """End what reads files at URLs in this process: beside its threads, no process is forked."""
    for thread in threading.enumerate():
        if isinstance(thread, Call):
            thread.join()
    asyn = sys.modules.get("fsspec.asyn")
    if asyn and asyn.iothread[0]:
        sys.modules["fsspec"].AbstractFileSystem.clear_instance_cache()
        for kind in ("http", "https"):
            sys.modules["fsspec"].get_filesystem_class(kind).clear_instance_cache()
        # They close their connections as they go.
        gc.collect()
        asyn.loop[0].call_soon_threadsafe(asyn.loop[0].stop)
        asyn.iothread[0].join()
        asyn.loop[0] = asyn.iothread[0] = None


class _Handler(BaseHTTPRequestHandler):
    web: WebServer
    protocol_version = "HTTP/1.1"
    timeout = 10

    def handle(self):
        # A client may go away at any moment.
        with suppress(ConnectionError):
            super().handle()

    def do_HEAD(self):
        self._answer(has_body=False)

    def do_GET(self):
        self._answer(has_body=True)

    def _answer(self, has_body):
        wanted = self.headers["Range"] or ""
        self.web.requests.append(f"{self.command} {self.path} {wanted}".rstrip())
        page = self.web.pages.get(self.path.partition("?")[0], Page(status=404))
        content, start, status = page.content, 0, page.status
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)
        if part and page.gives_parts and status == 200:
            start, status = int(part[1]), 206
            content = content[start : int(part[2]) + 1]
        self.send_response(status)
        if status == 206:
            end = start + len(content) - 1
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(page.content)}")
        if page.location:
            self.send_header("Location", page.location)
        for name, value in page.headers:
            self.send_header(name, value)
        if self.command in page.lengths:
            self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        if has_body:
            self._send(page, content, start)

    def _send(self, page, content, start):
        if page.cut_at is not None and start + len(content) > page.cut_at:
            content = content[: max(0, page.cut_at - start)]
        for at in range(0, len(content), PART):
            page.before(start + at)
            self.wfile.write(content[at : at + PART])

    def log_message(self, *args):
        pass
