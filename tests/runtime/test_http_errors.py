"""Which response answers which error of the database, each of them provoked for real."""

import asyncio
import logging
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Thread
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InvalidRequestError,
    NoResultFound,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.ext.asyncio import AsyncSession

from runtime.application import Respond, Server, Work

pytestmark = pytest.mark.usefixtures("database")

Answer = tuple[int, str | None, dict[str, str]]

AWAY: Answer = (
    503,
    "5",
    {"detail": "The database is not available", "code": "database_unavailable"},
)
IN_USE = "It or what it refers to is in use"
FASTER = "Another request was faster"

TICKET = "INSERT INTO tickets (id, number, title, parent_id) OVERRIDING SYSTEM VALUE VALUES"
CHILDREN = "CREATE TABLE children (ticket_id bigint REFERENCES tickets ON DELETE RESTRICT)"
BOOKINGS = """CREATE TABLE bookings (
    during int4range, CONSTRAINT once EXCLUDE USING gist (during WITH &&)
)"""


def executing(*statements: str) -> Work:
    async def execute(session: AsyncSession) -> None:
        for statement in statements:
            await session.execute(text(statement))

    return execute


@pytest.fixture(params=["false", "true"], ids=["direct", "pooler"])
def pooler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    request.getfixturevalue("layer")  # which takes away all variables
    monkeypatch.setenv("DATABASE_PGBOUNCER", request.param)


def answer(response: httpx.Response) -> Answer:
    return response.status_code, response.headers.get("Retry-After"), response.json()


@pytest.mark.parametrize(
    ("statements", "status", "body"),
    [
        pytest.param(
            [f"{TICKET} (1, 1, 'a', NULL), (2, 1, 'a', NULL)"],
            409,
            {
                "detail": "It exists already",
                "code": "unique_violation",
                "constraint": "uq_tickets_number_title",
            },
            id="unique",
        ),
        pytest.param(
            [f"{TICKET} (1, 1, 'a', NULL), (2, 1, 'b', NULL)"],
            409,
            {
                "detail": "It exists already",
                "code": "unique_violation",
                "constraint": "uq_tickets_number",
            },
            id="unique-at-commit",
        ),
        pytest.param(
            [f"{TICKET} (1, 1, '', 99)"],
            409,
            {
                "detail": IN_USE,
                "code": "foreign_key_violation",
                "constraint": "fk_tickets_parent_id_tickets",
            },
            id="child-without-parent",
        ),
        pytest.param(
            [f"{TICKET} (1, 1, '', NULL), (2, 2, '', 1)", "DELETE FROM tickets WHERE id = 1"],
            409,
            {
                "detail": IN_USE,
                "code": "foreign_key_violation",
                "constraint": "fk_tickets_parent_id_tickets",
            },
            id="parent-of-a-child",
        ),
        pytest.param(
            [
                CHILDREN,
                f"{TICKET} (1, 1, '', NULL)",
                "INSERT INTO children VALUES (1)",
                "DELETE FROM tickets",
            ],
            409,
            {
                "detail": "Other data refers to it",
                "code": "restrict_violation",
                "constraint": "children_ticket_id_fkey",
            },
            id="restrict",  # a code of its own since PostgreSQL 18
        ),
        pytest.param(
            [BOOKINGS, "INSERT INTO bookings VALUES ('[1,5)'), ('[4,6)')"],
            409,
            {
                "detail": "It overlaps with another",
                "code": "exclusion_violation",
                "constraint": "once",
            },
            id="exclusion",
        ),
        pytest.param(
            [f"{TICKET} (1, NULL, '', NULL)"],
            422,
            {"detail": "A value is missing", "code": "not_null_violation", "column": "number"},
            id="not-null",
        ),
        pytest.param(
            [f"{TICKET} (1, 0, '', NULL)"],
            422,
            {
                "detail": "A value is not allowed",
                "code": "check_violation",
                "constraint": "ck_tickets_positive",
            },
            id="check",
        ),
    ],
)
def test_broken_constraints(
    respond: Respond, server: Server, statements: list[str], status: int, body: dict[str, str]
) -> None:
    assert answer(respond(executing(*statements))) == (status, None, body)
    assert server.numbers() == []


def test_a_text_that_postgresql_cannot_keep(
    respond: Respond, caplog: pytest.LogCaptureFixture
) -> None:
    """JSON and query strings may have a NUL, and pydantic lets it through."""

    async def look(session: AsyncSession) -> None:
        await session.execute(text("SELECT CAST(:name AS text)"), {"name": "secret\0"})

    assert answer(respond(look)) == (
        422,
        None,
        {
            "detail": "A text has a NUL character",
            "code": "character_not_in_repertoire",
        },
    )
    assert "secret" not in caplog.text


