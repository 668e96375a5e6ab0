"""The declarative base of every model."""

import enum
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from sqlalchemy import Constraint, DateTime, Enum, MetaData, Table
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase


def _check_name(check: Constraint, table: Table) -> str:
    """Return the name that was given, or the column's when a type brings the CHECK.

    Such a type has the name of its class, so two columns of a table would clash.
    """
    given = check.name if isinstance(check.name, str) else None
    for column in getattr(check, "columns", ()):
        if given == getattr(column.type, "name", None):
            return str(column.name)
    if given is None:
        message = f'A CheckConstraint of {table.name} has no name: add name="..."'
        raise ArgumentError(message)
    return given


def _stored(members: type[enum.Enum]) -> list[str]:
    """Return the values, as an API has them; without text in them, the names."""
    values = [member.value for member in members]
    if all(isinstance(value, str) for value in values):
        return values
    return [member.name for member in members]


# Text and a CHECK: unlike a type of its own it can lose values, and it gets new ones in
# a transaction. Unlimited, so that a longer value does not change the column's type.
_CHECKED_TEXT: dict[str, Any] = {
    "native_enum": False,
    "create_constraint": True,
    "length": None,
}


class Base(DeclarativeBase):
    """Base class of all models."""

    # A constraint without a name gets one from PostgreSQL, which no migration knows:
    # https://alembic.sqlalchemy.org/en/latest/naming.html
    metadata = MetaData(
        naming_convention={
            "check_or_constraint_name": _check_name,
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(check_or_constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        },
    )

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        # A point in time, whatever the zone of client and server.
        datetime: DateTime(timezone=True),
        enum.Enum: Enum(enum.Enum, values_callable=_stored, **_CHECKED_TEXT),
        Literal: Enum(enum.Enum, name="literal", **_CHECKED_TEXT),
    }

    # What the server sets (ids, timestamps) comes back with the INSERT or UPDATE.
    # Loading it later would need a round trip, which reading an attribute of an
    # object cannot make in an async session. A model with arguments of its own repeats
    # this one.
    __mapper_args__ = MappingProxyType({"eager_defaults": True})
