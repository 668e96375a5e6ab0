"""The origin of this template: a ping at every checkout, the commit after the response was sent."""

from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.params import Depends
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.patterns.items import POOL_SIZE, application


def create_app(url: str) -> FastAPI:
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_pre_ping=True,
    )
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def get_db() -> AsyncIterator[AsyncSession]:
        async with sessions() as session:
            try:
                yield session
                await session.commit()
            except Exception:
                await session.rollback()
                raise
            finally:
                await session.close()

    return application(reading=Depends(get_db), writing=Depends(get_db))
