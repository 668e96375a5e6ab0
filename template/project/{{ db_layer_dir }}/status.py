"""How the database is doing: for the log, the health route and the command `check`."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from itertools import count
from time import monotonic
from types import ModuleType
from typing import Any

from sqlalchemy import AdaptedConnection, event
from sqlalchemy.ext.asyncio import AsyncEngine

from .connect import Driver
from .settings import DatabaseSettings

logger = logging.getLogger(__name__)

_opened_by_this_process = count()


async def ping(engine: AsyncEngine) -> float:
    """Return the seconds that PostgreSQL takes to answer. Poolers pass this on."""
    async with _driver(engine) as driver:
        started = monotonic()
        await driver.execute("SELECT 1")
        return monotonic() - started


async def read_status(engine: AsyncEngine) -> dict[str, Any]:
    """Return latency, connections of the pool, and revision of the database.

    Revisions are null where the role may not read them, or where the migrations are
    not beside the application.
    """
    async with _driver(engine) as driver:
        current = await _current_revision(driver)
    pending = await asyncio.to_thread(_pending, current)
    pool: Any = engine.pool  # a QueuePool
    return {
        "latency_ms": round(1000 * await ping(engine), 1),
        "pool": {"in_use": pool.checkedout(), "size": pool.size()},
        "revision": {
            "current": current,
            "newest": await asyncio.to_thread(_newest_revision),
            "pending": pending is not None,
        },
    }


async def pending_migrations(engine: AsyncEngine) -> str | None:
    """Return which revisions the database and the code have, if it is behind."""
    async with _driver(engine) as driver:
        current = await _current_revision(driver)
    return await asyncio.to_thread(_pending, current)


def report_once(engine: AsyncEngine, settings: DatabaseSettings) -> None:
    """Log what is wrong with the database when this process first connects to it."""

    @event.listens_for(engine.sync_engine, "connect")
    def report(connection: AdaptedConnection, _: object) -> None:
        if next(_opened_by_this_process) == 0:
            try:
                connection.run_async(lambda driver: _report(driver, settings))
            except Exception:
                logger.debug("The state of the database is not known", exc_info=True)


async def _report(driver: Driver, settings: DatabaseSettings) -> None:
    with _dropped_when_interrupted(driver):
        if not settings.database_pgbouncer:
            limit = await _connection_limit(driver)
            _warn_of_too_many_connections(limit, settings)
        current = await _current_revision(driver)
    # Reading the revisions takes a while, and nobody waits for it.
    asyncio.get_running_loop().run_in_executor(None, _warn_if_behind, current)


def _warn_of_too_many_connections(limit: int, settings: DatabaseSettings) -> None:
    concurrency = os.environ.get("WEB_CONCURRENCY", "")  # of uvicorn and gunicorn
    processes = int(concurrency) if concurrency.isdecimal() else 1
    size, overflow = settings.database_pool_size, settings.database_max_overflow
    pools = 1 if settings.database_read_url else 2
    wanted = processes * pools * (size + overflow)
    if wanted > limit:
        logger.warning(
            "%s connections are possible (%s processes x %s pools x (%s + %s)), but "
            "PostgreSQL accepts %s: lower DATABASE_POOL_SIZE or DATABASE_MAX_OVERFLOW",
            *(wanted, processes, pools, size, overflow, limit),
        )


def _warn_if_behind(current: list[str] | None) -> None:
    if pending := _pending(current):
        logger.warning("%s: alembic upgrade head", pending)


def _pending(current: list[str] | None) -> str | None:
    newest = _newest_revision()
    if current is None or newest is None or newest == current:
        return None
    # One that is unknown here is that of a newer release, whose database is ahead.
    if not set(current) <= _revisions().known():
        return None
    names = (", ".join(revisions) or "none" for revisions in (current, newest))
    return "The database is at revision {}, the newest is {}".format(*names)


@asynccontextmanager
async def _driver(engine: AsyncEngine) -> AsyncIterator[Driver]:
    async with engine.connect() as connection:
        driver: Driver = (await connection.get_raw_connection()).driver_connection
        with _dropped_when_interrupted(driver):
            yield driver


@contextmanager
def _dropped_when_interrupted(driver: Driver) -> Iterator[None]:
    """Keep a connection out of the pool whose BEGIN may arrive after we gave up."""
    try:
        yield
    except BaseException:
        driver.terminate()
        raise


async def _connection_limit(driver: Driver) -> int:
    [[limit]] = await driver.fetch("SHOW max_connections")
    [[reserved]] = await driver.fetch("SHOW superuser_reserved_connections")
    return int(limit) - int(reserved)


async def _current_revision(driver: Driver) -> list[str] | None:
    """Return None where the role may not know."""
    # In a transaction: a pooler lends one server connection for all of it.
    async with driver.transaction(readonly=True):
        allowed = "SELECT has_table_privilege(to_regclass($1)::oid, 'SELECT')"
        [[readable]] = await driver.fetch(allowed, "alembic_version")
        if not readable:
            return [] if readable is None else None  # NULL: there is no such table
        rows = await driver.fetch("SELECT version_num FROM alembic_version")
    return sorted(revision for [revision] in rows)


def _newest_revision() -> list[str] | None:
    try:
        newest: list[str] = _revisions().heads()
    except Exception:
        logger.debug("The revisions cannot be read", exc_info=True)
        return None
    return newest


def _revisions() -> ModuleType:
    # Serving requests does not need Alembic, whose import takes a while.
    return import_module(f"{__package__}.migrations.revisions")
