"""A database for each test: `pytest_plugins = [...]` in conftest.py gives the fixtures.

They are described in docs/database.md.

PYTEST_DONT_REWRITE: nothing is asserted here, and pytest would warn where another test
has imported a part of this package before it is loaded as a plugin.
"""

from .fixtures import (
    app,
    async_client,
    client,
    database_worker,
    db_session,
    isolated_database,
    no_other_database,
    own_database,
)

__all__ = [
    "app",
    "async_client",
    "client",
    "database_worker",
    "db_session",
    "isolated_database",
    "no_other_database",
    "own_database",
]
