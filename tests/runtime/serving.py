"""The layered application behind uvicorn, in a process of its own, and what it answers."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx

from rendering import Tree, write
from runtime.application import Server

MODULE = """\
import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from layered.api import router
from layered.core.database import (
    ReadSessionDep,
    SessionDep,
    async_session,
    get_engine,
    setup_database,
)
from layered.core.database.engine import get_read_engine
from layered.models.tickets import Ticket

app = FastAPI()
setup_database(app)
app.include_router(router)


@app.get("/in-use")
async def connections_in_use() -> int:
    return sum(engine.pool.checkedout() for engine in (get_engine(), get_read_engine()))


async def look(session: AsyncSession, seconds: float) -> int:
    tickets = (await session.scalars(select(Ticket).limit(10))).all()
    await session.execute(select(func.pg_sleep(seconds)))
    return len(tickets)


@app.get("/look/{seconds}")
async def look_reading(seconds: float, session: ReadSessionDep) -> int:
    return await look(session, seconds)


@app.post("/look/{seconds}")
async def look_writing(seconds: float, session: SessionDep) -> int:
    return await look(session, seconds)


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        async with async_session() as session:
            async for part in await session.stream_scalars(text("VALUES ('one'), ('two')")):
                yield part
                await asyncio.sleep(0.05)

    return StreamingResponse(body())


REFUSED = text("INSERT INTO tickets (number, title) VALUES (0, '')")


@app.post("/swallowed/{number}", status_code=201)
async def swallow_an_error(number: int, session: SessionDep) -> None:
    session.add(Ticket(number=number))
    await session.flush()
    with suppress(IntegrityError):
        await session.execute(REFUSED)


@app.post("/nested/{number}", status_code=201)
async def swallow_an_error_in_a_savepoint(number: int, session: SessionDep) -> None:
    session.add(Ticket(number=number))
    await session.flush()
    with suppress(IntegrityError):
        async with session.begin_nested():
            await session.execute(REFUSED)


if __name__ == "__main__":
    config = uvicorn.Config(app, loop="asyncio", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
"""

CLIENT_TIMEOUT = 30.0  # seconds
SHUTDOWN_TIMEOUT = 10.0
ABOUT_AN_ANSWER = re.compile(r"50[34] \w+: ")


class Service(NamedTuple):
    port: int
    log: Path

    def send(self, requests: Iterable[str], *, at_a_time: int = 1) -> list[httpx.Response]:
        """Send requests, each like `GET /numbers`, and return the responses as they came.

        Where the server hangs up instead, the client has been told nothing: there is no response.
        """
        return asyncio.run(self._send(iter(requests), at_a_time))

    async def _send(self, requests: Iterator[str], at_a_time: int) -> list[httpx.Response]:
        responses = []

        async def send_some(client: httpx.AsyncClient) -> None:
            for request in requests:
                with suppress(httpx.NetworkError, httpx.RemoteProtocolError):
                    responses.append(await client.request(*request.split()))

        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            timeout=CLIENT_TIMEOUT,
            limits=httpx.Limits(max_connections=at_a_time),
        ) as client:
            await asyncio.gather(*(send_some(client) for _ in range(at_a_time)))
        return responses

    def connections_in_use(self) -> int:
        [response] = self.send(["GET /in-use"])
        return int(response.text)

    def complaints(self) -> list[str]:
        """Return what the process has written, without the layer's line about a 503 or 504."""
        lines = self.log.read_text("utf-8").splitlines()
        return [line for line in lines if not ABOUT_AN_ANSWER.match(line)]


@contextmanager
def serving(project: Tree, log: Path, **variables: str) -> Iterator[Service]:
    """Serve with these variables on top of those of this process, until the end of the block."""
    write(project.application, {"served.py": MODULE})
    # asyncio sets TCP_NODELAY only where the protocol is named.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        with (
            log.open("wb") as output,
            subprocess.Popen(
                [sys.executable, "-m", "layered.served", str(listener.fileno())],
                env={
                    **os.environ,
                    "PYTHONPATH": str(project.import_root),
                    "PYTHONWARNINGS": "always",
                    **variables,
                },
                stdout=output,
                stderr=output,
                pass_fds=[listener.fileno()],
            ) as process,
        ):
            try:
                yield Service(listener.getsockname()[1], log)
                process.terminate()
                process.wait(SHUTDOWN_TIMEOUT)
            finally:
                process.kill()


def outcomes(responses: Iterable[httpx.Response]) -> Counter[tuple[int, str | None]]:
    """Count the statuses, with the `code` that the layer gives to an error."""
    return Counter(
        (answer.status_code, None if answer.is_success else code(answer)) for answer in responses
    )


def code(response: httpx.Response) -> str | None:
    if response.headers["content-type"] != "application/json":
        return None
    return str(response.json()["code"])


def lost(responses: Iterable[httpx.Response], server: Server) -> list[int]:
    """Return the numbers of tickets that a response called created, and that are not there."""
    created = Counter(
        int(answer.request.url.path.rpartition("/")[2])
        for answer in responses
        if answer.status_code == 201
    )
    return sorted((created - Counter(server.numbers())).elements())
