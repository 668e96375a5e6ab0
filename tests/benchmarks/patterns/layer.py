"""The template's layer, rendered into a project that is on the path of this process."""

from typing import get_args

from fastapi import FastAPI
from layered.core.database import (  # type: ignore[import-not-found]
    ReadSessionDep,
    SessionDep,
    setup_database,
)

from benchmarks.patterns.items import application


def create_app(_url: str) -> FastAPI:
    """Build it as a user does: the layer reads DATABASE_URL itself."""
    [_, reading], [_, writing] = get_args(ReadSessionDep), get_args(SessionDep)
    app = application(reading=reading, writing=writing)
    setup_database(app)
    return app
