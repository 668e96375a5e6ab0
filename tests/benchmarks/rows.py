"""The rows that are read, and how many there are after some were added."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import NullPool, func, insert, make_url, select
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from benchmarks.patterns.items import PAGE, Base, Item

NEW = [{"name": f"item {n}", "quantity": n, "price": n / 4} for n in range(PAGE)]
STORED = [{"id": key, **row} for key, row in enumerate(NEW, 1)]


async def fill(url: str) -> None:
    async with transaction(url) as connection:
        await connection.run_sync(Base.metadata.create_all)
        await connection.execute(insert(Item), NEW)


async def count(url: str) -> int:
    async with transaction(url) as connection:
        return await connection.scalar(select(func.count()).select_from(Item)) or 0


@asynccontextmanager
async def transaction(url: str) -> AsyncIterator[AsyncConnection]:
    asyncpg_url = make_url(url).set(drivername="postgresql+asyncpg")
    async with create_async_engine(asyncpg_url, poolclass=NullPool).begin() as connection:
        yield connection
