"""The command `check` of the layer."""

import argparse
import asyncio
import io
import json
import sys
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from .check import check, find
from .engine import dispose_engines, get_engine
from .errors import DatabaseNotConfiguredError
from .status import read_status


def main() -> int:
    """Return 1 when something is left to do."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe may not know ✔ and ☐
        sys.stdout.reconfigure(errors="replace")
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}",
        description="Is the layer wired in? Exit code 1 when something is left to do.",
    )
    parser.add_argument("command", choices=["check"])
    parser.add_argument(
        "--json",
        action="store_true",
        help="for machines, and with the database, which has to be there and migrated",
    )
    return check_as_json() if parser.parse_args().json else check()


def check_as_json() -> int:
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


if __name__ == "__main__":
    sys.exit(main())
