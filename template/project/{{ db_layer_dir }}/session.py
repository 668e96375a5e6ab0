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
    session = async_session()
    try:
        yield session
        await session.commit()
    except BaseException:
        async with session:  # closes in a task of its own, safe from cancellation
            raise
    await session.close()


async def get_read_db() -> AsyncIterator[AsyncSession]:
    """Yield a session in which PostgreSQL refuses to write, on the replica if any.

    A write raises `sqlalchemy.exc.DBAPIError` with SQLSTATE 25006. Each statement sees
    what is committed when it starts, as in any session at READ COMMITTED; for one
    snapshot of several statements, or to stream, begin with
    `await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})`
    """
    session = _session(get_read_engine())
    try:
        yield session
        if session.new or session.dirty or session.deleted:
            await session.flush()  # so that PostgreSQL refuses it
    except BaseException:
        async with session:
            raise
    await session.close()


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
