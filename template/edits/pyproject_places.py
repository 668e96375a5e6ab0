"""Where a ``pyproject.toml`` lists dependencies."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, TypeAlias

from tomlkit import TOMLDocument

from detection.dependencies import DEVELOPMENT_NAMES
from edits.poetry import DependencyTable
from edits.toml_array import RequirementArray
from edits.toml_table import TomlTable

Place: TypeAlias = RequirementArray | DependencyTable


def table_at(document: TOMLDocument, path: str) -> TomlTable:
    """Return the table at a dotted path, or an empty one that is not part of the document."""
    value: Any = document
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def is_dynamic(document: TOMLDocument) -> bool:
    dynamic = table_at(document, "project").get("dynamic")
    return isinstance(dynamic, list) and "dependencies" in dynamic


def dynamic_file(document: TOMLDocument) -> str | None:
    """Return the first file that setuptools or hatch-requirements-txt reads dependencies from."""
    if not is_dynamic(document):
        return None
    hook = table_at(document, "tool.hatch.metadata.hooks.requirements_txt")
    for files in (
        table_at(document, "tool.setuptools.dynamic.dependencies").get("file"),
        hook.get("files"),
        hook.get("filename"),
    ):
        if isinstance(files, list) and files:
            return str(files[0])
        if isinstance(files, str):
            return str(files)
    return None


def runtime_place(document: TOMLDocument) -> Place | None:
    """Return what is installed with the project; its key may have to be created."""
    project = table_at(document, "project")
    if isinstance(project.get("dependencies"), list):
        return RequirementArray(project, "dependencies")
    # Poetry 2 still reads its own table where [project] has no list.
    if poetry := table_at(document, "tool.poetry.dependencies"):
        return DependencyTable(poetry)
    if project and "dependencies" not in project and not is_dynamic(document):
        return RequirementArray(project, "dependencies")
    return None


def development_place(document: TOMLDocument) -> Place | None:
    """Return the list that test tools are added to; of several, the one that tools prefer."""
    names = DEVELOPMENT_NAMES
    groups = table_at(document, "dependency-groups")
    candidates = [
        *_arrays(document, "dependency-groups", names),
        *_arrays(document, "tool.uv", ["dev-dependencies"]),
        *_arrays(document, "tool.pdm.dev-dependencies", names),
        *_poetry_groups(document, names),
        *_tables(document, "tool.poetry", ["dev-dependencies"]),
        *_arrays(document, "project.optional-dependencies", names),
        *([RequirementArray(groups, "dev")] if groups else []),
    ]
    return next(iter(candidates), None)


def all_places(document: TOMLDocument) -> list[Place]:
    """Return every list that a resolver may have to bring together with the runtime one."""
    environments = [f"tool.hatch.envs.{name}" for name in table_at(document, "tool.hatch.envs")]
    return [
        *_arrays(document, "project", ["dependencies"]),
        *_arrays(document, "project.optional-dependencies"),
        *_arrays(document, "dependency-groups"),
        *_arrays(document, "tool.uv", ["dev-dependencies"]),
        *_arrays(document, "tool.pdm.dev-dependencies"),
        *chain(
            *(_arrays(document, e, ["dependencies", "extra-dependencies"]) for e in environments)
        ),
        *_tables(document, "tool.poetry", ["dependencies", "dev-dependencies"]),
        *_poetry_groups(document, table_at(document, "tool.poetry.group")),
    ]


def _arrays(document: TOMLDocument, path: str, keys: Iterable[str] | None = None) -> list[Place]:
    table = table_at(document, path)
    keys = table if keys is None else keys
    return [RequirementArray(table, key) for key in keys if isinstance(table.get(key), list)]


def _tables(document: TOMLDocument, path: str, keys: Iterable[str]) -> list[Place]:
    table = table_at(document, path)
    return [DependencyTable(table[key]) for key in keys if isinstance(table.get(key), dict)]


def _poetry_groups(document: TOMLDocument, names: Iterable[str]) -> Iterator[Place]:
    for name in names:
        yield from _tables(document, f"tool.poetry.group.{name}", ["dependencies"])
