"""The commands of the layer."""

import argparse
import asyncio
import io
import json
import sys
from contextlib import aclosing
from importlib import import_module
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from .check import check, find
from .engine import dispose_engines, get_engine, get_settings
from .errors import DatabaseNotConfiguredError, DatabaseUnavailableError
from .new_database import create_database
from .status import read_status
from .waiting import connect_when_up


def main() -> int:
    """Run a command. Return 1 when something is left to do."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe may not know ✔ and ☐
        sys.stdout.reconfigure(errors="replace")
    options = _parser().parse_args()
    try:
        status: int = options.run(options)
    except (DatabaseNotConfiguredError, DatabaseUnavailableError) as error:
        sys.exit(str(error))
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}")
    commands = parser.add_subparsers(metavar="command", required=True)

    command = commands.add_parser(
        "check",
        help="is the layer wired in? Exit code 1 when something is left to do",
    )
    command.add_argument(
        "--json",
        action="store_true",
        help="for machines, and with the database, which has to be there and migrated",
    )
    command.set_defaults(run=lambda given: _check_as_json() if given.json else check())

    command = commands.add_parser(
        "create",
        help="create the database that the URL for migrations names, for development",
    )
    command.set_defaults(run=lambda _: _create())

    command = commands.add_parser(
        "wait",
        help="wait until the database is up, DATABASE_START_TIMEOUT seconds at most",
    )
    command.set_defaults(run=lambda _: asyncio.run(_wait()))

    command = commands.add_parser(
        "rebase",
        help="of two newest revisions, put the local one behind that of another branch",
    )
    command.add_argument(
        "revision",
        nargs="?",
        help="the local one, when no conflict of git's in versions/HEAD tells which",
    )
    command.set_defaults(run=lambda given: _migrations("rebase", given.revision))

    command = commands.add_parser(
        "lint",
        help="let squawk look for dangerous SQL in the revisions. Exit code 1 if it is",
    )
    command.add_argument(
        "--base",
        metavar="BRANCH",
        help="only in revisions that were added since this branch, such as origin/main",
    )
    command.set_defaults(run=lambda given: _migrations("lint", given.base))
    return parser


def _check_as_json() -> int:
    """Print findings, latency, pool and revision."""
    findings, database = find(), asyncio.run(_read_database())
    report = {"findings": [found._asdict() for found in findings], "database": database}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    revision = database.get("revision", {"current": None, "newest": []})
    migrated = revision["newest"] in (None, revision["current"])
    return int(not (migrated and all(finding.done for finding in findings)))


async def _read_database() -> dict[str, Any]:
    try:
        return {"status": "ok", **await read_status(get_engine())}
    except (DatabaseNotConfiguredError, SQLAlchemyError) as error:
        reason = str(getattr(error, "orig", None) or error)
        return {"status": "unavailable", "reason": reason}
    finally:
        await dispose_engines()


def _create() -> int:
    sys.stdout.write(f"{asyncio.run(create_database())}\n")
    return 0


def _migrations(command: str, argument: str | None) -> int:
    # Not at the top: the other commands work without Alembic.
    room = import_module(f".migrations.{command}", __package__)
    try:
        status: int = getattr(room, command)(argument)
    except import_module("alembic.util").CommandError as error:
        sys.exit(str(error))
    return status


async def _wait() -> int:
    seconds = get_settings().database_start_timeout
    async with aclosing(await connect_when_up(get_engine(), seconds)):
        sys.stdout.write("The database is up\n")
    await dispose_engines()
    return 0


if __name__ == "__main__":
    sys.exit(main())
