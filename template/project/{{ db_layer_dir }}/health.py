"""GET /health/database."""

import asyncio
import logging

from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse

from .engine import get_engine
from .errors import DatabaseNotConfiguredError

logger = logging.getLogger(__name__)

_DEADLINE = 3
"""Seconds until no answer counts as one: below the usual timeout of a probe."""


async def health(_request: Request) -> JSONResponse:
    """Answer 200 when the database executes a statement, else 503.

    The reason goes to the log: the route is open to strangers.
    """
    try:
        async with asyncio.timeout(_DEADLINE), get_engine().connect() as connection:
            await connection.execute(text("SELECT 1"))
    except TimeoutError:
        logger.warning("The database did not answer within %s seconds", _DEADLINE)
    except (DatabaseNotConfiguredError, OSError, SQLAlchemyError) as error:
        logger.warning("The database is unavailable: %s", _reason(error))
    except ValidationError as error:
        names = ", ".join(str(problem["loc"][0]) for problem in error.errors())
        logger.warning("The database is unavailable: wrong value in %s", names)
    else:
        return JSONResponse({"status": "ok"})
    return JSONResponse({"status": "unavailable"}, status_code=503)


def _reason(error: Exception) -> str:
    # SQLAlchemy adds the statement and a link to what the driver says.
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {cause}"
