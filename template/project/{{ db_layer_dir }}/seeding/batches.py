"""From the rows that a seed lists to the statements that write them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import BigInteger, CursorResult, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from .references import resolve
from .rows import RowError, Rows, SeedError, columns_of, identity_of, table_of
from .upsert import Default, Field, Layout, Statement, insert_new, upsert, value_of

_ROWS = 10_000  # of one statement, which are in memory at a time
_PARAMETERS = 32767  # of one statement, at most: as many values where there are arrays
_NO_SUCH_CONSTRAINT = "42P10"
_OF_A_ROW = {"", "21", "22", "23"}  # classes of SQLSTATE; the driver's own have none

# The next number is asked for, as a sequence that was restarted may be ahead.
_ADVANCE = text(
    "SELECT setval(seqrelid, greatest(nextval(seqrelid), :highest)) FROM pg_sequence"
    " WHERE seqrelid = CAST(pg_get_serial_sequence(:name, :column) AS regclass)"
    " AND :highest > coalesce(pg_sequence_last_value(seqrelid), seqstart - 1)"
    " AND seqincrement > 0",
)

Batch: TypeAlias = Sequence[Mapping[str, Any]]
Result: TypeAlias = CursorResult[*tuple[Any, ...]]


class Counts(NamedTuple):
    """What became of rows."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


async def write(connection: AsyncConnection, rows: Rows) -> AsyncIterator[Counts]:
    """Write the rows in batches and yield what became of each.

    Raises:
        SeedError: a row is refused, by us or by PostgreSQL.

    """
    remaining = iter(rows.rows)
    position = 1
    try:
        for first in remaining:
            target = _Target(connection, rows, first)
            remaining = chain([first], remaining)
            while batch := [*islice(remaining, target.batch_size)]:
                yield await target.write(batch)
                position += len(batch)
            await target.advance_sequences()
    except RowError as error:
        index, problem = error.args
        message = f"{table_of(rows.model)}, row {position + index}: {problem}"
        raise SeedError(message) from error


class _Target:
    """A table, and the attributes that its rows are to have."""

    def __init__(
        self,
        connection: AsyncConnection,
        rows: Rows,
        first: Mapping[str, Any],
    ) -> None:
        self._connection = connection
        self._table = table_of(rows.model)
        key = [rows.key] if isinstance(rows.key, str) else [*rows.key]
        self._attributes = list(dict.fromkeys([*key, *first]))
        known = columns_of(rows.model)
        if unknown := [name for name in self._attributes if name not in known]:
            raise RowError(0, f"the model has no attribute {unknown[0]}")
        given = [known[name] for name in self._attributes]
        identity = identity_of(rows.model)
        # What is SQL, or the server's, stays in the statement and in the table.
        self._defaults: dict[Any, Default] = {
            column: default
            for column in self._table.columns
            if (default := identity.get(column, column.default)) is not None
            and column not in given
            and (default.is_scalar or default.is_callable)
        }
        fields = [Field(each, connection.dialect) for each in [*given, *self._defaults]]
        parts = slice(len(key)), slice(len(key), len(given)), slice(len(given), None)
        self._layout = Layout(*(fields[part] for part in parts))
        self._all_were_new = False
        nested = any(field.is_nested for field in fields)
        self.batch_size = min(_ROWS, _PARAMETERS // len(fields)) if nested else _ROWS

    async def write(self, batch: Batch) -> Counts:
        expected = {*self._attributes}
        for index, row in enumerate(batch):
            if row.keys() != expected:
                names = ", ".join(self._attributes)
                raise RowError(index, f"expected the attributes {names}")
        try:
            return await self._write(batch)
        except StatementError as error:
            sqlstate = getattr(error.orig, "sqlstate", None) or ""
            if sqlstate == _NO_SUCH_CONSTRAINT:
                key = ", ".join(field.name for field in self._layout.key)
                message = f"{self._table}: no unique constraint is on {key} alone"
                raise SeedError(message) from error
            lost = isinstance(error, DBAPIError) and error.connection_invalidated
            if lost or sqlstate[:2] not in _OF_A_ROW:
                raise
            raise await self._first_refused(batch, error) from error

    async def _write(self, batch: Batch) -> Counts:
        # Savepoints, so that a batch that is refused can be looked into. Where rows are
        # all new, as in a first run, it is faster not to look for any.
        if self._all_were_new:
            with suppress(IntegrityError):
                async with self._connection.begin_nested():
                    await self._execute(batch, insert_new)
                return Counts(created=len(batch))
        async with self._connection.begin_nested():
            new, written = (await self._execute(batch, upsert)).one()
        created = min(new, written)  # somebody else may have inserted it meanwhile
        self._all_were_new = created == len(batch)
        return Counts(created, written - created, len(batch) - written)

    async def _execute(self, batch: Batch, statement: Statement) -> Result:
        columns = [[row[name] for row in batch] for name in self._attributes]
        for field, values in zip(self._layout.given, columns, strict=True):
            if field.column.foreign_keys:
                await resolve(self._connection, field.column, values)
        self._check_keys(columns[: len(self._layout.key)])
        defaults = self._defaults.values()
        columns += [[value_of(default) for _ in batch] for default in defaults]
        built = statement(self._table, self._layout, columns)
        return await self._connection.execute(built)

    def _check_keys(self, columns: Sequence[Sequence[Any]]) -> None:
        keys = [*zip(*columns, strict=True)]
        try:
            if len({*keys}) == len(keys) and not any(None in key for key in keys):
                return
        except TypeError as error:
            message = f"{self._table}: expected a key of plain values, found {error}"
            raise SeedError(message) from error
        seen = set[tuple[Any, ...]]()
        for index, key in enumerate(keys):
            if None in key:
                raise RowError(index, "a value of its key is missing")
            if key in seen:
                raise RowError(index, "a row before has the same key")
            seen.add(key)

    async def advance_sequences(self) -> None:
        """Let the numbers that PostgreSQL gives go on after those in the table."""
        name = self._connection.dialect.identifier_preparer.format_table(self._table)
        for column in (field.column for field in self._layout.given):
            if column.identity or column is self._table.autoincrement_column:
                query = select(func.max(column, type_=BigInteger))
                highest = await self._connection.scalar(query)
                values = {"name": name, "column": column.name, "highest": highest}
                await self._connection.execute(_ADVANCE, values)

    async def _first_refused(self, batch: Batch, error: StatementError) -> RowError:
        """Return which row it is: the last of the shortest start that is refused."""
        accepted, refused = 0, len(batch)
        while refused - accepted > 1:
            middle = (accepted + refused) // 2
            try:
                async with self._connection.begin_nested() as savepoint:
                    await self._execute(batch[:middle], upsert)
                    await savepoint.rollback()
            except StatementError as earlier:
                refused, error = middle, earlier
            else:
                accepted = middle
        return RowError(refused - 1, str(error.orig))
