"""One connection to PostgreSQL."""

from collections.abc import Awaitable
from contextlib import suppress
from importlib import import_module
from itertools import product
from typing import Any, TypeAlias

from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect

from .url import Address

# asyncpg has no type hints, which strict type checkers reject in an `import`.
asyncpg: Any = import_module("asyncpg")
dbapi: Any = asyncpg_dialect.AsyncAdapt_asyncpg_dbapi
Driver: TypeAlias = Any  # asyncpg.Connection

_FAREWELL = 1  # second
_NotMatched = asyncpg.exceptions.TargetServerAttributeNotMatched
_ERRORS = (
    OSError,
    ValueError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# The next host may do better. Others, such as a wrong password, are the same there.
TRY_NEXT = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
    _NotMatched,
)


async def _execute(driver: Driver, query: str, *values: object, **more: object) -> str:
    executing = asyncpg.Connection.execute(driver, query, *values, **more)
    return await (_commit(driver, executing) if query == "COMMIT;" else executing)


async def _commit(driver: Driver, executing: Awaitable[str]) -> str:
    try:
        status = await executing
    except (OSError, asyncpg.PostgresConnectionError) as error:
        driver.terminate()
        message = "the connection was lost during COMMIT"
        unknown = asyncpg.exceptions.TransactionResolutionUnknownError(message)
        raise unknown from error
    if status == "ROLLBACK":
        # PostgreSQL aborts a transaction at its first error and then answers COMMIT
        # with a rollback, without an error: what is lost would be reported as done.
        message = (
            "COMMIT was a ROLLBACK, since an error in the transaction was caught and "
            "not raised again: let it pass, or put begin_nested() around its cause"
        )
        raise asyncpg.InFailedSQLTransactionError(message)
    return status


async def _close(driver: Driver, **_: object) -> None:
    # SQLAlchemy gives no timeout, and a silent server does not say good-bye.
    with suppress(TimeoutError):
        await asyncpg.Connection.close(driver, timeout=_FAREWELL)


_Connection: Any = type(
    "_Connection",
    (asyncpg.Connection,),
    {"__slots__": (), "execute": _execute, "close": _close},
)


async def connect(
    address: Address,
    seconds: float,
    arguments: dict[str, Any],
    **_url: object,  # what SQLAlchemy reads from the URL that is made for logs
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
    reasons: list[str] = []
    failures: list[Exception] = []
    for attribute, (host, port) in product(wanted, address.hosts):
        try:
            return await asyncpg.connect(
                host=host,
                port=port,
                timeout=seconds,
                target_session_attrs=attribute,
                connection_class=_Connection,
                **address.arguments,
                **arguments,
            )
        except _ERRORS as error:
            failures.append(error)
            reason = _reason(error, seconds, attribute)
            reasons.append(f"{reason} (host {host})" if host else reason)
            if not isinstance(error, TRY_NEXT):
                break
    message = "; ".join(dict.fromkeys(reasons))
    raise dbapi.OperationalError(message, failures[-1]) from failures[-1]


def _reason(error: Exception, seconds: float, attribute: str) -> str:
    reason = str(error).replace("\n", " ")  # one line of a log
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} seconds"
    if isinstance(error, _NotMatched):
        return f"not {attribute}, which target_session_attrs asks for"
    if "unsupported startup parameter" in reason:
        reason += " (a connection pooler? set DATABASE_PGBOUNCER=true)"
    return reason or type(error).__name__
