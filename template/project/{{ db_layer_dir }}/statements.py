"""What is seen of the statements that run: slow ones, failed ones, never a value."""

import logging
from collections.abc import Mapping
from time import monotonic
from typing import Any, TypeAlias

from sqlalchemy import event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import (
    DBAPIError,
    InvalidRequestError,
    OperationalError,
    StatementError,
)
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from .connect import asyncpg, dbapi

logger = logging.getLogger(__name__)

# For an event of a cursor: 0 is the connection, 2 the SQL, 4 the execution context.
_Argument: TypeAlias = Any

_STREAMS = "streams"
# Constraints, transactions, locks, shutdown: their messages hold names of the schema.
_NAMES_ONLY = {"08", "23", "25", "40", "53", "55", "57"}
_SHORTEST = 3  # characters: a 1 or an empty string is in any message
_READ_ONLY = "25006"


def log_slow_statements(engine: AsyncEngine, threshold: float) -> None:
    """Log a warning for each statement that takes `threshold` seconds or more."""

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def start(*arguments: _Argument) -> None:
        arguments[4].started = monotonic()

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def stop(*arguments: _Argument) -> None:
        if (seconds := monotonic() - arguments[4].started) >= threshold:
            logger.warning("Slow statement, %.3f seconds: %s", seconds, arguments[2])


def translate_errors(engine: AsyncEngine) -> None:
    """Make an error of SQLAlchemy of each one that it would pass on as it is.

    Those are the silence of a server, after which asyncpg also keeps the connection,
    and what PostgreSQL says while rows are streamed.
    """

    @event.listens_for(engine.sync_engine, "handle_error")
    def translate(context: ExceptionContext) -> DBAPIError | None:
        error = context.original_exception
        if isinstance(error, OSError):
            context.is_disconnect = True
            return OperationalError(
                context.statement,
                None,
                error,
                hide_parameters=True,
                connection_invalidated=True,
            )
        if isinstance(error, asyncpg.PostgresError):
            translated = dbapi.Error(error.args[0], error)
            return DBAPIError(context.statement, None, translated, hide_parameters=True)
        return None


def hide_values(engine: AsyncEngine) -> None:
    """Keep what people entered out of the messages and tracebacks of errors.

    `hide_parameters` hides parameters, but PostgreSQL quotes values in the DETAIL of
    an error (`Key (email)=(...) already exists`), and both it and asyncpg do in the
    message about a value of the wrong form.
    """

    @event.listens_for(engine.sync_engine, "handle_error")
    def hide(context: ExceptionContext) -> None:
        error: Any = context.original_exception
        raised = context.sqlalchemy_exception
        raised = getattr(context, "chained_exception", raised)  # from translate_errors
        if not isinstance(raised, StatementError):
            return
        # The exception of asyncpg stays in `driver_exception`, out of the traceback.
        error.__cause__ = error.__context__ = None
        if isinstance(error, asyncpg.PostgresError):
            error.detail = None
        cause = getattr(error, "orig", None) or error
        sqlstate = getattr(cause, "sqlstate", None) or ""
        # Without a connection nothing was entered: the message is about the settings.
        if context.connection and (
            sqlstate.startswith("22")
            or isinstance(cause, (LookupError, ValueError))
            or (sqlstate[:2] not in _NAMES_ONLY and _quotes(cause, context.parameters))
        ):
            hidden = f"{type(cause).__name__} (DATABASE_ECHO=true shows the message)"
            for shown in filter(None, (error, raised, raised.orig)):
                shown.args = (hidden,)


def _quotes(error: BaseException, parameters: object) -> bool:
    if isinstance(parameters, Mapping):
        parameters = tuple(parameters.values())
    if isinstance(parameters, (list, tuple)):
        return any(_quotes(error, value) for value in parameters)
    # PostgreSQL folds what it takes for a name.
    text = str(parameters).casefold()
    return len(text) >= _SHORTEST and text in str(error).casefold()


def refuse_to_stream_in_autocommit(engine: AsyncEngine) -> None:
    """Raise before asyncpg does, which leaves the connection in a broken state."""

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def refuse(*arguments: _Argument) -> None:
        streams = arguments[4].execution_options.get("stream_results")
        if streams and getattr(arguments[0].connection, "autocommit", False):
            message = (
                "A stream needs a transaction: in a read session, begin with "
                "`await session.connection(execution_options="
                '{"isolation_level": "REPEATABLE READ"})`'
            )
            raise InvalidRequestError(message)


def explain_refused_writes(engine: AsyncEngine) -> None:
    """Log where to look when PostgreSQL refuses to write in a read-only transaction."""

    @event.listens_for(engine.sync_engine, "handle_error")
    def explain(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
            logger.error("A write came from a ReadSessionDep, or went to a replica")


def end_streams(engine: AsyncEngine) -> None:
    """Let a stream end with its session, so that reading on raises.

    It would go on on a connection that another session has by then.
    """

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def remember(*arguments: _Argument) -> None:
        connection, cursor = arguments[:2]
        if cursor.server_side:
            connection.info.setdefault(_STREAMS, []).append(cursor)

    @event.listens_for(engine.sync_engine, "checkin")
    def end(_: object, record: ConnectionPoolEntry) -> None:
        for cursor in record.info.pop(_STREAMS, ()):
            cursor.close()
