"""Foreign keys by the natural keys of the rows that they refer to."""

from collections import Counter
from typing import Any

from sqlalchemy import Column, Integer, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from .rows import Model, Reference, RowError, columns_of, table_of
from .upsert import Field, as_table

_INDEX = Column("seed_index", Integer)


async def resolve(
    connection: AsyncConnection,
    column: Column[Any],
    values: list[Any],
) -> None:
    """Replace the references among the values of a column, all of a kind in one query.

    Raises:
        RowError: one refers to nothing, or to more than one row.

    """
    kinds: dict[tuple[Model, tuple[str, ...]], list[int]] = {}
    for index, value in enumerate(values):
        if isinstance(value, Reference):
            kinds.setdefault((value.model, tuple(value.key)), []).append(index)
    for (model, names), indexes in kinds.items():
        table, known = table_of(model), columns_of(model)
        what = f"{column.name} refers to {table} by {', '.join(names)}"
        keys = [key.column for key in column.foreign_keys if key.column.table is table]
        if not keys or not names or not known.keys() >= {*names}:
            problem = f"{what}: expected a foreign key to it, and attributes of it"
            raise RowError(indexes[0], problem)
        columns = [_INDEX, *(known[name] for name in names)]
        index_field, *fields = (Field(each, connection.dialect) for each in columns)
        sent = [[values[index].key[name] for index in indexes] for name in names]
        wanted = as_table([index_field, *fields], [indexes, *sent])
        same = and_(*(field.column == wanted.c[field.name] for field in fields))
        query = select(wanted.c[_INDEX.name], keys[0]).join_from(wanted, table, same)
        rows = (await connection.execute(query)).all()
        times = Counter(index for index, _ in rows)
        for index in indexes:
            if times[index] != 1:
                raise RowError(index, f"{what}: {times[index]} rows, expected one")
        for index, value in rows:
            values[index] = value
