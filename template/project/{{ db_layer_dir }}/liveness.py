"""Is a pooled connection still there? Asked when one is taken out of the pool."""

import asyncio
from time import monotonic

from sqlalchemy import AdaptedConnection, event
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from .connect import Driver

_RESTING_SINCE = "resting since"
_ANSWER_WITHIN = 2  # seconds


def replace_lost_connections(engine: AsyncEngine, ping_after: float) -> None:
    """Let the pool of the engine replace a connection that the server has ended.

    That costs no round trip: the end of the stream has arrived. Only after
    `ping_after` seconds of rest is the server asked, because a router may have
    forgotten the connection without a word. (SQLAlchemy's `pool_pre_ping` asks each
    time, with three round trips.)
    """

    @event.listens_for(engine.sync_engine, "checkin")
    def rest(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_RESTING_SINCE] = monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def examine(
        connection: AdaptedConnection,
        record: ConnectionPoolEntry,
        _: object,
    ) -> None:
        driver: Driver = connection.driver_connection
        if driver.is_closed():
            raise DisconnectionError
        rested = monotonic() - record.info.get(_RESTING_SINCE, monotonic())
        if rested > ping_after:
            try:
                connection.run_async(_ping)
            except Exception as error:
                driver.terminate()  # do not wait for its farewell either
                raise InvalidatePoolError from error


def keep_read_only(engine: AsyncEngine) -> None:
    """Let the pool replace a connection on which a statement has permitted to write.

    From version 14 on PostgreSQL tells that by itself.
    """

    @event.listens_for(engine.sync_engine, "checkout")
    def examine(connection: AdaptedConnection, *_: object) -> None:
        driver: Driver = connection.driver_connection
        settings = driver.get_settings()
        if getattr(settings, "default_transaction_read_only", "on") == "off":
            raise DisconnectionError


async def _ping(driver: Driver) -> None:
    async with asyncio.timeout(_ANSWER_WITHIN):
        await driver.execute("SELECT 1")
