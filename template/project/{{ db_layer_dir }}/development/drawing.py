"""Tables as text for the programs that draw: Mermaid and Graphviz.

The texts are those of paracelsus, of a copy of the tables that both can show.
"""

import re
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NamedTuple

from alembic.util import CommandError
from sqlalchemy import (
    Column,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeEngine, UserDefinedType

_LIBRARY = "paracelsus"
_ENUM_VALUES = 8  # of more, the first and the last are shown
_KEYWORDS = {"fk", "pk", "uk"}
_POSTGRESQL = make_url("postgresql+asyncpg://").get_dialect()()


class _Copy(NamedTuple):
    metadata: MetaData
    # Columns, with their table, of keys of several columns. The library takes each of
    # them for unique.
    shared: set[tuple[str, str]]


class _Shown(UserDefinedType[Any]):
    """A type that is written as it is given."""

    cache_ok = True

    def __init__(self, text: str) -> None:
        self.text = text

    def get_col_spec(self, **_: object) -> str:
        return self.text


def mermaid(metadata: MetaData) -> str:
    """Return the text of an `erDiagram`, the same for the same tables.

    Raises:
        alembic.util.CommandError: the library is not installed.

    """
    copy = _copy(metadata)
    draw = _library("mermaid").Mermaid
    picture = draw(copy.metadata, "preserve-order", max_enum_members=_ENUM_VALUES)
    tables, blank, relations = str(picture).rpartition("\n\n")
    lines = sorted(_relation(line, copy) for line in relations.splitlines())
    return "".join([tables, blank if lines else "\n", *lines])


def _relation(line: str, copy: _Copy) -> str:
    tables, _, column = line.rpartition(" : ")
    if (tables.rpartition(" ")[2], column) in copy.shared:
        tables = tables.replace("--o|", "--o{")
    return f'{tables} : "{column}"\n'


def graphviz(metadata: MetaData) -> str:
    """Return the text of a graph for Graphviz's `dot`.

    Raises:
        alembic.util.CommandError: the library is not installed.

    """
    copy = _copy(metadata)
    picture = _library("dot").Dot(copy.metadata, "preserve-order")
    for edge in picture.graph.get_edges():
        if (edge.get_destination(), edge.get("label")) in copy.shared:
            edge.set("arrowhead", "crow")
    return re.sub('<b>"(.+)"</b>', r"<b>\1</b>", str(picture))


def _library(part: str) -> ModuleType:
    if find_spec(_LIBRARY) is None:
        message = f"The diagram needs {_LIBRARY}: pip install {_LIBRARY}"
        raise CommandError(message)
    return import_module(f"{_LIBRARY}.transformers.{part}")


def _copy(metadata: MetaData) -> _Copy:
    tables = dict(sorted(metadata.tables.items()))
    # In quotes, a table may have the name of a word of theirs: "one", "graph".
    names = dict(zip(tables, map('"{}"'.format, _words(tables)), strict=True))
    words: dict[Column[Any], str] = {}
    for table in tables.values():
        its_words = _words(column.name for column in table.columns)
        words |= zip(table.columns, its_words, strict=True)
    copy = _Copy(MetaData(), set())
    for name, table in tables.items():
        drawn = Table(names[name], copy.metadata)
        for column in table.columns:
            keys: list[ForeignKey] = []
            for key in column.foreign_keys:
                other = names[str(key.column.table)]
                keys.append(ForeignKey(f"{other}.{words[key.column]}"))
            new = Column(
                words[column],
                _type(column),
                *keys,
                primary_key=column.primary_key,
                nullable=column.nullable,
                unique=_is_unique(column),
                index=column.index,
                comment=_sentence(column.comment or ""),
            )
            drawn.append_column(new)
            if new.primary_key and not new.unique:
                copy.shared.add((names[name], new.name))
    return copy


def _is_unique(column: Column[Any]) -> bool:
    """Tell whether no value of it comes twice."""
    ways = [column.table.primary_key, *column.table.constraints, *column.table.indexes]
    return any(
        [*way.columns] == [column]
        for way in ways
        if isinstance(way, PrimaryKeyConstraint | UniqueConstraint)
        or (isinstance(way, Index) and way.unique and not way.dialect_kwargs)
    )


def _type(column: Column[Any]) -> TypeEngine[Any]:
    if isinstance(column.type, Enum):
        return Enum(*map(_sentence, column.type.enums), native_enum=False)
    text = column.type.compile(_POSTGRESQL).lower().replace(", ", "-")
    return _Shown(re.sub(r"[^\w\[\]()-]+", "_", text).strip("_"))


def _words(names: Iterable[str]) -> list[str]:
    """Return the names as words, each another: Mermaid has no quotes for columns."""
    words: list[str] = []
    for name in names:
        word = re.sub(r"^(?=\d)|\W", "_", name)
        while word in words or word.lower() in _KEYWORDS:
            word += "_"
        words.append(word)
    return words


def _sentence(text: str) -> str:
    return " ".join(text.replace('"', "'").split())
