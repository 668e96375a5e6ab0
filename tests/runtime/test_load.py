"""What holds under load, while clients give up and PostgreSQL is killed."""

import asyncio
import gc
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from itertools import count, takewhile
from pathlib import Path
from threading import Event
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

import postgres
from rendering import Tree
from runtime.application import Run, Server
from runtime.serving import lost, outcomes, serving

VARIABLES = {
    # asyncpg leaves a future behind where connecting with TLS is cancelled, and asyncio logs it.
    "PGSSLMODE": "disable",
    "DATABASE_POOL_SIZE": "5",
    "DATABASE_MAX_OVERFLOW": "0",
    "DATABASE_SLOW_STATEMENT": "0",  # no warnings because this machine is busy
}
PATIENCE = 20.0  # seconds
READ = (200, None)
AWAY = (503, "database_unavailable")
CREATED = (201, None)


def states(server: Server) -> list[str]:
    """Return the state of each connection of the application."""
    return server.ask(
        "SELECT state FROM pg_stat_activity"
        " WHERE application_name = 'layered' AND datname = current_database()"
    )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def durable(
    layer: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[postgres.Server, Server]]:
    """Yield a PostgreSQL to be killed, with the tables of the application."""
    with postgres.running(synchronous_commit="on", full_page_writes="on") as victim:
        monkeypatch.setenv("DATABASE_URL", victim.url())
        run(layer.init_db())
        yield victim, Server(victim.url())


def test_what_was_acknowledged_survives_a_kill_of_postgresql(
    project: Tree, durable: tuple[postgres.Server, Server], tmp_path: Path
) -> None:
    victim, server = durable
    numbers, stop = count(1), Event()

    def requests() -> Iterator[str]:
        for number in takewhile(lambda _: not stop.is_set(), numbers):
            yield f"POST /tickets/{number}"
            yield "GET /process"

    def answers() -> bool:
        return all(r.is_success for r in service.send(["GET /process", "POST /process"]))

    with (
        serving(project, tmp_path / "log", **VARIABLES) as service,
        ThreadPoolExecutor() as client,
    ):
        load = client.submit(service.send, requests(), at_a_time=16)
        try:
            for _ in range(5):
                wait_until(answers)
                time.sleep(0.3)
                victim.kill()
                time.sleep(0.2)
                assert not answers()
                victim.start_again()
            wait_until(answers)
        finally:
            stop.set()
        responses = load.result()

        found = outcomes(responses).keys()
        # Killed in the middle of COMMIT: such a row may be there or not.
        assert found - {(503, "transaction_resolution_unknown")} == {READ, CREATED, AWAY}
        assert lost(responses, server) == []
        assert service.connections_in_use() == 0
        assert set(states(server)) == {"idle"}
        assert len(states(server)) <= 10
    assert service.complaints() == []


@pytest.mark.usefixtures("database")
def test_more_clients_than_connections_wait_or_are_told_to_come_back(
    project: Tree, tmp_path: Path
) -> None:
    with serving(project, tmp_path / "log", **VARIABLES, DATABASE_POOL_TIMEOUT="1") as service:
        assert outcomes(service.send(["GET /look/0"] * 5, at_a_time=5)) == {READ: 5}
        answers = service.send(["GET /look/0.2"] * 200, at_a_time=200)
        assert outcomes(answers).keys() == {READ, (503, "pool_exhausted")}
        assert len(answers) == 200
        for answer in answers:
            assert answer.headers.get("Retry-After") == (None if answer.is_success else "1")
        # Without the timeout the last would wait for 200 / 5 * 0.2 = 8 seconds.
        assert max(answer.elapsed.total_seconds() for answer in answers) < 6
        assert service.connections_in_use() == 0
    assert service.complaints() == []


def test_clients_that_hang_up_leave_nothing_behind(
    project: Tree, server: Server, tmp_path: Path
) -> None:
    moments = random.Random(1)  # noqa: S311
    kinds = ("GET /numbers", "GET /stream", "POST /process", "POST /tickets/{}")
    requests = iter([kind.format(number) for number in range(1, 251) for kind in kinds])

    async def hang_up(port: int) -> None:
        for request in requests:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"{request} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await asyncio.sleep(moments.uniform(0, 0.2))
            writer.transport.abort()

    async def all_hang_up(port: int) -> None:
        await asyncio.gather(*(hang_up(port) for _ in range(20)))

    with serving(project, tmp_path / "log", **VARIABLES) as service:
        asyncio.run(all_hang_up(service.port))
        wait_until(lambda: service.connections_in_use() == 0 and set(states(server)) == {"idle"})
        assert outcomes(service.send(["GET /process", "POST /process"])) == {READ: 2}
    assert service.complaints() == []


async def cancel(work: Awaitable[httpx.Response], seconds: float) -> httpx.Response:
    async with asyncio.timeout(seconds):
        return await work


async def cancel_again_and_again(work: Awaitable[httpx.Response], seconds: float) -> httpx.Response:
    """As Starlette does: what is awaited to clean up is cancelled, too."""
    with anyio.fail_after(seconds):
        return await work


@pytest.fixture
def variables(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert layer
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("limited", [cancel, cancel_again_and_again])
def test_cancelled_requests_leave_nothing_behind(
    app: FastAPI,
    run: Run,
    server: Server,
    limited: Callable[..., Awaitable[httpx.Response]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    engines = import_module("layered.core.database.engine")
    moments = random.Random(1)  # noqa: S311
    kinds = ("GET /numbers", "POST /reading", "POST /work", "POST /tickets/{}")
    requests = (kind.format(number) for number in count(1) for kind in kinds)
    responses: list[httpx.Response] = []
    cancelled: list[str] = []

    async def keep_the_connection(session: AsyncSession) -> None:
        await session.execute(text("SELECT 1"))
        await asyncio.sleep(0.02)

    app.state.work = keep_the_connection

    async def give_up(client: httpx.AsyncClient, longest: float) -> None:
        for request in takewhile(lambda _: len(cancelled) < 500, requests):
            seconds = moments.uniform(0, longest)
            try:
                responses.append(await limited(client.request(*request.split()), seconds))
            except TimeoutError:
                cancelled.append(request)

    async def live() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            # Long enough to connect and finish, more often than not.
            started = time.monotonic()
            await asyncio.gather(*(client.get("/process") for _ in range(20)))
            longest = time.monotonic() - started
            await asyncio.gather(*(give_up(client, longest) for _ in range(10)))

            pools = engines.get_engine().pool, engines.get_read_engine().pool

            def at_rest() -> bool:
                return sum(p.checkedout() for p in pools) == 0 and set(states(server)) <= {"idle"}

            await asyncio.to_thread(wait_until, at_rest)
            responses.extend([await client.get("/process"), await client.post("/process")])

    run(live())
    gc.collect()
    assert outcomes(responses).keys() == {READ, CREATED}
    assert lost(responses, server) == []
    assert caplog.messages == []
