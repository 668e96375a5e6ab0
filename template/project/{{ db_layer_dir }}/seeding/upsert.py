"""The statement that writes rows, and only those that differ from what is there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine

from .rows import SeedError

Value: TypeAlias = Any
Default: TypeAlias = Any  # sqlalchemy.ColumnDefault, one of its kinds

_TEXTS = ("CHAR", "TEXT", "VARCHAR")
_CREATED = "seed_created"  # beside the columns of a model, whose names are others


class Field:
    """A column that values are sent for."""

    def __init__(self, target: sa.Column[Any], dialect: sa.Dialect) -> None:
        """Choose how they are sent and compared."""
        self.column = target
        self.name = target.name
        self.type = target.type
        self.compared: TypeEngine[Any] = target.type
        ddl = target.type.compile(dialect)
        self.is_nested = ddl.endswith(("]", "MULTIRANGE"))
        if ddl.startswith(_TEXTS):
            self.type = self.compared = _unlimited(target.type)
        elif ddl == "JSON":  # has no equality
            self.compared = sa.Text()


class _Unlimited(sa.TypeDecorator[Any]):
    """A type of text without its length: a cast cuts off what is longer.

    Not TEXT, in which a CHAR would not be looked for in its index.
    """

    impl = sa.String
    cache_ok = True

    def __init__(self, original: TypeEngine[Any]) -> None:
        super().__init__()
        self.original = original

    def bind_processor(self, dialect: sa.Dialect) -> Callable[..., Any] | None:
        return self.original.dialect_impl(dialect).bind_processor(dialect)


def _unlimited(text: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(text, sa.ARRAY):
        return sa.ARRAY(_Unlimited(text.item_type), dimensions=text.dimensions)
    return _Unlimited(text)


class Layout(NamedTuple):
    """What values are sent for, in this order."""

    key: list[Field]
    others: list[Field]
    defaults: list[Field]
    """Columns with a default of Python's, for new rows only."""

    @property
    def given(self) -> list[Field]:
        """Those for which the seed has values."""
        return [*self.key, *self.others]


def as_table(
    fields: Sequence[Field],
    columns: Sequence[Sequence[Any]],
) -> sa.FromClause:
    """Return values, column by column, as a table with the names of the fields."""
    named = [sa.column(field.name, field.type) for field in fields]
    if any(field.is_nested for field in fields):  # unnest takes arrays apart
        first, *rows = zip(*columns, strict=True)
        # Its types are those of the table, also where nothing but NULL follows.
        typed = tuple(map(sa.cast, first, (field.type for field in fields)))
        return sa.values(*named, name="seed_sent").data([typed, *rows])
    # Few parameters, however many rows: quick to compile and to parse.
    arrays = [
        sa.bindparam(None, sent, sa.ARRAY(field.type, dimensions=1))
        for field, sent in zip(fields, columns, strict=True)
    ]
    table = sa.func.unnest(*arrays).table_valued(*named)
    return table.render_derived(name="seed_sent")


Statement: TypeAlias = Callable[
    [sa.Table, Layout, Sequence[Sequence[Any]]],
    sa.Executable,
]


def insert_new(
    table: sa.Table,
    layout: Layout,
    columns: Sequence[Sequence[Any]],
) -> sa.Insert:
    """Return a statement for rows of which none is there: it looks for none."""
    fields = [*layout.given, *layout.defaults]
    sent = as_table(fields, columns)
    return insert(table).from_select([f.column for f in fields], sa.select(*sent.c))


def upsert(
    table: sa.Table,
    layout: Layout,
    columns: Sequence[Sequence[Any]],
) -> sa.Select[int, int]:
    """Return a statement that gives the number of new rows, and of all that it wrote.

    A row that is there as it should be is left out at first: ON CONFLICT alone would
    lock it, and take a number for it from the sequence of the primary key.
    """
    key, others, defaults = layout
    fields = [*layout.given, *defaults]
    sent = as_table(fields, columns)
    # By index: a plain join would read the table, however large, for each batch.
    same_key = (field.column == sent.c[field.name] for field in key)
    stored = sa.select(*(field.column for field in layout.given)).where(*same_key)
    there = stored.limit(1).lateral("seed_there")
    is_new = there.c[key[0].column.key].is_(None)
    changed = (
        sa.select(*sent.c, is_new.label(_CREATED))
        .select_from(sent.outerjoin(there, sa.true()))
        .where(sa.or_(is_new, *_differences(others, there, dict(sent.c.items()))))
        .cte("seed_changed")
    )
    new_rows = sa.select(*(changed.c[field.name] for field in fields))
    inserting = insert(table).from_select([field.column for field in fields], new_rows)
    new = {column.name: inserting.excluded[column.key] for column in table.c}
    unique = [field.column for field in key]
    if others:
        updates = {field.column: new[field.name] for field in others}
        inserting = inserting.on_conflict_do_update(
            index_elements=unique,
            set_=_on_update(table, updates) | updates,
            where=sa.or_(*_differences(others, table, new)),  # it may be there by now
        )
    else:
        inserting = inserting.on_conflict_do_nothing(index_elements=unique)
    one = sa.literal_column("1", sa.Integer).label("seed_one")
    written = inserting.returning(one).cte("seed_written")
    count = sa.select(sa.func.count())
    return sa.select(
        count.select_from(changed).where(changed.c[_CREATED]).scalar_subquery(),
        count.select_from(written).scalar_subquery(),
    )


def _differences(
    fields: Sequence[Field],
    old: sa.FromClause,
    new: Mapping[str, sa.ColumnElement[Any]],
) -> list[sa.ColumnElement[bool]]:
    return [
        sa.cast(old.c[field.column.key], field.compared).is_distinct_from(
            sa.cast(new[field.name], field.compared),
        )
        for field in fields
    ]


def _on_update(table: sa.Table, given: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return what SQLAlchemy sets with each UPDATE, though not with ON CONFLICT."""
    updates = {column: column.onupdate for column in table.c if column not in given}
    return {column: value_of(update) for column, update in updates.items() if update}


class _NoContext:
    """What a default is called with, in place of the rest of its row."""

    def __init__(self, default: Default) -> None:
        self._column = default.column

    def __getattr__(self, name: str) -> NoReturn:
        message = f"{self._column}: its default needs {name}: list a value in each row"
        raise SeedError(message)


def value_of(default: Default) -> Value:
    """Return a value, or SQL, for one row."""
    return default.arg(_NoContext(default)) if default.is_callable else default.arg
