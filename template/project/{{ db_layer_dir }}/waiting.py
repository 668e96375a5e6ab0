"""Waiting for a database that is starting."""

import asyncio
import logging
import ssl
from time import monotonic

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from .connect import TRY_NEXT
from .errors import DatabaseUnavailableError

logger = logging.getLogger(__name__)

_PAUSE = 0.5  # seconds
_NO_DATABASE = "3D000"


async def connect_when_up(engine: AsyncEngine, seconds: float) -> AsyncConnection:
    """Connect, and try for so many seconds while nobody answers there yet.

    A wrong password, a missing database and the like are errors at once.

    Raises:
        DatabaseUnavailableError: no connection.

    """
    deadline = monotonic() + seconds
    told = ""
    while True:
        try:
            return await engine.connect()
        except DBAPIError as error:
            found, passing = str(error.orig), _may_pass(error.driver_exception)
            if not passing or monotonic() >= deadline:
                sqlstate = getattr(error.orig, "sqlstate", None)
                if passing:
                    found = f"No database after {seconds:g} seconds: {found}"
                elif sqlstate == _NO_DATABASE:
                    found += f": in development, run python -m {__package__} create"
                raise DatabaseUnavailableError(found) from error
            if found != told:
                logger.warning("Waiting for the database: %s", found)
                told = found
        await asyncio.sleep(_PAUSE)


def _may_pass(error: Exception) -> bool:
    # A wrong certificate, or a server without TLS, stays as it is.
    stays = isinstance(error, ssl.SSLError) or "rejected SSL" in str(error)
    return isinstance(error, TRY_NEXT) and not stays
