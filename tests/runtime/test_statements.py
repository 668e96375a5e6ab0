"""Statements that are slow, streams of rows, and transactions that are left alone."""

import asyncio
import logging
import re
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InvalidRequestError, NotSupportedError
from sqlalchemy.ext.asyncio import AsyncSession

from runtime.application import Respond, Server, Work

CANARY = "canary-41f0"
SNAPSHOT = {"isolation_level": "REPEATABLE READ"}
ADD = "INSERT INTO tickets (number, title) VALUES (:number, '')"
ROWS = "SELECT n, CASE n WHEN 150 THEN {} END FROM generate_series(1, 200) n"

pytestmark = pytest.mark.usefixtures("database")


def executing(statement: str, **parameters: object) -> Work:
    return lambda session: session.execute(text(statement), parameters)


async def stream(session: AsyncSession, statement: str) -> list[Any]:
    rows = await session.stream_scalars(text(statement))
    return [row async for row in rows]


@pytest.mark.parametrize("path", ["/work", "/reading"])
def test_a_slow_statement_is_logged_once(
    respond: Respond,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("DATABASE_SLOW_STATEMENT", "0.5")
    fast = executing("SELECT 1, CAST(:value AS text)", value=CANARY)
    slow = executing("SELECT pg_sleep(0.6), CAST(:value AS text)", value=CANARY)
    for work in (fast, slow, fast):
        assert respond(work, path).status_code == 200

    [record] = [r for r in caplog.records if "Slow" in r.getMessage()]
    assert (record.name, record.levelname) == ("layered.core.database.statements", "WARNING")
    logged = re.fullmatch(
        r"Slow statement, (\d+\.\d{3}) seconds: SELECT pg_sleep\(0\.6\), CAST\(\$1 AS text\)",
        record.getMessage(),
    )
    assert logged
    assert 0.5 <= float(logged[1]) < 60
    assert CANARY not in caplog.text


def test_no_statement_is_slow_when_that_is_switched_off(
    respond: Respond, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABASE_SLOW_STATEMENT", "0")
    assert respond(executing("SELECT pg_sleep(0.1)")).status_code == 200
    assert "Slow" not in caplog.text


@pytest.mark.parametrize(("path", "pooler"), [("/work", "false"), ("/reading", "true")])
def test_rows_are_streamed_in_a_transaction(
    respond: Respond, path: str, pooler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PGBOUNCER", pooler)
    rows: list[int] = []

    async def work(session: AsyncSession) -> None:
        rows.extend(await stream(session, "SELECT generate_series(1, 200)"))

    assert respond(work, path).status_code == 200
    assert rows == list(range(1, 201))


def test_a_stream_without_a_transaction_is_refused(app: FastAPI) -> None:
    """And the connection is as good as before."""
    processes: list[int] = []

    async def fail(session: AsyncSession) -> None:
        await stream(session, "SELECT pg_backend_pid()")

    async def succeed(session: AsyncSession) -> None:
        await session.connection(execution_options=SNAPSHOT)
        processes.extend(await stream(session, "SELECT pg_backend_pid()"))

    with TestClient(app) as client:
        for _ in range(2):
            app.state.work = fail
            with pytest.raises(InvalidRequestError) as refused:
                client.post("/reading")
            app.state.work = succeed
            assert client.post("/reading").status_code == 200
    assert str(refused.value) == (
        "A stream needs a transaction: in a read session, begin with "
        '`await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})`'
    )
    assert len(set(processes)) == 1


def test_a_snapshot_of_a_read_session(layer: Any, respond: Respond, server: Server) -> None:
    numbers = "SELECT number FROM tickets ORDER BY number"
    seen: list[list[int]] = []

    async def read(session: AsyncSession) -> None:
        for number in (1, 2):
            seen.append(await stream(session, numbers))
            async with layer.async_session() as rival, rival.begin():
                await executing(ADD, number=number)(rival)

    async def read_a_snapshot(session: AsyncSession) -> None:
        await session.connection(execution_options=SNAPSHOT)
        await read(session)

    async def write_in_a_snapshot(session: AsyncSession) -> None:
        await session.connection(execution_options=SNAPSHOT)
        with pytest.raises(DBAPIError) as refused:
            await executing(ADD, number=3)(session)
        assert getattr(refused.value.orig, "sqlstate", None) == "25006"

    transactions: list[Any] = []

    async def read_as_ever(session: AsyncSession) -> None:
        transactions.append(await session.scalar(text("SELECT now()")))
        transactions.append(await session.scalar(text("SELECT now()")))
        seen.append(list(await session.scalars(text(numbers))))

    assert respond(read_a_snapshot, "/reading").status_code == 200
    assert respond(write_in_a_snapshot, "/reading").status_code == 200
    assert respond(read_as_ever, "/reading").status_code == 200
    assert seen == [[], [], [1, 2]]
    # On the same connection, each statement is a transaction of its own again.
    assert len(set(transactions)) == 2
    assert server.numbers() == [1, 2]


@pytest.mark.parametrize(
    ("trouble", "status", "code"),
    [
        ("pg_sleep(60)", 504, "query_canceled"),
        ("pg_terminate_backend(pg_backend_pid())", 503, "database_unavailable"),
    ],
)
def test_trouble_in_the_middle_of_a_stream(
    respond: Respond, trouble: str, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT", "1")
    beginning: list[int] = []

    async def work(session: AsyncSession) -> None:
        async for number, _ in await session.stream(text(ROWS.format(trouble))):
            beginning.append(number)

    response = respond(work)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert beginning[:1] == [1]
    assert respond(executing("SELECT 1")).status_code == 200


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_transaction_that_is_left_alone_is_ended(
    respond: Respond, server: Server, *, goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_IDLE_IN_TRANSACTION_TIMEOUT", "0.5")
    add = executing(ADD, number=1)

    async def rest(session: AsyncSession) -> None:
        await add(session)
        await asyncio.sleep(1)
        if goes_on:
            await executing("SELECT 1")(session)

    response = respond(rest)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert response.json() == {
        "detail": "The database is not available",
        "code": "database_unavailable",
    }
    assert server.numbers() == []
    assert respond(add).status_code == 200
    assert server.numbers() == [1]


def test_a_changed_column_cannot_lose_a_commit(respond: Respond, server: Server) -> None:
    """SQLAlchemy hides that it was PostgreSQL that said no, and so ended the transaction."""
    read = executing("SELECT number FROM tickets")

    async def swallow(session: AsyncSession) -> None:
        await executing(ADD, number=1)(session)
        with pytest.raises(NotSupportedError):
            await read(session)

    assert respond(read).status_code == 200
    server.ask("ALTER TABLE tickets ALTER number TYPE bigint")
    assert respond(swallow).status_code == 500
    assert server.numbers() == []
