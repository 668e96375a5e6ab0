"""One connection to PostgreSQL."""

from importlib import import_module
from typing import Any, TypeAlias

from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect

from .url import Address

# asyncpg has no type hints, which strict type checkers reject in an `import`.
asyncpg: Any = import_module("asyncpg")
dbapi: Any = asyncpg_dialect.AsyncAdapt_asyncpg_dbapi
Driver: TypeAlias = Any  # asyncpg.Connection

# The next host may do better. Others, such as a wrong password, are the same there.
_TRY_NEXT = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.exceptions.TargetServerAttributeNotMatched,
)


async def connect(
    address: Address,
    seconds: float,
    arguments: dict[str, Any],
    **_url: object,
) -> Driver:
    """Open a connection to the first of the hosts that answers and fits.

    As in libpq, each host has so many seconds, if the URL names no other number;
    asyncpg by itself has one timeout for all of them.

    Raises:
        sqlalchemy.exc.OperationalError: no connection. asyncpg raises different ones
            for each reason, some of which SQLAlchemy would not recognise as its own.

    """
    wanted = [address.session_attribute]
    if wanted == ["prefer-standby"]:
        wanted = ["standby", "any"]
    seconds = address.connect_timeout or seconds
    for attribute in wanted:
        for host, port in address.hosts:
            try:
                return await asyncpg.connect(
                    host=host,
                    port=port,
                    timeout=seconds,
                    target_session_attrs=attribute,
                    **address.arguments,
                    **arguments,
                )
            except _TRY_NEXT as error:
                failure: Exception = error
            except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                raise _error(error, seconds) from error
    raise _error(failure, seconds) from failure


def _error(error: Exception, seconds: float) -> Exception:
    message = str(error).replace("\n", " ")  # one line of a log
    if isinstance(error, TimeoutError):
        message = f"no answer within {seconds:g} seconds"
    elif "unsupported startup parameter" in message:
        message += " (a connection pooler? set DATABASE_PGBOUNCER=true)"
    translated: Exception = dbapi.OperationalError(message, error)
    return translated
