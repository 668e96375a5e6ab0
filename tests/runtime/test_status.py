"""What the layer tells of its database: to strangers, to the log, to a person with a shell."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import make_url, text

import layering
import tcp_proxy
from rendering import Tree, write
from runtime.application import ENDPOINTS, REPOSITORY, TICKETS, Run, Server
from runtime.test_commands import DECLARED, WIRED

UP = (200, {"status": "ok"})
DOWN = (503, {"status": "unavailable"})
LONG_AFTER_THE_DEADLINE = 8  # seconds; the deadline is at 3
BEHIND = "The database is at revision {}, the newest is {}: alembic upgrade head\n"
FIRST = ("revision", "--autogenerate", "-m", "tickets", "--rev-id", "first")
SECOND = ("revision", "-m", "empty", "--rev-id", "second")
# Four connections in two event loops.
CONNECT = """
import asyncio

from sqlalchemy import make_url, text

from layered.core.database import async_session


async def connect():
    async with async_session() as one, async_session() as other:
        await one.execute(text("SELECT 1"))
        await other.execute(text("SELECT 1"))


asyncio.run(connect())
asyncio.run(connect())
"""


def health(client: TestClient) -> tuple[int, Any]:
    response = client.get("/health/database")
    return response.status_code, response.json()


def test_a_stranger_is_told_nothing_else(client: TestClient, database: str) -> None:
    assert health(client) == UP
    assert database


def test_details_on_demand(
    client: TestClient, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_HEALTH_DETAILS", "true")
    monkeypatch.setenv("DATABASE_POOL_SIZE", "7")
    status, details = health(client)
    assert (status, details.pop("latency_ms") >= 0) == (200, True)
    assert details == {
        "status": "ok",
        "pool": {"in_use": 0, "size": 7},
        "revision": {"current": [], "newest": [], "pending": False},
    }
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/nowhere")
    assert health(TestClient(client.app)) == DOWN
    assert database


@pytest.mark.parametrize("details", ["false", "true"])
@pytest.mark.parametrize("connected", [False, True])
def test_silence_has_an_end(
    proxy: tcp_proxy.Proxy,
    client: TestClient,
    connected: bool,  # noqa: FBT001
    details: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_CONNECT_TIMEOUT", "60")
    monkeypatch.setenv("DATABASE_HEALTH_DETAILS", details)
    if connected:
        assert client.get("/health/database").status_code == 200
    proxy.swallow()
    for _ in range(2):
        started = time.monotonic()
        assert health(client) == DOWN
        assert time.monotonic() - started < LONG_AFTER_THE_DEADLINE
    proxy.pass_on()
    assert client.get("/health/database").status_code == 200


@pytest.mark.parametrize("details", ["false", "true"])
def test_a_late_answer_belongs_to_nobody(
    proxy: tcp_proxy.Proxy,
    client: TestClient,
    database: str,
    details: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The transaction that the server began is not that of the next request."""
    monkeypatch.setenv("DATABASE_HEALTH_DETAILS", details)
    assert client.get("/health/database").status_code == 200
    proxy.round_trip = 4
    assert health(client) == DOWN
    proxy.round_trip = 0
    time.sleep(1.5)  # now the answer has come
    assert client.post("/tickets/1").status_code == 201
    assert Server(database).numbers() == [1]


def test_a_pool_without_a_free_connection(
    layer: Any, app: FastAPI, database: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"POOL_SIZE": "1", "MAX_OVERFLOW": "0", "POOL_TIMEOUT": "60"}
    for name, value in variables.items():
        monkeypatch.setenv(f"DATABASE_{name}", value)

    async def ask() -> tuple[int, float]:
        transport = httpx.ASGITransport(app)
        async with (
            layer.async_session() as session,
            httpx.AsyncClient(transport=transport, base_url="http://app") as client,
        ):
            await session.execute(text("SELECT 1"))
            started = time.monotonic()
            response = await client.get("/health/database")
            return response.status_code, time.monotonic() - started

    status, seconds = run(ask())
    assert status == 503
    assert seconds < LONG_AFTER_THE_DEADLINE
    assert database


@pytest.fixture
def home(rendered: Tree, tmp_path: Path) -> Path:
    """Return the folder of alembic.ini in a project that is wired."""
    root = shutil.copytree(rendered.root, tmp_path / "repository")
    files = {
        "main.py": WIRED + "\nfrom layered.api import router\n\napp.include_router(router)\n",
        "api.py": ENDPOINTS,
        "models/tickets.py": TICKETS,
    }
    write(root / "backend/layered", files)
    return write(root / "backend", {"pyproject.toml": DECLARED})


