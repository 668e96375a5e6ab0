"""`GET /health/database` says up or down to everybody, and why to the log alone."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.testclient import TestClient
from sqlalchemy import make_url
from starlette.responses import PlainTextResponse

from runtime.application import Server

CANARY = "correct%20horse"
UP = (200, {"status": "ok"})
DOWN = (503, {"status": "unavailable"})


def health(client: TestClient, path: str = "/health/database") -> tuple[int, Any]:
    response = client.get(path)
    return response.status_code, response.json()


@contextmanager
def silent_server() -> Iterator[int]:
    """Accept connections and never say a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_up(client: TestClient, database: str) -> None:
    assert health(client) == UP
    assert client.head("/health/database").status_code == 200
    assert client.post("/health/database").status_code == 405
    assert database


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "DatabaseNotConfiguredError: DATABASE_URL is not set in the environment or in .env"),
        ({"DATABASE_URL": f"postgresql://me:{CANARY}@127.0.0.1:1/db"}, "[Errno 111]"),
        ({"DATABASE_URL": f"postgresql://me:{CANARY}@nowhere.invalid/db"}, "[Errno -2]"),
        (
            {"DATABASE_URL": f"postgresql://me:{CANARY}@127.0.0.1:99999/db"},
            "DATABASE_URL has a port",
        ),
        ({"DATABASE_URL": f"me:{CANARY}@127.0.0.1/db"}, "DATABASE_URL is not a URL"),
        ({"DATABASE_URL": f"mysql://me:{CANARY}@127.0.0.1/db"}, "DATABASE_URL starts with mysql"),
        (
            {"DATABASE_URL": f"postgresql://me:{CANARY}@127.0.0.1:1/db?requirepeer={CANARY}"},
            "DATABASE_URL has the option 'requirepeer', which this layer cannot honour",
        ),
        (
            {"DATABASE_URL": f"postgresql://me:{CANARY}@127.0.0.1:1/db?sslmode={CANARY}"},
            "DATABASE_URL has a sslmode other than allow, disable, prefer",
        ),
        (
            {"DATABASE_URL": "postgresql://h/d", "DATABASE_READ_URL": f"h:{CANARY}"},
            "DATABASE_READ_URL is not a URL",
        ),
        (
            {"DATABASE_URL": "postgresql://h/d", "DATABASE_POOL_SIZE": CANARY},
            "DATABASE_POOL_SIZE: Input should be a valid integer",
        ),
        (
            {"DATABASE_URL": "postgresql://h/d", "DATABASE_MAX_OVERFLOW": "-1"},
            "DATABASE_MAX_OVERFLOW: Input should be greater than or equal to 0",
        ),
    ],
)
def test_down(
    client: TestClient,
    variables: dict[str, str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    caplog.set_level(logging.INFO)

    assert health(client) == DOWN

    [record] = [record for record in caplog.records if record.name.startswith("layered")]
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("The database is unavailable: ")
    assert reason in caplog.text
    assert "correct" not in caplog.text


def test_the_server_refuses(
    client: TestClient,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = make_url(database)
    for other, reason in (
        (url.set(password=CANARY), "password authentication failed for user"),
        (url.set(database="missing"), 'database "missing" does not exist'),
    ):
        monkeypatch.setenv("DATABASE_URL", other.render_as_string(hide_password=False))
        # Settings are read once per event loop: without `with`, that is once per request.
        assert health(TestClient(client.app)) == DOWN
        assert reason in caplog.text
    assert "correct" not in caplog.text


def test_a_server_that_never_answers_is_down(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with silent_server() as port:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://me:{CANARY}@127.0.0.1:{port}/db")
        assert health(client) == DOWN
    assert "The database did not answer within 3 seconds" in caplog.text


def test_it_recovers(client: TestClient, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")
    assert health(client) == DOWN
    monkeypatch.setenv("DATABASE_URL", database)
    assert health(client) == UP


def refuse() -> None:
    raise HTTPException(status_code=401)


def test_nothing_of_the_application_stands_before_it(layer: Any, database: str) -> None:
    """Neither authentication of the whole application, nor what is added after it."""

    def build() -> FastAPI:
        app = FastAPI(dependencies=[Depends(refuse)])
        layer.setup_database(app)

        @app.get("/{path:path}")
        async def everything(path: str) -> str:
            return path

        app.mount("/", PlainTextResponse("the frontend"))
        return app

    # A factory that is called twice gives two applications of their own.
    for app in (build(), build()):
        with TestClient(app) as client:
            assert health(client) == UP
            assert client.get("/anything").status_code == 401
        assert "/health/database" not in app.openapi()["paths"]
    with TestClient(build(), root_path="/api") as client:
        assert health(client, "/api/health/database") == UP
    assert database


@pytest.mark.parametrize("style", ["lifespan", "on_event", "router"])
def test_the_lifespan_of_the_application_runs_once(layer: Any, server: Server, style: str) -> None:
    happened: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        happened.append("start")
        async with layer.async_session() as session:
            await session.connection()
        yield {"greeting": "hello"}
        # The database is still there for what the application does at its end.
        async with layer.async_session() as session:
            await session.connection()
        happened.append("stop")
        assert app

    app = FastAPI(lifespan=lifespan if style == "lifespan" else None)
    layer.setup_database(app)
    if style == "on_event":
        app.router.on_startup.append(lambda: happened.append("start"))
        app.router.on_shutdown.append(lambda: happened.append("stop"))
    if style == "router":
        app.router.lifespan_context = lifespan

    for _ in range(2):
        with TestClient(app) as client:
            assert happened == ["start"]
            assert health(client) == UP
            assert client.app_state.get("greeting") == (None if style == "on_event" else "hello")
        assert happened == ["start", "stop"]
        assert server.connections() == 0
        happened.clear()


def test_connections_are_closed_when_the_application_stops(layer: Any, server: Server) -> None:
    """Not only when the event loop ends."""
    app = FastAPI()
    layer.setup_database(app)

    async def live() -> tuple[int, int]:
        async with app.router.lifespan_context(app):
            async with layer.async_session() as session:
                await session.connection()
            engine = layer.get_engine()
            open_before = engine.pool.checkedin()
        return open_before, await asyncio.to_thread(server.connections)

    assert asyncio.run(live()) == (1, 0)
