"""Commands before the database is up, and one that makes it."""

import socket
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import make_url

import layering
import postgres
from rendering import Tree
from runtime.application import Server
from runtime.migrating import THREE, finish, make_home, start

Outcome = tuple[int, str, str]


@pytest.fixture(scope="module")
def home(rendered: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(rendered, tmp_path_factory.mktemp("three") / "repository", THREE)


def database(home: Path, command: str, **variables: str) -> Outcome:
    done = layering.run(
        *(sys.executable, "-m", "layered.core.database", command),
        cwd=home,
        check=False,
        variables=variables,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_server_that_starts_is_waited_for(home: Path) -> None:
    """From a closed port, over a port that hangs up, to a server."""
    port = layering.free_port()
    command = start(
        home,
        *("upgrade", "head"),
        DATABASE_URL=f"postgresql://postgres:secret@127.0.0.1:{port}/postgres",
    )
    assert command.stdout
    lines = [command.stdout.readline()]
    assert (
        f"Waiting for the database: [Errno 111] Connect call failed ('127.0.0.1', {port})"
        in lines[0]
    )
    with socket.create_server(("127.0.0.1", port)) as listening:
        listening.accept()[0].close()
    with postgres.running(port=port, password="secret"):  # noqa: S106
        code, printed = finish(command)
    assert code == 0, printed
    # A line when the reason changes, however often it was tried.
    waits = [line for line in (*lines, *printed.splitlines(keepends=True)) if "Waiting" in line]
    assert waits[1:]
    assert all(one != following for one, following in pairwise(waits))
    assert "Running upgrade backfill -> index" in printed


def test_a_server_that_never_starts_is_a_sentence(home: Path) -> None:
    url = "postgresql://me:secret@127.0.0.1:1/nowhere"
    variables = {"DATABASE_URL": url, "DATABASE_START_TIMEOUT": "0.7"}
    reason = "[Errno 111] Connect call failed ('127.0.0.1', 1) (host 127.0.0.1)"
    code, printed = finish(start(home, "upgrade", "head", **variables))
    assert code == 255
    assert f"FAILED: No database after 0.7 seconds: {reason}\n" in printed
    assert "Traceback" not in printed
    assert "secret" not in printed
    code, _, said = database(home, "wait", **variables)
    assert code == 1
    assert said.splitlines()[-1] == f"No database after 0.7 seconds: {reason}"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"password": "wrong"}, 'password authentication failed for user "postgres"'),
        ({"username": "nobody"}, 'password authentication failed for user "nobody"'),
        (
            {"database": "missing"},
            (
                'database "missing" does not exist (host 127.0.0.1):'
                " in development, run python -m layered.core.database create"
            ),
        ),
        ({"query": {"sslmode": "require"}}, "rejected SSL upgrade"),
    ],
)
def test_what_waiting_does_not_mend_is_said_at_once(
    home: Path, database_url: str, change: dict[str, Any], problem: str
) -> None:
    """It would end the test if it were waited for."""
    url = make_url(database_url).set(**change).render_as_string(hide_password=False)
    variables = {"DATABASE_URL": url, "DATABASE_START_TIMEOUT": "3600"}
    code, printed = finish(start(home, "upgrade", "head", **variables))
    assert code == 255
    assert f"FAILED: {problem}" in printed or f"{problem} (host" in printed
    assert "Waiting" not in printed
    assert "Traceback" not in printed
    code, _, said = database(home, "wait", **variables)
    assert code == 1
    assert problem in said


def test_waiting_for_a_database_that_is_up(home: Path, database_url: str) -> None:
    code, said, _ = database(home, "wait", DATABASE_URL=database_url)
    assert (code, said) == (0, "The database is up\n")


@pytest.fixture
def missing(postgres_url: str) -> Iterator[str]:
    """URL of a database that is not there, with a name that needs quotes."""
    name = f'It\'s "{uuid4().hex}" %ä/?'
    yield f"{postgres_url.rpartition('/')[0]}/{quote(name, safe='')}"
    postgres.drop_database(postgres_url, name)


def test_a_missing_database_is_made_on_demand(home: Path, missing: str) -> None:
    variables = {"DATABASE_URL": "postgresql://nowhere/x", "ALEMBIC_DATABASE_URL": missing}
    name = make_url(missing).database
    assert database(home, "create", **variables) == (0, f"The database {name} was created\n", "")
    assert Server(missing).ask("SELECT current_database()") == [name]
    assert database(home, "create", **variables) == (0, f"The database {name} exists\n", "")


def test_a_role_that_may_not_make_databases(home: Path, missing: str, postgres_url: str) -> None:
    role, server = f"role_{uuid4().hex}", Server(postgres_url)
    server.ask(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    url = make_url(missing).set(username=role, password="secret")  # noqa: S106
    variables = {"DATABASE_URL": url.render_as_string(hide_password=False)}
    code, _, said = database(home, "create", **variables)
    server.ask(f"DROP ROLE {role}")
    assert (code, said) == (1, "permission denied to create database\n")


def test_a_url_without_a_name(home: Path, database_url: str) -> None:
    url = database_url.rpartition("/")[0]
    code, _, said = database(home, "create", DATABASE_URL=url)
    assert (code, said) == (1, "The URL names no database: expected postgresql://host/name\n")
