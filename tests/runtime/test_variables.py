"""What the environment and `.env` may hold, and the sentence where it cannot be used."""

import asyncio
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

from rendering import Tree
from runtime.application import Run, Server

LogIn = Callable[[str], str]

CANARY = "canary"
WHOLE = "Input should be a valid integer, unable to parse string as an integer"
NUMBER = "Input should be a valid number, unable to parse string as a number"
LEAST, MORE, MOST = (
    f"Input should be {limit}"
    for limit in ("greater than or equal to", "greater than", "less than or equal to")
)
BOUNDS = {
    "ALEMBIC_LOCK_TIMEOUT": (NUMBER, MORE, 0, 3600),
    "ALEMBIC_STATEMENT_TIMEOUT": (NUMBER, LEAST, 0, 604800),
    "ALEMBIC_WAIT_TIMEOUT": (NUMBER, LEAST, 0, 86400),
    "DATABASE_START_TIMEOUT": (NUMBER, LEAST, 0, 3600),
    "DATABASE_POOL_SIZE": (WHOLE, LEAST, 1, 1000),
    "DATABASE_MAX_OVERFLOW": (WHOLE, LEAST, 0, 1000),
    "DATABASE_POOL_TIMEOUT": (NUMBER, MORE, 0, 600),
    "DATABASE_POOL_RECYCLE": (WHOLE, LEAST, 1, 86400),
    "DATABASE_PING_AFTER": (NUMBER, LEAST, 0, 3600),
    "DATABASE_CONNECT_TIMEOUT": (NUMBER, MORE, 0, 60),
    "DATABASE_STATEMENT_TIMEOUT": (NUMBER, LEAST, 0, 86400),
    "DATABASE_LOCK_TIMEOUT": (NUMBER, LEAST, 0, 86400),
    "DATABASE_IDLE_IN_TRANSACTION_TIMEOUT": (NUMBER, LEAST, 0, 86400),
    "DATABASE_SLOW_STATEMENT": (NUMBER, LEAST, 0, 86400),
}


@dataclass
class Account:
    name: str
    server: Server

    def set_password(self, password: str) -> None:
        quoted = password.replace("'", "''")
        self.server.ask(f"ALTER ROLE {self.name} PASSWORD '{quoted}'")


@pytest.fixture
def settings(layer: Any) -> Any:
    return import_module(f"{layer.__name__}.settings")


def test_every_number_has_bounds(settings: Any) -> None:
    fields = settings.DatabaseSettings.model_fields
    numbers = {name for name, field in fields.items() if field.annotation in (int, float)}
    assert {name.lower() for name in BOUNDS} == numbers


