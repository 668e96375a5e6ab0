"""The commands of the layer."""

import argparse
import asyncio
import io
import json
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from types import ModuleType
from typing import Any


def main() -> int:
    """Run a command. Return 1 when something is left to do."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe may not know ✔ and ☐
        sys.stdout.reconfigure(errors="replace")
    options = _parser().parse_args()
    try:
        status: int = options.run(options)
    except SyntaxError as error:
        found = f"{error.filename}, line {error.lineno}: {error.msg}"
        sys.exit(f"{found}. Resolve the conflict, if it is one, then run this again")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}")
    commands = parser.add_subparsers(metavar="command", required=True)

    command = commands.add_parser(
        "check",
        help="is anything left to do, also after an update? Exit code 1 if it is",
    )
    command.add_argument(
        "--json",
        action="store_true",
        help="for machines, and with the database, which has to be there and migrated",
    )
    command.set_defaults(run=lambda given: _check(as_json=given.json))

    command = commands.add_parser(
        "create",
        help="create the database that the URL for migrations names, for development",
    )
    command.set_defaults(run=lambda _: _print(_room("new_database").create_database))

    command = commands.add_parser(
        "wait",
        help="wait until the database is up, DATABASE_START_TIMEOUT seconds at most",
    )
    command.set_defaults(run=lambda _: _print(_wait))

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


def _room(name: str) -> ModuleType:
    # Not at the top: `check` works while other rooms are in conflict, and only the
    # commands for migrations need Alembic.
    return import_module(f".{name}", __package__)


def _check(*, as_json: bool) -> int:
    check, conflicts, of_database = map(_room, ("check", "conflicts", "check_database"))
    findings = [*conflicts.find(), *check.find()]
    database = asyncio.run(of_database.read_database())
    if not as_json:
        status: int = check.report([*findings, of_database.judge(database)])
        return status
    report = {"findings": [found._asdict() for found in findings], "database": database}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    revision = database.get("revision", {"current": None, "newest": []})
    migrated = revision["newest"] in (None, revision["current"])
    return int(not (migrated and all(finding.done for finding in findings)))


def _print(work: Callable[[], Coroutine[Any, Any, str]]) -> int:
    errors = _room("errors")
    try:
        sys.stdout.write(f"{asyncio.run(work())}\n")
    except (
        errors.DatabaseNotConfiguredError,
        errors.DatabaseUnavailableError,
    ) as error:
        sys.exit(str(error))
    return 0


async def _wait() -> str:
    engine, waiting = _room("engine"), _room("waiting")
    seconds = engine.get_settings().database_start_timeout
    await (await waiting.connect_when_up(engine.get_engine(), seconds)).close()
    await engine.dispose_engines()
    return "The database is up"


def _migrations(command: str, argument: str | None) -> int:
    room = _room(f"migrations.{command}")
    try:
        status: int = getattr(room, command)(argument)
    except import_module("alembic.util").CommandError as error:
        sys.exit(str(error))
    return status


if __name__ == "__main__":
    sys.exit(main())
