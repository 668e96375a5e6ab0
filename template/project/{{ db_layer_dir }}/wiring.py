"""What ties the layer to the application object."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route

from .engine import dispose_engines
from .health import health
from .http_errors import answer_errors


def setup_database(app: FastAPI) -> None:
    """Add `GET /health/database` and responses to errors; disconnect at shutdown.

    Nothing connects here. Call it directly after the application is created: a route
    that comes after a mount at `/` or a catch-all is never reached.
    """
    # A plain Starlette route: global dependencies of the application, such as
    # authentication, do not apply to it, and it stays out of the OpenAPI schema.
    app.router.routes.append(Route("/health/database", health, methods=["GET"]))

    answer_errors(app)

    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan_with_database(app: FastAPI) -> AsyncIterator[Any]:
        try:
            async with lifespan(app) as state:
                yield state
        finally:
            await dispose_engines()  # last: its own shutdown may use the database

    app.router.lifespan_context = lifespan_with_database