def test_a_serialization_failure(layer: Any, respond: Respond, server: Server) -> None:
    count = executing("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SELECT FROM tickets")

    async def collide(session: AsyncSession) -> None:
        await count(session)
        async with layer.async_session() as rival, rival.begin():
            await count(rival)
            await executing(f"{TICKET} (1, 1, '', NULL)")(rival)
        await executing(f"{TICKET} (2, 2, '', NULL)")(session)

    assert answer(respond(collide)) == (
        503,
        "1",
        {"detail": FASTER, "code": "serialization_failure"},
    )
    assert server.numbers() == [1]


def test_a_deadlock(layer: Any, respond: Respond, server: Server) -> None:
    server.ask(f"{TICKET} (1, 1, '', NULL), (2, 2, '', NULL)")
    lock = "UPDATE tickets SET title = 'locked' WHERE id = "

    async def collide(session: AsyncSession) -> None:
        async with layer.async_session() as rival:
            # It waits for ever, so that the one that is ended is the request.
            await executing("SET LOCAL deadlock_timeout = '1min'", f"{lock} 2")(rival)
            await executing(f"{lock} 1")(session)
            waiting = asyncio.ensure_future(executing(f"{lock} 1")(rival))
            try:
                await executing(f"{lock} 2")(session)
            finally:
                await session.rollback()
                await waiting

    assert answer(respond(collide)) == (503, "1", {"detail": FASTER, "code": "deadlock_detected"})


