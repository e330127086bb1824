"""A proxy before a server: it counts turns, delays, falls silent, and sees what is sent."""

import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Callable, Deque, List, Tuple


class Proxy:
    """Passes connections on to a port of this machine; `port` is its own.

    What is sent arrives `delay` seconds later, so that an answer takes twice that. `on_request` is
    called with the bytes that a client sends, before they are passed on, and `on_answer` with those
    that the server sends.

    A turn is a request and its answer: `turns` counts how often a client began to send after it
    had heard from the server, over all connections.
    """

    def __init__(
        self,
        server_port: int,
        delay: float = 0.0,
        on_request: Callable[[bytes], None] = lambda data: None,
        on_answer: Callable[[bytes], None] = lambda data: None,
    ):
        self._server_port = server_port
        self._delay = delay
        self._on_request = on_request
        self._on_answer = on_answer
        self._sockets: List[socket.socket] = []
        self._threads: List[threading.Thread] = []
        self._passes = threading.Event()
        self._passes.set()
        self._lock = threading.Lock()
        self.turns = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *exception):
        # Also ends the thread that waits for connections.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self.speak()
        for thread in self._threads:
            thread.join()
        for each in self._sockets:
            each.close()

    def be_silent(self):
        """Pass nothing on from now on, but keep all connections."""
        self._passes.clear()

    def speak(self):
        """Pass on what was held back, and everything from now on."""
        self._passes.set()

    def cut(self):
        """Cut all connections."""
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                client.close()
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, server]
            heard = _Turn()
            self._start(self._pass_on, client, server, heard, True)
            self._start(self._pass_on, server, client, heard, False)

    def _pass_on(self, source, target, heard, is_request):
        late = _Late(target, self._delay, self._passes)
        self._start(late.run)
        with suppress(OSError):
            for data in iter(lambda: source.recv(65536), b""):
                if is_request:
                    with self._lock:
                        self.turns += heard.begins()
                    self._on_request(data)
                else:
                    heard.answer()
                    self._on_answer(data)
                late.send(data)
        late.send(b"")

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        self._threads.append(thread)


class _Turn:
    def __init__(self):
        self._is_answered = True

    def begins(self) -> bool:
        begins, self._is_answered = self._is_answered, False
        return begins

    def answer(self):
        self._is_answered = True


class _Late:
    """Sends each part that it is given a while after it came; the empty one ends the connection."""

    def __init__(self, target, delay, passes):
        self._target = target
        self._delay = delay
        self._passes = passes
        self._parts: Deque[Tuple[float, bytes]] = deque()
        self._has_part = threading.Semaphore(0)

    def send(self, data):
        self._parts.append((time.monotonic() + self._delay, data))
        self._has_part.release()

    def run(self):
        with suppress(OSError):
            while self._has_part.acquire():
                due, data = self._parts.popleft()
                # This is the distance that the proxy stands for.
                time.sleep(max(0.0, due - time.monotonic()))
                self._passes.wait()
                if not data:
                    self._target.shutdown(socket.SHUT_RDWR)
                    return
                self._target.sendall(data)
