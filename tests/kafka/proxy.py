"""A faulty network between a client and the broker: resets, delays, and a hole that swallows everything."""

import socket
import struct
import threading
import time
from contextlib import suppress


class Proxy:
    """Hands on what comes to a port of loopback; every fault can be switched on and off while it runs.

    delay: seconds that everything takes longer, either way. swallowing: what comes is read and forgotten, either way.
    """

    def __init__(self, port: int, target: int) -> None:
        self.delay, self.swallowing = 0.0, False
        self._target, self._lock = target, threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self._start(self._accept)

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *failure: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()
        for thread in self._threads:
            thread.join(10)

    def reset(self) -> None:
        """Break every connection."""
        with self._lock:
            broken, self._open = self._open, []
        for each in broken:
            with suppress(OSError):  # it may have ended meanwhile
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            _shut(each)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open += (client, broker)
            self._start(self._pump, client, broker)
            self._start(self._pump, broker, client)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                if self.delay:
                    time.sleep(self.delay)
                if not self.swallowing:
                    target.sendall(data)
        except OSError:
            pass
        _shut(source)
        _shut(target)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    finally:
        connection.close()
