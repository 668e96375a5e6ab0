"""As in polarsource/polar: a middleware brings the sessionmaker, a dependency commits.

Its `prepared_statement_cache_size=0`, for PgBouncer, is left out: it would only slow it down here.
"""

from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.params import Depends
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.patterns.items import POOL_SIZE, application


class SessionmakerMiddleware:
    def __init__(self, app: ASGIApp, sessions: async_sessionmaker[AsyncSession]) -> None:
        self.app = app
        self.sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["sessions"] = self.sessions
        await self.app(scope, receive, send)


async def get_db(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.state.sessions() as session:
        try:
            yield session
        except BaseException:
            await session.rollback()
            raise
        else:
            await session.commit()


def create_app(url: str) -> FastAPI:
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_recycle=600,
    )
    app = application(reading=Depends(get_db), writing=Depends(get_db))
    app.add_middleware(
        SessionmakerMiddleware, sessions=async_sessionmaker(engine, expire_on_commit=False)
    )
    return app
