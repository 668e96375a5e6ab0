"""Units of work that are run again when they collide."""

import asyncio
from collections.abc import Awaitable, Callable
from secrets import SystemRandom
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from .session import async_session

T = TypeVar("T")

_COLLISIONS = {"40001", "40P01"}  # serialization failure, deadlock
_BACKOFF = 0.02  # seconds, doubled from try to try
_DOUBLED = 6  # times at most


async def retry_serializable(
    work: Callable[[AsyncSession], Awaitable[T]],
    *,
    attempts: int = 5,
) -> T:
    """Run `work(session)` in a SERIALIZABLE transaction and commit, again if need be.

    PostgreSQL ends one of two transactions whose results would depend on their order;
    applications are to run it again:
    https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
    `work` has no other effects than those in the database, since it may run often.

    Raises:
        sqlalchemy.exc.DBAPIError: the last attempt collided as well, or another error
            of the database, at once.

    """
    for attempt in range(1, attempts + 1):
        try:
            async with async_session() as session, session.begin():
                level = {"isolation_level": "SERIALIZABLE"}
                await session.connection(execution_options=level)
                return await work(session)
        except DBAPIError as error:
            sqlstate = getattr(error.orig, "sqlstate", None)
            if sqlstate not in _COLLISIONS or attempt == attempts:
                raise
        longest = _BACKOFF * 2 ** min(attempt, _DOUBLED)
        await asyncio.sleep(SystemRandom().uniform(0, longest))
    message = f"attempts is {attempts}: expected at least 1"
    raise ValueError(message)
