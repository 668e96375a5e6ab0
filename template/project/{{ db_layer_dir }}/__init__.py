"""The PostgreSQL layer of this application: docs/database.md tells how to use it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Base
    from .engine import get_engine
    from .errors import DatabaseNotConfiguredError
    from .session import ReadSessionDep, SessionDep, async_session, get_db, get_read_db
    from .tables import init_db
    from .transactions import retry_serializable
    from .wiring import setup_database
else:
    _ROOMS = {
        "Base": "base",
        "DatabaseNotConfiguredError": "errors",
        "ReadSessionDep": "session",
        "SessionDep": "session",
        "async_session": "session",
        "get_db": "session",
        "get_engine": "engine",
        "get_read_db": "session",
        "init_db": "tables",
        "retry_serializable": "transactions",
        "setup_database": "wiring",
    }

    def __getattr__(name: str) -> object:
        """Import a room when it is asked for.

        Models and migrations need one of them: `alembic` starts without FastAPI. And
        `check` needs none: it tells which of them are in conflict.
        """
        if name not in _ROOMS:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)


__all__ = [
    "Base",
    "DatabaseNotConfiguredError",
    "ReadSessionDep",
    "SessionDep",
    "async_session",
    "get_db",
    "get_engine",
    "get_read_db",
    "init_db",
    "retry_serializable",
    "setup_database",
]
