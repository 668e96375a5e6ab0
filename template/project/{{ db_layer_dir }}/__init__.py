"""The PostgreSQL layer of this application: docs/database.md tells how to use it."""

from .base import Base
from .engine import get_engine
from .errors import DatabaseNotConfiguredError
from .session import ReadSessionDep, SessionDep, async_session, get_db, get_read_db
from .tables import init_db
from .transactions import retry_serializable
from .wiring import setup_database

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
