"""As in litestar-org/advanced-alchemy: a middleware commits what a response below 300 leaves.

It is pure ASGI here and not Starlette's BaseHTTPMiddleware, whose cost would hide the session's.
"""

from fastapi import FastAPI, Request
from fastapi.params import Depends
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from benchmarks.patterns.items import POOL_SIZE, application


class AutocommitMiddleware:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def finish(message: Message) -> None:
            session = scope.get("state", {}).get("session")
            if message["type"] == "http.response.start" and session is not None:
                try:
                    if message["status"] < 300:
                        await session.commit()
                    else:
                        await session.rollback()
                finally:
                    await session.close()
            await send(message)

        await self.app(scope, receive, finish)


def create_app(url: str) -> FastAPI:
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"), pool_size=POOL_SIZE, max_overflow=0
    )
    sessions = async_sessionmaker(engine)

    async def provide_session(request: Request) -> AsyncSession:
        request.state.session = session = sessions()
        return session

    app = application(reading=Depends(provide_session), writing=Depends(provide_session))
    app.add_middleware(AutocommitMiddleware)
    return app
