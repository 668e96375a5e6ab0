"""A TCP proxy that counts round trips, makes them longer and breaks them.

It runs in a thread with an event loop of its own, so tests with and without a loop can use it.
For measurements, where it must not share an interpreter with what is measured, it is a program:
`python tests/tcp_proxy.py HOST PORT --round-trip 0.001`.
"""

import argparse
import asyncio
import select
import selectors
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Thread
from urllib.parse import urlsplit

HOST = "127.0.0.1"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger: on, no time to say good-bye


def at_port(url: str, port: int) -> str:
    """Return the URL with the address of something that listens on this machine instead."""
    parts = urlsplit(url)
    account, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{account}{at}{HOST}:{port}").geturl()


class Proxy:
    """`round_trip` is what every round trip takes longer, in seconds; it may be changed any time.

    `round_trips` is how often a client sent after the server had last spoken. Log-ins count (call
    `reset` after them), and so does the good-bye of a client that nobody answers.
    """

    def __init__(self, target: tuple[str, int], round_trip: float) -> None:
        self.target = target
        self.round_trip = round_trip
        self.round_trips = 0
        self.opened = 0
        self.swallowing = False
        self.clients: set[ClientEnd] = set()
        self.servers: set[ServerEnd] = set()
        # By its number, or asyncio does not send what is written without a delay (TCP_NODELAY).
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind((HOST, 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.SelectorEventLoop(PunctualSelector())
        self._stopped = asyncio.Event()

    @property
    def connections(self) -> int:
        return len(self.clients)

    def url(self, original_url: str) -> str:
        return at_port(original_url, self.port)

    def reset(self) -> None:
        def reset() -> None:
            self.round_trips = self.opened = 0

        self._run(reset)

    def swallow(self) -> None:
        """Accept everything and answer nothing, as a network that loses every packet."""

        def swallow() -> None:
            self.swallowing = True
            for end in self.clients | self.servers:
                end.transport.pause_reading()

        self._run(swallow)

    def pass_on(self) -> None:
        """End `swallow`; what was sent meanwhile is delivered late, as TCP does."""

        def pass_on() -> None:
            self.swallowing = False
            for client in self.clients:
                client.release()

        self._run(pass_on)

    def cut(self) -> None:
        """Reset all connections."""
        self._run(self._cut)

    def serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)

    async def _serve(self) -> None:
        server = await self._loop.create_server(lambda: ClientEnd(self), sock=self._listener)
        await self._stopped.wait()
        server.close()
        self._cut()

    def _cut(self) -> None:
        for end in self.clients | self.servers:
            end.cut()

    def _run(self, change: Callable[[], None]) -> None:
        async def run() -> None:
            change()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()


class End(asyncio.Protocol):
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.pause_reading()  # until the other end is there

    def cut(self) -> None:
        connection: socket.socket = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()


class ServerEnd(End):
    def __init__(self, client: "ClientEnd") -> None:
        self.client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.client.proxy.servers.add(self)

    def data_received(self, data: bytes) -> None:
        self.client.server_spoke_last = True
        self.client.transport.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.client.proxy.servers.discard(self)
        self.client.transport.close()


class ClientEnd(End):
    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.loop = asyncio.get_running_loop()
        self.server: ServerEnd | None = None
        self.connecting: asyncio.Task[None] | None = None
        self.server_spoke_last = True
        self.delayed: deque[tuple[float, Callable[[], None]]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.proxy.clients.add(self)
        self.proxy.opened += 1
        self.release()

    def data_received(self, data: bytes) -> None:
        assert self.server
        if self.server_spoke_last:
            self.server_spoke_last = False
            self.proxy.round_trips += 1
        self.later(partial(self.server.transport.write, data))

    def connection_lost(self, _error: Exception | None) -> None:
        self.proxy.clients.discard(self)
        if self.connecting:
            self.connecting.cancel()
        if self.server:
            self.later(self.server.transport.close)

    def release(self) -> None:
        if self.proxy.swallowing:
            return
        if self.server:
            self.transport.resume_reading()
            self.server.transport.resume_reading()
            self.send_due()
        elif not self.connecting:
            self.connecting = self.loop.create_task(self.connect())

    async def connect(self) -> None:
        try:
            _, self.server = await self.loop.create_connection(
                partial(ServerEnd, self), *self.proxy.target
            )
        except OSError:
            self.cut()
        else:
            self.release()
        finally:
            self.connecting = None

    def later(self, action: Callable[[], None]) -> None:
        """Delay only what the client sends, so that a round trip gets the whole delay once."""
        if not self.proxy.round_trip and not self.delayed:
            action()
            return
        due = self.loop.time() + self.proxy.round_trip
        self.delayed.append((due, action))
        if len(self.delayed) == 1:
            self.loop.call_at(due, self.send_due)

    def send_due(self) -> None:
        while self.delayed and not self.proxy.swallowing:
            due, action = self.delayed[0]
            if due > self.loop.time():
                self.loop.call_at(due, self.send_due)
                return
            self.delayed.popleft()
            action()


class PunctualSelector(selectors.DefaultSelector):
    """epoll_wait() rounds up to whole milliseconds; select() waits to the microsecond."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout and timeout > 0:
            select.select([self], [], [], timeout)
            timeout = 0
        return super().select(timeout)


@contextmanager
def running(target_host: str, target_port: int, *, round_trip: float = 0.0) -> Iterator[Proxy]:
    proxy = Proxy((target_host, target_port), round_trip)
    thread = Thread(target=proxy.serve, name="tcp_proxy", daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description="Run until standard input closes.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--round-trip", type=float, default=0.0, help="seconds added to each")
    arguments = parser.parse_args()
    with running(arguments.host, arguments.port, round_trip=arguments.round_trip) as proxy:
        print(proxy.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
