"""Errors of the database as HTTP responses."""

import logging
from typing import NamedTuple

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from .errors import DatabaseNotConfiguredError, reason

logger = logging.getLogger(__name__)


class _Answer(NamedTuple):
    status: int
    code: str
    detail: str
    retry_after: int | None = None  # seconds


_NOT_CONFIGURED = _Answer(503, "database_not_configured", "There is no database")
_AWAY = _Answer(503, "database_unavailable", "The database is not available", 5)
_BUSY = _Answer(503, "pool_exhausted", "Too many requests at a time", 1)
_CHANGED = _Answer(503, "schema_changed", "The database has just changed", 1)

# Codes are PostgreSQL's names where it has one:
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_SQLSTATE = {
    # During COMMIT. Without Retry-After, because it would perhaps be done twice.
    "08007": _Answer(503, "transaction_resolution_unknown", "It may be saved or not"),
    "22021": _Answer(422, "character_not_in_repertoire", "A text has a NUL character"),
    "23001": _Answer(409, "restrict_violation", "Other data refers to it"),
    "23502": _Answer(422, "not_null_violation", "A value is missing"),
    "23503": _Answer(409, "foreign_key_violation", "It or what it refers to is in use"),
    "23505": _Answer(409, "unique_violation", "It exists already"),
    "23514": _Answer(422, "check_violation", "A value is not allowed"),
    "23P01": _Answer(409, "exclusion_violation", "It overlaps with another"),
    "40001": _Answer(503, "serialization_failure", "Another request was faster", 1),
    "40P01": _Answer(503, "deadlock_detected", "Another request was faster", 1),
    "55P03": _Answer(503, "lock_not_available", "Another request is at work on it", 1),
    "57014": _Answer(504, "query_canceled", "The database took too long"),
}


def answer_errors(app: FastAPI) -> None:
    """Answer errors of the database, unless the application does.

    A handler of the application for `SQLAlchemyError` replaces this one, and one for a
    class below it goes first, whenever it is added. Errors that say nothing to a
    client, such as wrong SQL, stay what they are.
    """
    for error in (SQLAlchemyError, DatabaseNotConfiguredError):
        app.exception_handlers.setdefault(error, _respond)


async def _respond(request: Request, error: Exception) -> JSONResponse:
    answer = _answer(error)
    if answer is None or request.scope["type"] != "http":
        raise error
    content = {"detail": answer.detail, "code": answer.code}
    if isinstance(error, IntegrityError):
        for name in ("constraint", "column"):
            if value := getattr(error.driver_exception, f"{name}_name", None):
                content[name] = value
    else:
        told = reason(error)
        if statement := getattr(error, "statement", None):
            told += f" [SQL: {statement}]"
        one_line = " ".join(told.split())
        logger.warning("%s %s: %s", answer.status, answer.code, one_line)
    wait = answer.retry_after
    headers = None if wait is None else {"Retry-After": str(wait)}
    return JSONResponse(content, answer.status, headers)


def _answer(error: Exception) -> _Answer | None:
    if not isinstance(error, DBAPIError):
        answers = {DatabaseNotConfiguredError: _NOT_CONFIGURED, PoolTimeoutError: _BUSY}
        return answers.get(type(error))
    sqlstate = getattr(error.orig, "sqlstate", None) or ""
    if isinstance(error.orig, TimeoutError):
        sqlstate = "57014"  # not even PostgreSQL's own timeout came through
    if answer := _BY_SQLSTATE.get(sqlstate):
        return answer
    if isinstance(error, NotSupportedError):  # asyncpg's InvalidCachedStatementError
        return _CHANGED
    away = isinstance(error, OperationalError) or error.connection_invalidated
    # 53: too many connections; 57P: shutting down, starting up
    return _AWAY if away or sqlstate.startswith(("08", "53", "57P")) else None
