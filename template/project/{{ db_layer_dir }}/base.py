"""The declarative base of every model."""

from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

from sqlalchemy import DateTime, MetaData
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Base class of all models."""

    # A constraint without a name gets one from PostgreSQL, which no migration knows:
    # https://alembic.sqlalchemy.org/en/latest/naming.html
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        },
    )

    # Mapped[datetime] means a point in time, whatever the zone of client and server.
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
    }

    # What the server sets (ids, timestamps) comes back with the INSERT or UPDATE.
    # Loading it later would need a round trip, which reading an attribute of an
    # object cannot make in an async session. A model with arguments of its own repeats
    # this one.
    __mapper_args__ = MappingProxyType({"eager_defaults": True})
