"""What a repository has of a database layer already."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from detection.dependencies import table, toml
from detection.python_source import Module, Names
from detection.refusal import Refusal
from detection.tree import Tree, is_aside

ENGINES = ("create_engine", "create_async_engine", "engine_from_config", "async_engine_from_config")
_LOOKS_CREATED = re.compile(
    rb"\A(?=[\s\S]*\b(?:sqlalchemy|sqlmodel)\b)[\s\S]*?\b(?:%s)\(" % "|".join(ENGINES).encode()
)


@dataclass(frozen=True)
class Setup:
    """`what` is said of `path`: "is an Alembic configuration"."""

    path: PurePosixPath
    what: str

    def refusal(self) -> Refusal:
        return Refusal(
            f"{self.path} {self.what}: expected an application without a database layer, since"
            " adopting an existing set-up is a later release. If it is unused, remove it and run"
            " the copy again."
        )


def find_setups(tree: Tree, sources: Iterable[Module], within: PurePosixPath) -> list[Setup]:
    found = [*_migrations(tree), *_engines(sources)]
    return [setup for setup in found if not is_aside(setup.path, within)]


def _migrations(tree: Tree) -> Iterator[Setup]:
    for folder, names in tree.entries.items():
        if "alembic.ini" in names:
            yield Setup(folder / "alembic.ini", "is an Alembic configuration")
        if "alembic" in table(toml(tree, folder / "pyproject.toml"), "tool"):
            yield Setup(folder / "pyproject.toml", "has a table [tool.alembic]")
        environment = "env.py" in names and (
            folder.name in {"alembic", "migrations"} or "script.py.mako" in names
        )
        if environment or (folder.name == "alembic" and "versions" in names):
            yield Setup(folder, "holds migrations")


def _engines(sources: Iterable[Module]) -> Iterator[Setup]:
    for module in sources:
        if line := _engine_line(module):
            yield Setup(module.path, f"creates an SQLAlchemy engine in line {line}")


def _engine_line(module: Module) -> int | None:
    if module.tree is None:
        # Better to refuse by the look of it than to give an application two engines.
        found = _LOOKS_CREATED.search(module.source)
        return module.source.count(b"\n", 0, found.end()) + 1 if found else None
    names = Names(module.tree)
    starred = any(_is_sqlalchemy(star) for star in names.stars)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            origin = names.origin(node.func)
            if _is_sqlalchemy(origin) and origin.rpartition(".")[2] in ENGINES:
                return node.lineno
            if starred and isinstance(node.func, ast.Name) and node.func.id in ENGINES:
                return node.lineno
    return None


def _is_sqlalchemy(origin: str) -> bool:
    return origin.partition(".")[0] in {"sqlalchemy", "sqlmodel"}