@pytest.mark.parametrize("variable", BOUNDS)
def test_a_number_out_of_bounds_names_its_variable(
    layer: Any, settings: Any, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, low, least, most = BOUNDS[variable]
    just_below = str(least if low == MORE else least - 1)
    for value, problem in {
        CANARY: kind,
        just_below: f"{low} {least}",
        str(most + 1): f"{MOST} {most}",
    }.items():
        monkeypatch.setenv(variable, value)
        with pytest.raises(layer.DatabaseNotConfiguredError) as caught:
            settings.read_settings()
        assert str(caught.value) == f"{variable}: {problem}"
        assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("variable", BOUNDS)
def test_a_number_at_its_bounds(
    settings: Any, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, low, least, most = BOUNDS[variable]
    for value in (least + 0.5 if low == MORE else least, most):
        monkeypatch.setenv(variable, str(value))
        assert getattr(settings.read_settings(), variable.lower()) == value


def test_one_message_for_all_problems(
    layer: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://h")
    monkeypatch.setenv("DATABASE_ECHO", CANARY)
    monkeypatch.setenv("DATABASE_POOL_SIZE", "0")
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT", CANARY)
    with pytest.raises(layer.DatabaseNotConfiguredError) as caught:
        settings.read_settings()
    assert str(caught.value) == (
        "DATABASE_ECHO: Input should be a valid boolean, unable to interpret input; "
        f"DATABASE_POOL_SIZE: {LEAST} 1; DATABASE_LOCK_TIMEOUT: {NUMBER}"
    )


def test_empty_variables_are_as_good_as_none(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = settings.read_settings()
    for name in settings.DatabaseSettings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    assert settings.read_settings() == defaults


def test_urls_are_not_shown(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = [name for name in settings.DatabaseSettings.model_fields if name.endswith("_url")]
    assert len(urls) == 4
    for name in urls:
        monkeypatch.setenv(name.upper(), CANARY)
    assert CANARY not in repr(settings.read_settings())


@pytest.fixture
def account(server: Server) -> Iterator[Account]:
    """Yield an account of the server that is there for one test."""
    account = Account(f"account_{uuid4().hex}", server)
    server.ask(f"CREATE ROLE {account.name} LOGIN")
    yield account
    server.ask(f"DROP ROLE {account.name}")


@pytest.fixture
def log_in(layer: Any, run: Run, database: str, monkeypatch: pytest.MonkeyPatch) -> LogIn:
    """Return a function that connects and returns the name of the account."""

    async def current_user() -> str:
        async with layer.get_engine().connect() as connection:
            return str(await connection.scalar(text("SELECT current_user")))

    def log_in(name_and_password: str) -> str:
        url = f"postgresql://{name_and_password}@{database.partition('@')[2]}"
        monkeypatch.setenv("DATABASE_URL", url)
        return str(run(current_user()))

    return log_in


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a#b?c+d:e;f&g=h,[i]$j!", "a#b?c+d:e;f&g=h,[i]$j!"),
        ("%40%2F%3A%23%3F%5C%27%22", "@/:#?\\'\""),
        ("%25", "%"),
        ("%2525", "%25"),
        ("a%20b", "a b"),
        ("%C3%A9", "é"),
        ("é", "é"),
    ],
)
def test_a_password_arrives_as_it_is_meant(
    account: Account, log_in: LogIn, written: str, meant: str
) -> None:
    account.set_password(meant)
    assert log_in(f"{account.name}:{written}") == account.name
    # It is not that the server lets everybody in.
    with pytest.raises(OperationalError, match="password authentication failed"):
        log_in(f"{account.name}:{written}x")


def test_migrations_have_a_url_of_their_own(
    layer: Any, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_migration_engine = import_module(f"{layer.__name__}.create").create_migration_engine
    read_settings = import_module(f"{layer.__name__}.settings").read_settings

    async def current_database() -> Any:
        engine = create_migration_engine(read_settings())
        async with engine.connect() as connection:
            return await connection.scalar(text("SELECT current_database()"))

    name = make_url(database).database
    assert asyncio.run(current_database()) == name
    monkeypatch.setenv("ALEMBIC_DATABASE_URL", database)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://h/{CANARY}")
    assert asyncio.run(current_database()) == name
    monkeypatch.setenv("ALEMBIC_DATABASE_URL", f"mysql://h/{CANARY}")
    with pytest.raises(layer.DatabaseNotConfiguredError, match=r"^ALEMBIC_DATABASE_URL starts"):
        asyncio.run(current_database())


@pytest.fixture
def dotenv(project: Tree) -> Iterator[tuple[Path, Path]]:
    """Yield the `.env` of the repository, and the one of the folder of alembic.ini."""
    files = project.root / ".env", project.root / "backend/.env"
    yield files
    for file in files:
        file.unlink(missing_ok=True)


def test_the_nearer_file_wins_and_the_environment_over_both(
    settings: Any, dotenv: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository, home = dotenv
    monkeypatch.chdir(tmp_path)
    repository.write_text(
        "DATABASE_POOL_SIZE=2\nDATABASE_MAX_OVERFLOW=2\nDATABASE_POOL_RECYCLE=2\n"
        "DATABASE_ECHO=\nSOMETHING_ELSE=1\n",
        "utf-8",
    )
    home.write_text("DATABASE_MAX_OVERFLOW=3\nDATABASE_POOL_RECYCLE=3\n", "utf-8")
    monkeypatch.setenv("DATABASE_POOL_RECYCLE", "4")
    monkeypatch.setenv("DATABASE_POOL_TIMEOUT", "")

    found = settings.read_settings()

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
