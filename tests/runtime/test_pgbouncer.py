"""The layer behind a real PgBouncer that lends its connections for one transaction."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

import pgbouncer
from requirements import require
from runtime.application import Run, Server

# The tests of sessions once more, with the database of this module.
from runtime.test_sessions import (
    test_a_commit_that_fails_is_never_a_success,
    test_a_session_used_after_its_request_raises,
    test_only_exceptions_roll_back,
)

__all__ = [
    "test_a_commit_that_fails_is_never_a_success",
    "test_a_session_used_after_its_request_raises",
    "test_only_exceptions_roll_back",
]


@pytest.fixture(scope="module")
def bouncer(postgres_url: str) -> Iterator[str]:
    """Fewer connections than clients, and no prepared statement outlives its transaction."""
    require(pgbouncer.available())
    with pgbouncer.running(postgres_url, default_pool_size=3, max_prepared_statements=0) as url:
        yield url


@pytest.fixture
def database(
    layer: Any, run: Run, database_url: str, bouncer: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setenv("DATABASE_URL", pgbouncer.through(bouncer, database_url))
    monkeypatch.setenv("DATABASE_PGBOUNCER", "true")
    run(layer.init_db())
    return database_url


def test_many_clients_share_few_connections(client: TestClient, server: Server) -> None:
    """The mutant, without DATABASE_PGBOUNCER, fails at the first connection (see below)."""

    def use(number: int) -> list[int]:
        return [
            client.post(f"/tickets/{number}").status_code,
            client.get("/numbers").status_code,
            client.get("/health/database").status_code,
        ]

    with ThreadPoolExecutor(10) as clients:
        answers = [status for answer in clients.map(use, range(1, 101)) for status in answer]

    assert Counter(answers) == {201: 100, 200: 200}
    assert server.numbers() == list(range(1, 101))


@pytest.mark.parametrize("how", ["text", "model"])
def test_a_read_session_is_refused_every_write(
    client: TestClient, server: Server, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.post(f"/refused/{how}").status_code == 500
    assert "A write came from a ReadSessionDep" in caplog.text
    assert client.post("/tickets/5").status_code == 201
    assert server.numbers() == [5]


def test_without_the_setting_the_log_names_it(
    client: TestClient,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("DATABASE_PGBOUNCER")
    response = client.post("/tickets/1")
    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert "set DATABASE_PGBOUNCER=true" in caplog.text
    assert server.numbers() == []
