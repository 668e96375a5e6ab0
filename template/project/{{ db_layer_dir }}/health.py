"""GET /health/database."""

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import JSONResponse

from .engine import get_engine, get_settings
from .errors import reason
from .status import ping, read_status

logger = logging.getLogger(__name__)

_DEADLINE = 3  # seconds, below the usual timeout of a probe


async def health(_request: Request) -> JSONResponse:
    """Answer 200 when the database executes a statement, else 503.

    The reason goes to the log: the route is open to strangers.
    """
    try:
        async with asyncio.timeout(_DEADLINE):
            engine, details = get_engine(), get_settings().database_health_details
            if details:
                status = await read_status(engine)
            else:
                status = {}
                await ping(engine)
    except TimeoutError:
        logger.warning("The database did not answer within %s seconds", _DEADLINE)
    except Exception as error:
        logger.warning("The database is unavailable: %s", reason(error))
        logger.debug("How it came to that:", exc_info=True)
    else:
        return JSONResponse({"status": "ok", **status})
    return JSONResponse({"status": "unavailable"}, status_code=503)
