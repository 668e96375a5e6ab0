"""Tables that a seed may meet, apart from those of the layered application."""

import enum
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    CHAR,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    DateTime,
    Dialect,
    Enum,
    Float,
    ForeignKey,
    Identity,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import (
    BIT,
    INET,
    INT4MULTIRANGE,
    INT4RANGE,
    JSONB,
    TIMESTAMP,
    BitString,
    Range,
)
from sqlalchemy.dialects.postgresql.ranges import MultiRange
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from runtime.application import Run

NOW = datetime(2024, 1, 1, 12, 0, 0, 700_000, tzinfo=UTC)


class Base(DeclarativeBase):
    pass


class Mood(enum.Enum):
    GLAD = "glad"
    SAD = "sad"


class Upper(TypeDecorator[str]):
    """Stored in upper case, read in lower case."""

    impl = String(10)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        assert dialect
        return value and value.upper()

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        assert dialect
        return value and value.lower()


class Role(Base):
    __tablename__ = "roles"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(20), unique=True)
    title: Mapped[str | None] = mapped_column(String(20))
    label: Mapped[str] = mapped_column(server_default="none")


class User(Base):
    """Named so that it comes before the table that it refers to."""

    __tablename__ = "a users"
    __table_args__ = (UniqueConstraint("First Name", "last_name"), {"schema": "other place"})

    id: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[str] = mapped_column("First Name")
    last: Mapped[str] = mapped_column("last_name")
    role_id: Mapped[int | None] = mapped_column(ForeignKey(Role.id))
    boss_id: Mapped[int | None] = mapped_column(ForeignKey("other place.a users.id"))


membership = Table(
    "a_membership",
    Base.metadata,
    Column("role_id", ForeignKey(Role.id), primary_key=True),
    Column("user_id", ForeignKey(User.id), primary_key=True),
)


class Kept(Base):
    """What is set by Python, by SQL and by the server."""

    __tablename__ = "kept"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    code: Mapped[str] = mapped_column(unique=True)
    value: Mapped[int]
    colour: Mapped[str] = mapped_column(default="red")
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=func.now())
    double: Mapped[int] = mapped_column(Computed("value * 2", persisted=True))
    updated_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), onupdate=func.clock_timestamp()
    )
    updated_by: Mapped[str | None] = mapped_column(onupdate=lambda: "seed")


VALUES: dict[str, tuple[Any, list[Any]]] = {
    "text": (String(), ["", "a'b", "ü€😀", None]),
    "char": (CHAR(4), ["ab", "abcd", None]),
    "collated": (String(9, collation="C"), ["b", None]),
    "upper": (Upper(), ["abc", None]),
    "mood": (Enum(Mood, name="Mood"), [Mood.GLAD, None]),
    "text_mood": (Enum(Mood, native_enum=False), [Mood.SAD, None]),
    "json": (JSON(), [{"b": [1, None], "a": "ü"}, [1, [2]], "x", None]),
    "jsonb": (JSONB(), [{"a": {"b": 1}}, [], 1.5, None]),
    "number": (Numeric(10, 2), [Decimal("1.005"), Decimal("-3.10"), None]),
    "flag": (Boolean(), [True, False, None]),
    "float": (Float(), [0.1, float("inf"), float("nan"), None]),
    "uuid": (Uuid(), [UUID(int=5), None]),
    "binary": (LargeBinary(), [b"\0\xff", None]),
    "day": (Date(), [date(2024, 2, 29), None]),
    "second": (TIMESTAMP(timezone=True, precision=0), [NOW, None]),
    "duration": (Interval(), [timedelta(days=1, microseconds=1), None]),
    "range": (INT4RANGE(), [Range(1, 5), Range(1, 5, bounds="[]"), None]),
    "multirange": (INT4MULTIRANGE(), [MultiRange([Range(1, 5), Range(7, 9)]), None]),
    "bits": (BIT(3), [BitString("101"), None]),
    "tags": (ARRAY(String(5)), [["a", "b"], [], [None], None]),
    "chars": (ARRAY(CHAR(3)), [["a"], None]),
    "moods": (ARRAY(Enum(Mood, name="Mood")), [[Mood.GLAD, Mood.SAD], None]),
    "grid": (ARRAY(BigInteger, dimensions=2), [[[1, 2], [3, 4]], None]),
}


SPARSE: dict[str, tuple[Any, Any]] = {
    "tags": (ARRAY(String(5)), ["a"]),
    "number": (Integer(), 1),
    "uuid": (Uuid(), UUID(int=5)),
    "moment": (DateTime(timezone=True), NOW),
    "float": (Float(), 0.5),
    "range": (INT4RANGE(), Range(1, 5)),
    "mood": (Enum(Mood, name="Mood"), Mood.GLAD),
    "address": (INET(), "10.0.0.1"),
    "text": (String(3), "abc"),
    "code": (CHAR(3), "ab"),
    "json": (JSONB(none_as_null=True), {"a": 1}),
}
"""Nullable columns beside an array, with a value of each."""


class Animal(Base):
    __tablename__ = "animals"
    __mapper_args__ = {"polymorphic_on": "kind"}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str | None]
    lives: Mapped[int | None]


class Cat(Animal):
    __mapper_args__ = {"polymorphic_identity": "cat"}  # noqa: RUF012


class Inexact(Base):
    """What a seed cannot do: keys that are not hashable, a default that looks at its row."""

    __tablename__ = "inexact"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    tags: Mapped[list[str] | None] = mapped_column(ARRAY(String), unique=True)
    document: Mapped[dict[str, int] | None] = mapped_column(JSONB, unique=True)
    name: Mapped[str | None] = mapped_column(unique=True)
    slug: Mapped[str | None] = mapped_column(
        default=lambda context: context.get_current_parameters()["name"],
        onupdate=lambda context: context.get_current_parameters()["name"],
    )


COUNTED = Table(
    "Counted",
    Base.metadata,
    Column("Id", Integer, primary_key=True),
    Column("down", Integer, Identity(increment=-1), unique=True),
    schema="other place",
)
CODES = Table("codes", Base.metadata, Column("name", CHAR(8), primary_key=True))
OF_TYPES = {
    name: Table(
        f"of_{name}",
        Base.metadata,
        Column("key", Integer, primary_key=True, autoincrement=False),
        Column("value", type_),
    )
    for name, (type_, _) in VALUES.items()
}
OF_TYPES["sparse"] = Table(
    "of_sparse",
    Base.metadata,
    Column("key", Integer, primary_key=True, autoincrement=False),
    *(Column(name, type_) for name, (type_, _) in SPARSE.items()),
)


def create_tables(layer: Any, run: Run) -> None:
    async def create() -> None:
        async with layer.get_engine().begin() as connection:
            await connection.execute(text('CREATE SCHEMA "other place"'))
            await connection.run_sync(Base.metadata.create_all)

    run(create())
