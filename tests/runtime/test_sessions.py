"""A response is sent after the commit, a read cannot write, and no connection is left behind."""

import asyncio
from importlib import import_module
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from runtime.application import Run, Server


def test_a_commit_that_fails_is_never_a_success(client: TestClient, server: Server) -> None:
    """The unique constraint is deferred: only COMMIT checks it."""
    assert client.post("/tickets/1").status_code == 201
    assert client.post("/tickets/1").status_code == 409
    # With FastAPI's default scope, the client is told of a row that is not there.
    assert client.post("/early/1").status_code == 201
    assert server.numbers() == [1]


@pytest.mark.parametrize(
    ("path", "status", "kept"),
    [("raised", 400, []), ("crashed", 500, []), ("returned", 400, [7])],
)
def test_only_exceptions_roll_back(
    client: TestClient, server: Server, path: str, status: int, kept: list[int]
) -> None:
    assert client.post(f"/{path}/7").status_code == status
    assert server.numbers() == kept


def test_a_session_that_is_not_used_opens_no_connection(client: TestClient, server: Server) -> None:
    connected = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'layered' AND datname = current_database()"
    )
    assert client.get("/unused").status_code == 200
    assert server.ask(connected) == [0]
    # The count can tell.
    assert client.get("/numbers").status_code == 200
    assert server.ask(connected) == [1]


@pytest.mark.parametrize("how", ["text", "model"])
def test_a_read_session_is_refused_every_write(
    app: FastAPI, client: TestClient, server: Server, how: str
) -> None:
    with pytest.raises(DBAPIError) as refused, TestClient(app) as strict:
        strict.post(f"/refused/{how}")
    assert getattr(refused.value.orig, "sqlstate", "") == "25006"

    # A session for writing has a connection of its own.
    assert client.get("/process").json() != client.post("/process").json()
    assert client.post("/tickets/5").status_code == 201
    assert server.numbers() == [5]


def test_reads_go_to_the_replica(
    client: TestClient, database: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_READ_URL", postgres_url)
    own, replica = (url.rpartition("/")[2] for url in (database, postgres_url))
    assert client.get("/which").json() == [own, replica]


def test_a_session_used_after_its_request_raises(
    app: FastAPI, client: TestClient, server: Server
) -> None:
    # The response is on its way: Starlette says so, and why no handler can help.
    with TestClient(app) as strict, pytest.raises(RuntimeError, match="started") as raised:
        strict.post("/later/1")
    assert isinstance(raised.value.__cause__, InvalidRequestError)
    assert "permanently closed" in str(raised.value.__cause__)
    assert server.numbers() == []
    assert client.get("/numbers").json() == []


def test_nothing_stays_connected_after_the_application(
    app: FastAPI, server: Server, recwarn: pytest.WarningsRecorder
) -> None:
    for number in range(1, 4):
        with TestClient(app) as client:
            assert client.post(f"/tickets/{number}").status_code == 201
            assert client.get("/numbers").json() == list(range(1, number + 1))
        assert server.connections() == 0
    assert [str(warning.message) for warning in recwarn] == []


def test_every_request_in_a_loop_of_its_own(app: FastAPI, server: Server) -> None:
    """TestClient without `with`: no lifespan, and a new event loop each time."""
    client = TestClient(app)
    for number in range(1, 6):
        assert client.post(f"/tickets/{number}").status_code == 201
        assert client.get("/numbers").json() == list(range(1, number + 1))
    assert server.connections() == 0


def test_scripts_run_one_loop_after_another(layer: Any, run: Run, server: Server) -> None:
    ticket = import_module("layered.models.tickets").Ticket

    async def add(number: int) -> None:
        async with layer.async_session() as session, session.begin():
            session.add(ticket(number=number))

    run(add(1))
    run(add(2))
    asyncio.run(add(3))
    asyncio.run(add(4))
    assert server.numbers() == [1, 2, 3, 4]


def test_no_engine_without_a_loop(layer: Any) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        layer.get_engine()
