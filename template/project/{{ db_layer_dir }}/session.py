"""Sessions, and the dependencies that hand them to endpoints."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from .engine import get_engine, get_read_engine


def async_session() -> AsyncSession:
    """Return a session for scripts, jobs and streams. It commits nothing by itself.

        async with async_session() as session, session.begin():
            ...  # committed at the end of the block, rolled back by an exception

    Raises:
        DatabaseNotConfiguredError: DATABASE_URL is missing or cannot be used.

    """
    return _session(get_engine())


async def get_db() -> AsyncIterator[AsyncSession]:
    """Yield a session whose work is committed when the endpoint returns.

    An exception rolls back. A response with an error status that is returned, not
    raised, is no exception: what was written before it is committed.
    """
    async with async_session() as session:
        yield session
        await session.commit()


async def get_read_db() -> AsyncIterator[AsyncSession]:
    """Yield a session in which PostgreSQL refuses to write, on the replica if any.

    A write raises `sqlalchemy.exc.DBAPIError` with SQLSTATE 25006.
    """
    async with _session(get_read_engine()) as session:
        yield session


def _session(engine: AsyncEngine) -> AsyncSession:
    return AsyncSession(
        engine,
        # Objects stay readable after the commit: the response is built of them.
        expire_on_commit=False,
        # A session used after its request raises. By default it would take a
        # connection that nobody gives back.
        close_resets_only=False,
    )


# scope="function" ends the dependency before the response is sent: no client holds a
# 2xx for work that is not committed. By default ("request") it is the other way round:
# https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/
SessionDep = Annotated[AsyncSession, Depends(get_db, scope="function")]
ReadSessionDep = Annotated[AsyncSession, Depends(get_read_db, scope="function")]
