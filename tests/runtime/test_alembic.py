"""Alembic on the command line and as functions."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url

import layering
from rendering import Tree, write
from runtime.application import TICKETS, Server

NOT_SET = (
    "FAILED: DATABASE_URL is not set in the environment or in .env:"
    " expected postgresql://user:password@host:5432/name\n"
)


@pytest.fixture
def home(rendered: Tree, tmp_path: Path) -> Path:
    """Return the folder of alembic.ini, in a path that not every tool likes."""
    root = shutil.copytree(rendered.root, tmp_path / "mein 100% Projekt: Öl & 'Gas' %(here)s")
    write(root / "backend/layered/models", {"tickets.py": TICKETS})
    return root / "backend"


def alembic(
    *arguments: str, cwd: Path, check: bool = True, url: str = "", direct_url: str = ""
) -> subprocess.CompletedProcess[str]:
    # An empty variable is as good as none.
    variables = {"DATABASE_URL": url, "ALEMBIC_DATABASE_URL": direct_url}
    return layering.run("alembic", *arguments, cwd=cwd, check=check, variables=variables)


@pytest.fixture
def awkward_url(database_url: str) -> Iterator[str]:
    """URL with a user whose password holds what a URL, an ini file or Python could mistake."""
    role, password = f"role_{uuid4().hex}", "%20%(here)s@:/?# ä"
    server = Server(database_url)
    server.ask(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{password}'")
    url = make_url(database_url).set(username=role, password=password)
    yield url.render_as_string(hide_password=False)
    server.ask(f"DROP OWNED BY {role}")
    server.ask(f"DROP ROLE {role}")


def test_two_revisions_up_and_down(home: Path, awkward_url: str, database_url: str) -> None:
    server = Server(database_url)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"

    alembic("revision", "--autogenerate", "-m", "tickets", cwd=home, url=awkward_url)
    alembic("upgrade", "head", cwd=home, url=awkward_url)
    model = home / "layered/models/tickets.py"
    model.write_text(f"{model.read_text('utf-8')}    price: Mapped[float | None]\n", "utf-8")
    # From the root of the repository, too.
    ini = ("-c", "backend/alembic.ini")
    printed = alembic("check", cwd=home, check=False, url=awkward_url)
    assert "New upgrade operations detected" in printed.stderr
    alembic(*ini, "revision", "--autogenerate", "-m", "price", cwd=home.parent, url=awkward_url)
    alembic(*ini, "upgrade", "head", cwd=home.parent, url=awkward_url)
    alembic("check", cwd=home, url=awkward_url)
    columns = "SELECT attname::text FROM pg_attribute WHERE attrelid = 'tickets'::regclass"
    assert "price" in server.ask(columns)

    alembic("downgrade", "-1", cwd=home, url=awkward_url)
    assert "price" not in server.ask(columns)
    assert server.ask(tables) == ["alembic_version", "tickets"]
    alembic("downgrade", "base", cwd=home, url=awkward_url)
    assert server.ask(tables) == ["alembic_version"]
    alembic("upgrade", "head", cwd=home, url=awkward_url)
    alembic("check", cwd=home, url=awkward_url)


def test_a_direct_connection_for_migrations(home: Path, database_url: str) -> None:
    nowhere = "postgresql://me:secret@127.0.0.1:1/nowhere"
    alembic(
        *("revision", "--autogenerate", "-m", "tickets"),
        cwd=home,
        url=nowhere,
        direct_url=database_url,
    )
    alembic("upgrade", "head", cwd=home, url=nowhere, direct_url=database_url)
    assert Server(database_url).ask("SELECT count(*) FROM tickets") == [0]


def test_sql_is_printed_without_a_database(home: Path, database_url: str) -> None:
    alembic("revision", "--autogenerate", "-m", "tickets", cwd=home, url=database_url)
    sql = alembic("upgrade", "head", "--sql", cwd=home).stdout
    assert "CREATE TABLE tickets" in sql
    assert "CONSTRAINT uq_tickets_number UNIQUE (number) DEFERRABLE INITIALLY DEFERRED" in sql
    assert sql.startswith("BEGIN;")


def test_a_missing_url_is_a_sentence(home: Path) -> None:
    done = alembic("current", cwd=home, check=False)
    assert done.returncode != 0
    assert done.stdout == NOT_SET
    assert "Traceback" not in done.stderr


IN_PROCESS = """
import logging

handler = logging.StreamHandler()
logging.basicConfig(handlers=[handler], level=logging.INFO)
mine = logging.getLogger("layered.orders")

from layered.core.database.migrations import commands, revisions

commands.migrate()
assert commands.compare() == ""
commands.revert("base")
assert revisions.heads() != []
assert logging.root.handlers == [handler], logging.root.handlers
assert logging.root.level == logging.INFO
assert not mine.disabled
"""


def test_the_loggers_of_an_application_stay_alive(home: Path, database_url: str) -> None:
    alembic("revision", "--autogenerate", "-m", "tickets", cwd=home, url=database_url)
    layering.run("python", "-c", IN_PROCESS, cwd=home, variables={"DATABASE_URL": database_url})

    # On the command line as well, where alembic.ini configures logging.
    main = home / "layered/models/tickets.py"
    main.write_text(
        "import logging\n\nLOGGER = logging.getLogger('layered.tickets')\n"
        f"{main.read_text('utf-8')}",
        "utf-8",
    )
    env = home / "alembic/env.py"
    env.write_text(
        "import logging\n\nearly = logging.getLogger('early')\n"
        f"{env.read_text('utf-8')}\nearly.warning('still heard')\n",
        "utf-8",
    )
    done = alembic("upgrade", "head", cwd=home, url=database_url)
    assert "WARNING [early] still heard" in done.stderr
