"""A client that costs little beside the server it measures: HTTP/1.1 over kept connections."""

import asyncio
import math
import re
import time
from collections.abc import Iterator
from typing import NamedTuple

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Load(NamedTuple):
    latencies: list[float]
    """Seconds, one per request."""
    seconds: float
    client_seconds: float
    """Processor time of the client."""


def send(port: int, requests: Iterator[bytes], *, clients: int, seconds: float = math.inf) -> Load:
    """Keep every connection busy until the time is over or no request is left.

    Raises:
        ConnectionError: the server hung up, or its answer is not 200.

    """
    return asyncio.run(_send(port, requests, clients, seconds))


async def _send(port: int, requests: Iterator[bytes], clients: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    opened = [
        (await loop.create_connection(lambda: _Client(requests, latencies), "127.0.0.1", port))[1]
        for _ in range(clients)
    ]
    start, client_start = time.perf_counter(), time.process_time()
    for client in opened:
        client.start(start + seconds)
    await asyncio.gather(*(client.done for client in opened))
    client_seconds = time.process_time() - client_start
    return Load(latencies, time.perf_counter() - start, client_seconds)


class _Client(asyncio.Protocol):
    _transport: asyncio.Transport

    def __init__(self, requests: Iterator[bytes], latencies: list[float]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._latencies = latencies
        self._received = b""
        self._sent = self._deadline = 0.0

    def start(self, deadline: float) -> None:
        self._deadline = deadline
        self._send_next()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not end or (length and len(body) < int(length[1])):
            return
        now = time.perf_counter()
        if not head.startswith(b"HTTP/1.1 200 "):
            self._fail(ConnectionError(f"expected a 200, got {self._received!r}"))
        else:
            self._latencies.append(now - self._sent)
            self._received = b""
            self._send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server hung up"))

    def _send_next(self) -> None:
        self._sent = time.perf_counter()
        request = next(self._requests, None) if self._sent < self._deadline else None
        if request:
            self._transport.write(request)
        else:
            self.done.set_result(None)
            self._transport.close()

    def _fail(self, reason: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(reason)
