"""Rows that are added once, however often the seed runs."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from .base import Base
from .errors import DatabaseNotConfiguredError
from .session import async_session

_UNDEFINED_TABLE = "42P01"

Row = tuple[type[Base], dict[str, Any]]
"""A model and the values of one row."""


async def insert_missing(session: AsyncSession, *rows: Row) -> int:
    """Insert each row that is not there yet and return how many were inserted.

    A row is there when a primary key or a unique constraint says so. Without one on
    the columns that identify it, every run adds the row again.
    """
    inserted = 0
    for model, values in rows:
        statement = insert(model).values(values).on_conflict_do_nothing()
        returning = statement.returning(*model.__table__.primary_key)
        inserted += len((await session.execute(returning)).all())
    return inserted


def run(seed: Callable[[AsyncSession], Awaitable[int]]) -> None:
    """Run the seed in one transaction and print how many rows it added."""
    try:
        added = asyncio.run(_run(seed))
    except DatabaseNotConfiguredError as error:
        sys.exit(str(error))
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _UNDEFINED_TABLE:
            raise
        advice = "The seed adds rows, no tables: run `alembic upgrade head` first."
        sys.exit(f"{error.orig}\n{advice}")
    sys.stdout.write(f"Seed applied: {added} rows added\n")


async def _run(seed: Callable[[AsyncSession], Awaitable[int]]) -> int:
    async with async_session() as session, session.begin():
        return await seed(session)
