"""Is the database there, and are migrations pending? For the command `check`."""

import asyncio
import logging
from importlib import import_module
from typing import Any

from .check import Finding

logger = logging.getLogger(__name__)

_DEADLINE = 10  # seconds


async def read_database() -> dict[str, Any]:
    """Return latency, pool and revision, or the reason why they are not known."""
    try:
        engine = import_module(f"{__package__}.engine")
        status = import_module(f"{__package__}.status")
    except Exception as error:
        # A library is missing, or a conflict is there or was resolved badly.
        logger.debug("How it came to that:", exc_info=True)
        return {"status": "broken", "reason": f"{type(error).__name__}: {error}"}
    # What it would log is in the report.
    logging.getLogger(status.__name__).setLevel(logging.ERROR)
    try:
        async with asyncio.timeout(_DEADLINE):
            return {"status": "ok", **await status.read_status(engine.get_engine())}
    except TimeoutError:
        reason = f"no answer within {_DEADLINE} seconds"
    except Exception as error:
        reason = str(getattr(error, "orig", None) or error)
        logger.debug("How it came to that:", exc_info=True)
    finally:
        await engine.dispose_engines()
    return {"status": "unavailable", "reason": reason}


def judge(database: dict[str, Any]) -> Finding:
    """Return what is left to do, after what `read_database` has returned.

    That is nothing where the database does not answer: not every machine has one.
    """
    if reason := database.get("reason"):
        done = False if database["status"] == "broken" else None
        return Finding(f"database: its revision is not known: {reason}", done)
    current, newest, pending = database["revision"].values()
    if current is None:
        return Finding("database: the role may not read its revision", done=None)
    at = f"at revision {', '.join(current) or 'none'}"
    if newest is None:
        what = f"database: {at}, and the newest cannot be read here"
        return Finding(what, done=None)
    if pending:
        rebase = f"python -m {__package__} rebase"
        command = "alembic upgrade head" if len(newest) == 1 else rebase
        what = f"database: {at}, the newest is {', '.join(newest)}"
        return Finding(what, done=False, paste=(command,))
    if current == newest:
        return Finding(f"database: no migration is pending, {at}", done=True)
    return Finding(f"database: {at}, of which there is no file here", done=None)
