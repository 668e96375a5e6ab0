"""The database itself, for development: elsewhere it comes with roles and rights."""

from dataclasses import replace

from sqlalchemy.exc import DBAPIError

from .create import create_migration_engine, read_migration_url
from .errors import DatabaseNotConfiguredError, DatabaseUnavailableError
from .settings import DatabaseSettings, read_settings
from .url import Address
from .waiting import connect_when_up

_MAINTENANCE = "postgres"  # the database that every server has for this
_EXISTS = {"42P04", "23505"}  # the second one: created at this very moment


async def create_database() -> str:
    """Create the database of the URL for migrations where it is missing.

    Returns:
        What was done, or found.

    Raises:
        DatabaseNotConfiguredError: the URL is missing or names no database.
        DatabaseUnavailableError: no connection, or the role may not create databases.

    """
    settings = read_settings()
    return await create(settings, read_migration_url(settings))


async def create(settings: DatabaseSettings, address: Address) -> str:
    """Create the database of the address. Returns and raises as the above."""
    name = address.arguments["database"]
    if not name:
        message = "The URL names no database: expected postgresql://host/name"
        raise DatabaseNotConfiguredError(message)
    arguments = address.arguments | {"database": _MAINTENANCE}
    engine = create_migration_engine(settings, replace(address, arguments=arguments))
    quoted = engine.dialect.identifier_preparer.quote_identifier(name)
    connection = await connect_when_up(engine, settings.database_start_timeout)
    try:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql(f"CREATE DATABASE {quoted}")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _EXISTS:
            return f"The database {name} exists"
        raise DatabaseUnavailableError(str(error.orig)) from error
    finally:
        await connection.close()
    return f"The database {name} was created"