def logged(home: Path, url: str, **variables: str) -> str:
    """Return what a process logs that uses the database."""
    done = layering.run(
        *(sys.executable, "-c", CONNECT), cwd=home, variables={"DATABASE_URL": url, **variables}
    )
    assert done.stdout == ""
    return done.stderr


def alembic(home: Path, url: str, *arguments: str) -> None:
    layering.run("alembic", *arguments, cwd=home, variables={"DATABASE_URL": url})


def test_a_process_logs_once_that_the_database_is_behind(home: Path, database_url: str) -> None:
    assert logged(home, database_url) == ""

    alembic(home, database_url, *FIRST)
    assert logged(home, database_url) == BEHIND.format("none", "first")
    alembic(home, database_url, "upgrade", "head")
    assert logged(home, database_url) == ""

    alembic(home, database_url, *SECOND)
    behind = BEHIND.format("first", "second")
    assert logged(home, database_url, WEB_CONCURRENCY="many") == behind
    assert logged(home, database_url, DATABASE_PGBOUNCER="true") == behind
    variables = {"DATABASE_URL": database_url}
    with layering.serving("layered.main:app", cwd=home, variables=variables) as client:
        for _ in range(2):
            assert client.get("/numbers").json() == []
        [log] = home.parent.glob("uvicorn-*.log")
        deadline = time.monotonic() + 30
        while behind not in log.read_text("utf-8"):
            assert time.monotonic() < deadline, "a process that only reads says nothing"
            time.sleep(0.1)
    assert log.read_text("utf-8").count(behind) == 1

    # An older release on the database of a newer one, as in the middle of a deployment.
    alembic(home, database_url, "upgrade", "head")
    [newest] = (home / "alembic/versions").glob("*second*.py")
    newest.unlink()
    assert logged(home, database_url) == ""

    # An image without migrations.
    shutil.rmtree(home / "alembic")
    (home / "alembic.ini").unlink()
    assert logged(home, database_url) == ""


def test_an_impossible_number_of_connections(home: Path, database_url: str) -> None:
    names = ("max_connections", "superuser_reserved_connections")
    most, reserved = (
        int(value) for name in names for value in Server(database_url).ask(f"SHOW {name}")
    )
    limit = most - reserved
    accepts = f"PostgreSQL accepts {limit}: lower DATABASE_POOL_SIZE or DATABASE_MAX_OVERFLOW\n"
    large = {"DATABASE_POOL_SIZE": "10", "DATABASE_MAX_OVERFLOW": "5", "WEB_CONCURRENCY": "20"}

    assert logged(home, database_url, **large) == (
        f"600 connections are possible (20 processes x 2 pools x (10 + 5)), but {accepts}"
    )
    # What a pooler accepts, PostgreSQL does not know.
    assert logged(home, database_url, **large, DATABASE_PGBOUNCER="true") == ""

    # A replica has a limit of its own.
    just = {"DATABASE_READ_URL": database_url, "DATABASE_MAX_OVERFLOW": "0"}
    assert logged(home, database_url, **just, DATABASE_POOL_SIZE=str(limit)) == ""
    assert logged(home, database_url, **just, DATABASE_POOL_SIZE=str(limit + 1)) == (
        f"{limit + 1} connections are possible (1 processes x 1 pools x ({limit + 1} + 0)),"
        f" but {accepts}"
    )


def check(home: Path, url: str) -> tuple[int, dict[str, Any]]:
    done = layering.run(
        *(sys.executable, "-m", "layered.core.database", "check", "--json"),
        cwd=home,
        check=False,
        variables={"DATABASE_URL": url, "DATABASE_POOL_SIZE": "7"},
    )
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert set(report) == {"findings", "database"}
    for finding in report["findings"]:
        assert set(finding) == {"what", "done", "paste"}
    return done.returncode, report


