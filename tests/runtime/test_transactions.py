"""What other code does with the connections of the layer cannot spoil a request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from time import monotonic
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

import tcp_proxy
from rendering import Tree
from runtime.application import Respond, Run, Server


def test_commit_after_an_error_of_the_driver_is_no_success(
    respond: Respond, server: Server
) -> None:
    """Of the driver itself, as for COPY: SQLAlchemy does not see it."""

    async def work(session: AsyncSession) -> None:
        await session.execute(text("INSERT INTO tickets (number, title) VALUES (1, '')"))
        raw = await (await session.connection()).get_raw_connection()
        driver: Any = raw.driver_connection
        with pytest.raises(Exception, match="does not exist"):
            await driver.copy_records_to_table("nowhere", records=[(1,)])

    assert respond(work).status_code == 500
    assert server.numbers() == []


def test_an_error_that_is_only_the_clients_spoils_nothing(respond: Respond, server: Server) -> None:
    async def work(session: AsyncSession) -> None:
        await session.execute(text("INSERT INTO tickets (number, title) VALUES (1, '')"))
        with pytest.raises(DBAPIError):
            await session.execute(text("SELECT CAST(:x AS integer)"), {"x": "no number"})

    assert respond(work).status_code == 200
    assert server.numbers() == [1]


def test_a_stream_ends_with_its_session(app: FastAPI, client: TestClient, server: Server) -> None:
    session_dep = import_module("layered.core.database").SessionDep

    async def stream(session: session_dep) -> StreamingResponse:  # type: ignore[valid-type]
        rows = await session.stream(text("SELECT * FROM generate_series(1, 1000)"))  # type: ignore[attr-defined]

        async def lines() -> AsyncIterator[str]:
            # The next request has the connection now.
            await session_of_the_next()
            async for row in rows:
                yield f"{row[0]}\n"

        return StreamingResponse(lines())

    layer = import_module("layered.core.database")
    others: list[AsyncSession] = []

    async def session_of_the_next() -> None:
        other = layer.async_session()
        await other.execute(text("INSERT INTO tickets (number, title) VALUES (7, '')"))
        others.append(other)

    app.get("/stream")(stream)

    async def commit() -> None:
        await others[0].commit()
        await others[0].close()

    app.post("/commit")(commit)
    assert client.get("/stream").content == b"1\n"  # which was there before the session ended
    assert client.post("/commit").status_code == 200
    assert server.numbers() == [7]


def test_permission_to_write_does_not_stay_with_a_connection(
    respond: Respond, client: TestClient, server: Server
) -> None:
    async def permit(session: AsyncSession) -> None:
        await session.execute(text("SET default_transaction_read_only = off"))

    assert respond(permit, "/reading").status_code == 200
    assert client.post("/refused/text").status_code == 500
    assert server.numbers() == []


@pytest.mark.parametrize("wanted", ["read-write", "primary", "any"])
def test_reading_from_the_server_that_writes(
    layer: Any, run: Run, database: str, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    """`read-write` looks at the very setting that makes the connections read-only."""
    monkeypatch.setenv("DATABASE_URL", f"{database}?target_session_attrs={wanted}")

    async def read() -> object:
        async with asynccontextmanager(layer.get_read_db)() as session:
            return await session.scalar(text("SHOW default_transaction_read_only"))

    assert run(read()) == "on"


def test_closing_has_an_end_where_nobody_answers(layer: Any, proxy: tcp_proxy.Proxy) -> None:
    """Without one of our own it would be that of a statement: 35 seconds for each connection."""
    dispose_engines = import_module("layered.core.database.engine").dispose_engines

    async def live() -> float:
        async with layer.async_session() as one, layer.async_session() as other:
            await one.connection()
            await other.connection()
        proxy.swallow()
        started = monotonic()
        await dispose_engines()
        return monotonic() - started

    assert asyncio.run(live()) < 10
    proxy.pass_on()


def test_a_role_that_may_not_read_the_revision(
    layer: Any, run: Run, server: Server, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    status = import_module("layered.core.database.status")
    server.ask("CREATE TABLE alembic_version (version_num text)")
    server.ask("CREATE ROLE reader LOGIN PASSWORD 'x'")
    try:
        url = make_url(database).set(username="reader", password="x")  # noqa: S106
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))

        async def revision() -> Any:
            return (await status.read_status(layer.get_engine()))["revision"]["current"]

        assert run(revision()) is None
    finally:
        server.ask("DROP ROLE reader")


def test_an_env_file_that_is_no_text(
    project: Tree, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    env = project.application.parent / ".env"
    env.write_bytes("DATABASE_URL=postgresql://me:cänary@h/d".encode("latin-1"))
    try:
        assert client.get("/numbers").json()["code"] == "database_not_configured"
    finally:
        env.unlink()
    assert "A .env file cannot be read: expected NAME=value lines in UTF-8" in caplog.text
    assert "nary" not in caplog.text