def test_a_lock_that_is_not_given_back(
    layer: Any, respond: Respond, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", "0.05")
    lock = executing("LOCK TABLE tickets")

    async def collide(session: AsyncSession) -> None:
        async with layer.async_session() as rival:
            await lock(rival)
            await lock(session)

    assert answer(respond(collide)) == (
        503,
        "1",
        {"detail": "Another request is at work on it", "code": "lock_not_available"},
    )
    assert server.numbers() == []


@pytest.mark.usefixtures("pooler")
@pytest.mark.parametrize("path", ["/work", "/reading"])
def test_a_statement_that_takes_too_long(
    respond: Respond, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended by the server or, behind a pooler that takes no such order, by the client."""
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT", "0.1")
    assert answer(respond(executing("SELECT pg_sleep(60)"), path)) == (
        504,
        None,
        {"detail": "The database took too long", "code": "query_canceled"},
    )


def test_an_exhausted_pool(layer: Any, respond: Respond, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "1")
    monkeypatch.setenv("DATABASE_MAX_OVERFLOW", "0")
    monkeypatch.setenv("DATABASE_POOL_TIMEOUT", "0.05")

    async def take_two(session: AsyncSession) -> None:
        await session.connection()
        async with layer.async_session() as another:
            await another.connection()

    assert answer(respond(take_two)) == (
        503,
        "1",
        {"detail": "Too many requests at a time", "code": "pool_exhausted"},
    )


def test_a_column_that_has_changed_its_type(respond: Respond, server: Server) -> None:
    """One such response for each connection in the pool at most."""
    read = executing("SELECT number FROM tickets")
    assert respond(read).status_code == 200
    server.ask("ALTER TABLE tickets ALTER number TYPE bigint")
    assert answer(respond(read)) == (
        503,
        "1",
        {"detail": "The database has just changed", "code": "schema_changed"},
    )
    assert respond(read).status_code == 200


def test_a_connection_that_is_lost(respond: Respond) -> None:
    quit_here = executing("SELECT pg_terminate_backend(pg_backend_pid())")
    for path in ("/work", "/reading"):
        assert answer(respond(quit_here, path)) == AWAY
        assert respond(executing("SELECT 1"), path).status_code == 200


@pytest.mark.parametrize("sqlstate", ["08006", "53100", "53200", "57P04"])
def test_a_server_in_trouble(respond: Respond, sqlstate: str) -> None:
    """Such as a full disk, which leaves the connection open."""
    raising = executing(f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$")
    assert answer(respond(raising)) == AWAY


@contextmanager
def refusing_server(sqlstate: bytes) -> Iterator[int]:
    """Run a server whose only message is one of PostgreSQL's protocol: an ErrorResponse."""
    fields = b"SFATAL\0VFATAL\0C" + sqlstate + b"\0Mnot now\0\0"
    message = b"E" + struct.pack("!i", 4 + len(fields)) + fields

    def refuse(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(1024)
                connection.sendall(message)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=refuse, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("path", ["/work", "/reading"])
def test_a_server_that_is_starting_up(
    respond: Respond, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with refusing_server(b"57P03") as port:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://127.0.0.1:{port}/db?sslmode=disable")
        assert answer(respond(executing("SELECT 1"), path)) == AWAY
    assert "503 database_unavailable: OperationalError: not now" in caplog.text


def test_a_server_with_too_many_connections(
    respond: Respond,
    server: Server,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    role = f"role_{uuid4().hex}"
    server.ask(f"CREATE ROLE {role} LOGIN PASSWORD '{role}' CONNECTION LIMIT 0")
    try:
        url = make_url(database).set(username=role, password=role)
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
        assert answer(respond(executing("SELECT 1"))) == AWAY
    finally:
        server.ask(f"DROP ROLE {role}")
    assert "503 database_unavailable: OperationalError: too many connections" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [{"port": 1}, {"host": "nowhere.invalid"}, {"password": "wrong"}, {"database": "missing"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_database_that_cannot_be_reached(
    respond: Respond, database_url: str, wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(database_url).set(**wrong)
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    assert answer(respond(executing("SELECT 1"))) == AWAY


@pytest.mark.parametrize("path", ["/work", "/reading"])
@pytest.mark.parametrize("url", ["", "mysql://canary@h/d"])
def test_a_database_that_is_not_configured(
    respond: Respond, path: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert answer(respond(executing("SELECT 1"), path)) == (
        503,
        None,
        {"detail": "There is no database", "code": "database_not_configured"},
    )


async def miss(session: AsyncSession) -> None:
    (await session.execute(text("SELECT 1 WHERE false"))).one()


async def use_after_close(session: AsyncSession) -> None:
    await session.close()
    await session.execute(text("SELECT 1"))


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (executing("SELECT wrong"), ProgrammingError),
        (executing("SELECT CAST('wrong' AS int)"), DBAPIError),
        (miss, NoResultFound),
        (use_after_close, InvalidRequestError),
    ],
)
def test_errors_of_the_application_stay_what_they_are(
    app: FastAPI, respond: Respond, work: Work, expected: type[Exception]
) -> None:
    response = respond(work)
    assert (response.status_code, response.text) == (500, "Internal Server Error")
    with TestClient(app) as strict, pytest.raises(expected):
        strict.post("/work")


async def teapot(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse(type(error).__name__, 418)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("handled", [IntegrityError, DBAPIError, SQLAlchemyError])
def test_a_handler_of_the_application_wins(layer: Any, handled: type[Exception], when: str) -> None:
    app = FastAPI(exception_handlers={handled: teapot} if when == "before" else None)
    layer.setup_database(app)
    if when == "after":
        app.add_exception_handler(handled, teapot)
    app.include_router(import_module("layered.api").router)

    with TestClient(app) as client:
        app.state.work = executing(f"{TICKET} (1, 0, '', NULL)")
        response = client.post("/work")
        assert (response.status_code, response.json()) == (418, "IntegrityError")


def test_a_handler_for_everything_gets_what_is_left(app: FastAPI) -> None:
    app.add_exception_handler(Exception, teapot)
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.work = executing("SELECT wrong")
        assert client.post("/work").json() == "ProgrammingError"
        app.state.work = executing(f"{TICKET} (1, 0, '', NULL)")
        assert client.post("/work").status_code == 422


def test_websockets_are_left_alone(layer: Any) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        async with layer.async_session() as session:
            await executing(f"{TICKET} (1, 0, '', NULL)")(session)

    bare, with_layer = FastAPI(), FastAPI()
    layer.setup_database(with_layer)
    for app in (bare, with_layer):
        app.add_api_websocket_route("/", endpoint)
        with (
            TestClient(app) as client,
            pytest.raises(IntegrityError),
            client.websocket_connect("/") as websocket,
        ):
            websocket.receive()


async def add(session: AsyncSession) -> None:
    session.add(import_module("layered.models.tickets").Ticket(number=2))


async def add_and_flush(session: AsyncSession) -> None:
    await add(session)
    await session.flush()


async def change(session: AsyncSession) -> None:
    ticket = import_module("layered.models.tickets").Ticket
    (await session.scalars(select(ticket))).one().number = 2


async def delete(session: AsyncSession) -> None:
    ticket = import_module("layered.models.tickets").Ticket
    await session.delete((await session.scalars(select(ticket))).one())


@pytest.mark.parametrize(
    "work",
    [
        add,
        add_and_flush,
        change,
        delete,
        executing(f"{TICKET} (200, 2, '', NULL)"),
        executing("SELECT nextval('tickets_id_seq')"),
        executing("CREATE TABLE more ()"),
    ],
)
@pytest.mark.usefixtures("pooler")
def test_a_read_session_refuses_to_write(
    respond: Respond, server: Server, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    assert respond(executing(f"{TICKET} (100, 1, '', NULL)")).status_code == 200
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []

    response = respond(work, "/reading")

    assert (response.status_code, response.text) == (500, "Internal Server Error")
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == [
        "A write came from a ReadSessionDep, or went to a replica"
    ]
    assert server.numbers() == [1]
    assert server.ask("SELECT last_value FROM tickets_id_seq") == [1]
    assert server.ask("SELECT to_regclass('more')") == [None]
    assert respond(work).status_code == 200  # in a session for writing
