"""Neither a password nor what somebody entered is shown: not in a log, a message or a response."""

import logging
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Enum, literal, make_url, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncSession

from runtime.application import Respond, Run, Server, Work

Fail = Callable[[Work, str], tuple[httpx.Response, Exception]]

CANARY = "canary5e2d"

ACCOUNTS = """CREATE TABLE accounts (
    email text UNIQUE,
    phone text UNIQUE DEFERRABLE INITIALLY DEFERRED,
    zip varchar(5),
    age int,
    name text CHECK (length(name) < 5),
    boss text REFERENCES accounts (email),
    id int NOT NULL DEFAULT 1
)"""


def executing(*statements: str) -> Work:
    async def execute(session: AsyncSession) -> None:
        for statement in statements:
            await session.execute(text(statement), {"value": CANARY})

    return execute


async def insert_many(session: AsyncSession) -> None:
    ages: list[dict[str, object]] = [{"age": 1}, {"age": CANARY}]
    await session.execute(text("INSERT INTO accounts (age) VALUES (:age)"), ages)


COLOURS = Enum("red", "green", native_enum=False, validate_strings=True)


async def choose(session: AsyncSession) -> None:
    await session.execute(select(literal(CANARY, COLOURS)))


async def translate(session: AsyncSession) -> None:
    try:
        await executing("SELECT CAST(CAST(:value AS text) AS int)")(session)
    except Exception as error:
        message = "The application has an error of its own"
        raise RuntimeError(message) from error


ROWS = """SELECT CASE n WHEN 150 THEN CAST(CAST(:value AS text) || n AS {}) END
    FROM generate_series(1, 200) n"""


def streaming(kind: str) -> Work:
    """Return work that fails after many rows: the value is wrong together with a number."""

    async def stream(session: AsyncSession) -> None:
        async for _ in await session.stream(text(ROWS.format(kind)), {"value": CANARY}):
            pass

    return stream


INSERT = "INSERT INTO accounts ({}) VALUES (:value)"
WORKS = {
    "unique": executing(*2 * [INSERT.format("email")]),
    "unique at commit": executing(*2 * [INSERT.format("phone")]),
    "foreign key": executing(INSERT.format("boss")),
    "check": executing(INSERT.format("name")),
    "not null": executing("INSERT INTO accounts (email, id) VALUES (:value, NULL)"),
    "too long": executing(INSERT.format("zip")),
    "refused by asyncpg": executing(INSERT.format("age")),
    "refused by PostgreSQL": executing("SELECT CAST(CAST(:value AS text) AS int)"),
    "refused by SQLAlchemy": choose,
    "one of many": insert_many,
    "full text search": executing("SELECT to_tsquery(:value || ' ' || :value)"),
    "path in a document": executing("SELECT CAST(CAST(:value AS text) AS jsonpath)"),
    "name of a table": executing("SELECT CAST(CAST(:value AS text) AS regclass)"),
    "name of a role": executing("SELECT has_table_privilege(:value, 'accounts', 'SELECT')"),
    "name of a setting": executing("SELECT current_setting(:value)"),
    "SQL in a value": executing("SELECT query_to_xml(:value, true, true, '')"),
    "wrong SQL": executing("SELECT wrong FROM accounts WHERE email = :value"),
    "too slow": executing("SELECT pg_sleep(60), CAST(:value AS text)"),
    "written in a read session": executing(INSERT.format("email")),
    "streamed": streaming("int"),
    "streamed detail": streaming("json"),
    "chained": translate,
}


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Return the log, of all there is."""
    for logger in ("", "sqlalchemy", "sqlalchemy.engine.Engine", "sqlalchemy.pool"):
        caplog.set_level(logging.DEBUG, logger)
    return caplog


def shown(error: BaseException) -> str:
    """Return what a log, a test or a debugger prints of an error and of those behind it."""
    texts = [*traceback.format_exception(error)]
    seen: BaseException | None = error
    while seen:
        texts += [str(seen), repr(seen)]
        if isinstance(seen, StatementError):
            texts += [str(seen.orig), repr(seen.orig)]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(texts)


@pytest.fixture
def fail(app: FastAPI, everything: pytest.LogCaptureFixture) -> Fail:
    """Return a function that runs work that fails in a request.

    It returns the response and the exception, which it has logged as a server does.
    """

    def fail(work: Work, path: str) -> tuple[httpx.Response, Exception]:
        errors = []

        async def remember(session: AsyncSession) -> None:
            try:
                await work(session)
                await session.commit()
            except Exception as error:
                errors.append(error)
                raise

        app.state.work = remember
        with TestClient(app, raise_server_exceptions=False) as client:
            response = client.post(path)
        [error] = errors
        logging.getLogger("server").error("Exception in ASGI application", exc_info=error)
        assert "Traceback" in everything.text
        return response, error

    return fail


@pytest.mark.parametrize("what", WORKS)
def test_what_somebody_entered(
    fail: Fail,
    server: Server,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    everything: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT", "0.5")
    server.ask(ACCOUNTS)
    response, error = fail(WORKS[what], "/reading" if "read session" in what else "/work")
    assert response.status_code >= 400
    assert CANARY not in response.text
    assert CANARY not in shown(error)
    assert CANARY not in everything.text


@pytest.mark.parametrize("what", ["unique", "refused by PostgreSQL", "refused by asyncpg"])
def test_it_is_shown_when_asked_for(
    respond: Respond,
    server: Server,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("DATABASE_ECHO", "true")
    server.ask(ACCOUNTS)
    assert CANARY not in respond(WORKS[what]).text
    assert CANARY in caplog.text


def with_locals(error: BaseException) -> str:
    """Return what services that collect errors send: the values of variables, too."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(found.format())


async def connect(session: AsyncSession) -> None:
    await session.connection()


@pytest.mark.parametrize(
    "wrong",
    [{}, {"port": 1}, {"host": "nowhere.invalid"}, {"query": {"sslmode": "verify-full"}}],
    ids=["password", "port", "host", "tls"],
)
def test_the_password(
    fail: Fail,
    database_url: str,
    wrong: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    everything: pytest.LogCaptureFixture,
) -> None:
    url = make_url(database_url).set(password=CANARY, **wrong)
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    for path in ("/work", "/reading"):
        response, error = fail(connect, path)
        assert response.status_code == 503
        assert CANARY not in response.text
        assert CANARY not in shown(error) + with_locals(error)
    assert CANARY not in everything.text


@pytest.mark.parametrize("echo", ["false", "true"])
def test_the_password_while_everything_works(
    run: Run,
    database: str,
    echo: str,
    monkeypatch: pytest.MonkeyPatch,
    everything: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("DATABASE_ECHO", echo)
    password = make_url(database).password
    assert password
    layer = import_module("layered.core.database")
    engines = import_module("layered.core.database.engine")
    read_url = import_module("layered.core.database.url").read_url

    async def live() -> str:
        settings = engines.get_settings()
        objects = [settings, settings.model_dump(), settings.database_url]
        objects.append(read_url(settings.database_url, "DATABASE_URL"))
        async with layer.async_session() as session:
            connection = await session.connection()
            objects += [session, connection, await connection.get_raw_connection()]
        for engine in (engines.get_engine(), engines.get_read_engine()):
            objects += [engine, engine.sync_engine, engine.pool, engine.dialect, engine.url]
            objects.append(engine.url.render_as_string(hide_password=False))
        return "\n".join(f"{thing!r} {thing}" for thing in objects)

    described = run(live())
    assert "127.0.0.1" in described
    assert password not in described
    assert "BEGIN" in everything.text
    assert password not in everything.text