def test_check_for_machines(home: Path, database_url: str) -> None:
    code, report = check(home, "")
    assert all(finding["done"] for finding in report["findings"])
    assert code == 1
    assert report["database"] == {
        "status": "unavailable",
        "reason": "DATABASE_URL is not set in the environment or in .env:"
        " expected postgresql://user:password@host:5432/name",
    }
    code, report = check(home, "postgresql://me:canary@127.0.0.1:1/nowhere")
    assert (code, report["database"]["status"]) == (1, "unavailable")
    assert "Connect call failed" in report["database"]["reason"]
    assert "canary" not in json.dumps(report)

    alembic(home, database_url, *FIRST)
    code, report = check(home, database_url)
    behind = {"current": [], "newest": ["first"], "pending": True}
    assert (code, report["database"]["revision"]) == (1, behind)

    alembic(home, database_url, "upgrade", "head")
    code, report = check(home, database_url)
    assert (code, report["database"].pop("latency_ms") >= 0) == (0, True)
    assert report["database"] == {
        "status": "ok",
        "pool": {"in_use": 0, "size": 7},
        "revision": {"current": ["first"], "newest": ["first"], "pending": False},
    }

    # An image without migrations.
    shutil.rmtree(home / "alembic")
    code, report = check(home, database_url)
    unknown = {"current": ["first"], "newest": None, "pending": False}
    assert (code, report["database"]["revision"]) == (0, unknown)

    write(home, {"layered/main.py": REPOSITORY["backend/layered/main.py"]})
    code, report = check(home, database_url)
    [unwired] = [finding for finding in report["findings"] if not finding["done"]]
    assert (code, report["database"]["status"]) == (1, "ok")
    assert "setup_database(app)" in unwired["paste"]


def last_line(home: Path, url: str) -> tuple[int, str]:
    """Return the exit code of `check`, and what it says of the database."""
    done = layering.run(
        *(sys.executable, "-m", "layered.core.database", "check"),
        cwd=home,
        check=False,
        variables={"DATABASE_URL": url},
    )
    assert done.stderr == ""
    assert done.stdout.count("database: ") == 1
    return done.returncode, done.stdout[done.stdout.index("database: ") - 2 :]


def test_check_tells_of_pending_migrations(home: Path, database_url: str) -> None:
    alembic(home, database_url, *FIRST)
    assert last_line(home, database_url) == (
        1,
        "☐ database: at revision none, the newest is first\n    alembic upgrade head\n",
    )
    alembic(home, database_url, "upgrade", "head")
    assert last_line(home, database_url) == (
        0,
        "✔ database: no migration is pending, at revision first\n",
    )
    [newest] = (home / "alembic/versions").glob("*first*.py")
    newest.rename(home / "first")
    assert last_line(home, database_url) == (
        0,
        "· database: at revision first, of which there is no file here\n",
    )
    shutil.rmtree(home / "alembic")
    assert last_line(home, database_url) == (
        0,
        "· database: at revision first, and the newest cannot be read here\n",
    )


@pytest.fixture
def said(layer: Any) -> Callable[[], tuple[bool | None, str]]:
    """Return a function that asks the database as `check` does."""
    room = import_module(f"{layer.__name__}.check_database")

    def ask() -> tuple[bool | None, str]:
        finding = room.judge(asyncio.run(room.read_database()))
        return finding.done, finding.what

    return ask


def test_check_asks_in_vain(
    said: Callable[[], tuple[bool | None, str]], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said() == (True, "database: no migration is pending, at revision none")
    for url, reason in (
        (
            with_account(database, "nobody", "canary"),
            'password authentication failed for user "nobody"',
        ),
        ("postgresql://me:canary@127.0.0.1:1/nowhere", "[Errno"),
        ("mysql://me:canary@server/nowhere", "DATABASE_URL starts with mysql://: expected"),
    ):
        monkeypatch.setenv("DATABASE_URL", url)
        done, what = said()
        assert done is None
        assert what.startswith(f"database: its revision is not known: {reason}")
        assert "canary" not in what


def test_check_waits_for_some_seconds(
    said: Callable[[], tuple[bool | None, str]],
    proxy: tcp_proxy.Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("layered.core.database.check_database._DEADLINE", 0.2)
    proxy.swallow()
    assert said() == (
        None,
        "database: its revision is not known: no answer within 0.2 seconds",
    )


def with_account(url: str, user: str, password: str) -> str:
    changed = make_url(url).set(username=user, password=password)
    return changed.render_as_string(hide_password=False)


def test_check_asks_as_a_role_that_may_not_know(
    said: Callable[[], tuple[bool | None, str]],
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    role = f"reader_{make_url(database).database}"
    server = Server(database)
    server.ask("CREATE TABLE alembic_version (version_num text)")
    server.ask(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    monkeypatch.setenv("DATABASE_URL", with_account(database, role, "secret"))
    try:
        assert said() == (None, "database: the role may not read its revision")
    finally:
        server.ask(f"DROP ROLE {role}")


def test_check_knows_what_joins_two_heads(layer: Any) -> None:
    room = import_module(f"{layer.__name__}.check_database")
    revision = {"current": ["a"], "newest": ["a", "b"], "pending": True}
    assert room.judge({"status": "ok", "revision": revision}) == (
        "database: at revision a, the newest is a, b",
        False,
        ("python -m layered.core.database rebase",),
    )
