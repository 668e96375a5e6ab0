"""What the environment and `.env` may hold, and the sentence where it cannot be used."""

import asyncio
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from rendering import Tree
from runtime.application import Run

EXPECTED = ": expected postgresql://user:password@host:5432/name"
CANARY = "canary"


@pytest.mark.parametrize(
    ("scheme", "query"),
    [
        ("postgres", ""),
        ("postgresql", "?sslmode=disable"),
        ("postgresql+asyncpg", "?ssl=disable"),
        ("postgresql+psycopg", "?sslmode=prefer"),
    ],
)
def test_urls_as_platforms_write_them(
    layer: Any, database_url: str, scheme: str, query: str
) -> None:
    url = f"{scheme}://{database_url.partition('://')[2]}{query}"
    asyncpg_url = import_module(f"{layer.__name__}.url").asyncpg_url

    async def live() -> Any:
        engine = create_async_engine(asyncpg_url(SecretStr(url), "DATABASE_URL"))
        try:
            async with engine.connect() as connection:
                return await connection.scalar(text("SELECT current_database()"))
        finally:
            await engine.dispose()

    assert asyncio.run(live()) == make_url(database_url).database


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "is not set in the environment or in .env"),
        (f"mysql://me:{CANARY}@h/d", "starts with mysql://"),
        (f"sqlite+aiosqlite:///{CANARY}", "starts with sqlite://"),
        (f"me:{CANARY}@h/d", "is not a URL (are special characters in the password encoded?)"),
        (
            f"postgresql://me:x@{CANARY}:5432x/d",
            "is not a URL (are special characters in the password encoded?)",
        ),
    ],
)
@pytest.mark.parametrize("variable", ["DATABASE_URL", "ALEMBIC_DATABASE_URL"])
def test_urls_that_cannot_be_used(
    layer: Any, variable: str, value: str | None, sentence: str
) -> None:
    asyncpg_url = import_module("layered.core.database.url").asyncpg_url
    secret = SecretStr(value) if value else None
    with pytest.raises(layer.DatabaseNotConfiguredError) as caught:
        asyncpg_url(secret, variable)
    assert str(caught.value) == f"{variable} {sentence}{EXPECTED}"
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_escaped_passwords_arrive_as_they_are(layer: Any) -> None:
    asyncpg_url = import_module("layered.core.database.url").asyncpg_url
    secret = SecretStr("postgres://me:%40%25%2F%3A@h/d?sslmode=require")
    url = asyncpg_url(secret, "DATABASE_URL")
    assert (url.drivername, url.password) == ("postgresql+asyncpg", "@%/:")
    assert dict(url.query) == {"ssl": "require"}
    assert layer


def test_a_wrong_number_names_its_variable(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read_settings = import_module("layered.core.database.settings").read_settings
    monkeypatch.setenv("DATABASE_POOL_TIMEOUT", CANARY)
    with pytest.raises(
        layer.DatabaseNotConfiguredError, match=r"^DATABASE_POOL_TIMEOUT: "
    ) as caught:
        read_settings()
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.fixture
def dotenv(project: Tree) -> Iterator[tuple[Path, Path]]:
    """Yield the `.env` of the repository, and the one of the folder of alembic.ini."""
    files = project.root / ".env", project.root / "backend/.env"
    yield files
    for file in files:
        file.unlink(missing_ok=True)


def test_the_nearer_file_wins_and_the_environment_over_both(
    layer: Any, dotenv: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository, home = dotenv
    settings = import_module(f"{layer.__name__}.settings").DatabaseSettings
    monkeypatch.chdir(tmp_path)
    repository.write_text(
        "DATABASE_POOL_SIZE=2\nDATABASE_MAX_OVERFLOW=2\nDATABASE_POOL_RECYCLE=2\n"
        "DATABASE_ECHO=\nSOMETHING_ELSE=1\n",
        "utf-8",
    )
    home.write_text("DATABASE_MAX_OVERFLOW=3\nDATABASE_POOL_RECYCLE=3\n", "utf-8")
    monkeypatch.setenv("DATABASE_POOL_RECYCLE", "4")
    monkeypatch.setenv("DATABASE_POOL_TIMEOUT", "")

    found = settings()

    assert found.database_pool_size == 2
    assert found.database_max_overflow == 3
    assert found.database_pool_recycle == 4
    # Empty is as good as not there.
    assert found.database_pool_timeout == 10
    assert found.database_echo is False


def test_parameters_are_logged_only_when_asked_for(
    layer: Any,
    run: Run,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def live() -> None:
        async with layer.async_session() as session:
            await session.execute(text("SELECT :value"), {"value": CANARY})

    run(live())
    assert CANARY not in caplog.text
    monkeypatch.setenv("DATABASE_ECHO", "true")
    run(live())
    assert CANARY in caplog.text
    assert database
