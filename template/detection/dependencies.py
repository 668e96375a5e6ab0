"""The file that declares the application's dependencies, and what refreshes its lock file."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from detection.tree import Tree

DEVELOPMENT_NAMES = ("dev", "test", "tests")  # of groups and extras, the preferred one first
_PYPROJECT = "pyproject.toml"
_FASTAPI = re.compile(r"""^\s*['"]?fastapi\s*(?:$|[\[<>=!~;@#\s'"\\])""", re.IGNORECASE)
_INCLUDE = re.compile(r"^\s*(?:-r|--requirement)[\s=]+(\S+)", re.MULTILINE)
_COMPILED = re.compile(r"^#\s+(?:uv pip compile|pip-compile)\b(.*)$", re.MULTILINE)
_REQUIREMENTS = re.compile(r"requirements.*\.(txt|in)|.*[-_.]requirements\.(txt|in)")
_REQUIREMENTS_FOLDERS = ("requirements", "reqs", "deps", "dependencies")
_FOR_DEVELOPERS = re.compile(r"dev|test|lint|doc|ci\b", re.IGNORECASE)
_LOCKING = {
    "uv": "uv sync",
    "poetry": "poetry lock && poetry install",
    "pdm": "pdm lock && pdm sync",
}


def is_project(tree: Tree, folder: PurePosixPath) -> bool:
    return any(True for _ in dependency_files(tree, folder))


def dependency_files(tree: Tree, folder: PurePosixPath) -> Iterator[PurePosixPath]:
    """Yield the dependency files of one folder, the likeliest to be for production first."""
    names = tree.entries.get(folder, frozenset())
    yield from (folder / name for name in (_PYPROJECT, "Pipfile") if name in names)
    requirements = [folder / name for name in names if _REQUIREMENTS.fullmatch(name)]
    requirements += [
        folder / inner / name
        for inner in _REQUIREMENTS_FOLDERS
        for name in tree.entries.get(folder / inner, ())
        if PurePosixPath(name).suffix in {".txt", ".in"}
    ]
    yield from sorted(requirements, key=_likeliness)
    if "install_requires" in tree.text(folder / "setup.cfg"):
        yield folder / "setup.cfg"
    if "setup.py" in names:
        yield folder / "setup.py"


def _likeliness(path: PurePosixPath) -> tuple[bool, bool, bool, bool, str]:
    return (
        bool(_FOR_DEVELOPERS.search(path.stem)),
        path.suffix == ".in",
        path.name != "requirements.txt",
        path.stem != "base",
        str(path),
    )


def declaring_file(tree: Tree, app_dir: PurePosixPath) -> PurePosixPath | None:
    """Return the nearest file that declares FastAPI, else the nearest that declares anything."""
    files = [
        path for folder in (app_dir, *app_dir.parents) for path in dependency_files(tree, folder)
    ]
    for path in files:
        if found := _declares(tree, path):
            return found
    mentioned = [path for path in files if _is_optional(tree, path)]
    useful = [path for path in files if path.name != _PYPROJECT or _has_metadata(tree, path)]
    for paths in (mentioned, useful, files):
        if paths:
            return paths[0]
    return None


def _declares(tree: Tree, path: PurePosixPath) -> PurePosixPath | None:
    """Return the file that names FastAPI, which `path` may only lead to."""
    if path.name == _PYPROJECT:
        return _pyproject_declares(tree, path)
    if path.name == "Pipfile":
        return path if "fastapi" in table(toml(tree, path), "packages") else None
    if path.name in {"setup.cfg", "setup.py"}:
        return path if re.search(r"\bfastapi\b", tree.text(path)) else None
    return _requirements_declare(tree, path, frozenset())


def _pyproject_declares(tree: Tree, path: PurePosixPath) -> PurePosixPath | None:
    content = toml(tree, path)
    declared = _list(table(content, "project").get("dependencies"))
    poetry = table(content, "tool", "poetry", "dependencies")
    if any(_FASTAPI.match(str(line)) for line in (*declared, *poetry)):
        return path
    setuptools = table(content, "tool", "setuptools", "dynamic", "dependencies")
    hatch = table(content, "tool", "hatch", "metadata", "hooks", "requirements_txt")
    for name in _list(setuptools.get("file")) + _list(hatch.get("files")):
        if found := _requirements_declare(tree, path.parent / str(name), frozenset()):
            return found
    return None


def _requirements_declare(
    tree: Tree, path: PurePosixPath, seen: frozenset[PurePosixPath]
) -> PurePosixPath | None:
    text = tree.text(path)
    if any(map(_FASTAPI.match, text.splitlines())):
        source = compiled_from(tree, path)
        return (_declares(tree, source) or source) if source else path
    for name in _INCLUDE.findall(text):
        included = path.parent / name
        if ".." in included.parts:
            included = PurePosixPath(*_without_dots(included.parts))
        if included not in seen:
            found = _requirements_declare(tree, included, seen | {path})
            if found:
                return found
    return None


def _without_dots(parts: tuple[str, ...]) -> list[str]:
    kept: list[str] = []
    for part in parts:
        if part != "..":
            kept.append(part)
        elif kept:
            kept.pop()
    return kept


def compiled_from(tree: Tree, path: PurePosixPath) -> PurePosixPath | None:
    """Return the source of a requirements file that pip-compile or uv wrote."""
    header = _COMPILED.search(tree.text(path))
    words: list[str] = [*header[1].split(), "requirements.in"] if header else []
    for word in words:
        # The command was run in this folder or in one above it.
        for folder in path.parents:
            if word.endswith((".in", ".toml")) and tree.has(folder / word):
                return folder / word
    return None


def _is_optional(tree: Tree, path: PurePosixPath) -> bool:
    if path.name != _PYPROJECT:
        return False
    extras = table(toml(tree, path), "project", "optional-dependencies")
    return any(_FASTAPI.match(str(line)) for extra in extras.values() for line in _list(extra))


def _has_metadata(tree: Tree, path: PurePosixPath) -> bool:
    content = toml(tree, path)
    return bool(table(content, "project") or table(content, "tool", "poetry"))


def project_name(tree: Tree, folder: PurePosixPath) -> str:
    """Return the name that pyproject.toml declares, which may be empty."""
    content = toml(tree, folder / _PYPROJECT)
    for keys in (("project",), ("tool", "poetry")):
        name = table(content, *keys).get("name")
        if isinstance(name, str) and name:
            return name
    return ""


def lock_command(tree: Tree, path: PurePosixPath | None, home: PurePosixPath) -> str:
    """Return the command that, run in `home`, locks and installs what was added to `path`."""
    if path is None:
        return ""
    if path.suffix in {".txt", ".in"}:
        return _requirements_command(tree, path, home)
    if path.name == "Pipfile":
        return "pipenv install --dev"
    content = toml(tree, path) if path.name == _PYPROJECT else {"build-system": {}}
    tools = table(content, "tool")
    for folder in (path.parent, *path.parent.parents):
        for tool, command in _LOCKING.items():
            if tree.has(folder / f"{tool}.lock") or (folder == path.parent and tool in tools):
                return command
    if "build-system" not in content or "hatch" in tools:
        return ""
    return _pip_command(content, _from(home, path.parent), _from(home, path))


def _pip_command(content: dict[str, Any], project: str, pyproject: str) -> str:
    """Return what installs the project with its tools of development, which the editor adds to."""
    for name in DEVELOPMENT_NAMES:
        if name in table(content, "dependency-groups"):
            group = name if pyproject == _PYPROJECT else f"{pyproject}:{name}"
            return f"pip install -e {project} --group {group}"
    for name in DEVELOPMENT_NAMES:
        if name in table(content, "project", "optional-dependencies"):
            return f"pip install -e '{project}[{name}]'"
    return f"pip install -e {project}"


def _requirements_command(tree: Tree, path: PurePosixPath, home: PurePosixPath) -> str:
    for name in sorted(tree.entries.get(path.parent, ())):
        output = path.parent / name
        if output.suffix == ".txt" and compiled_from(tree, output) == path:
            source, target = _from(home, path), _from(home, output)
            tool = "uv pip compile" if "uv pip compile" in tree.text(output) else "pip-compile"
            return f"{tool} {source} -o {target}"
    return f"pip install -r {_from(home, path)}"


def _from(home: PurePosixPath, path: PurePosixPath) -> str:
    """Return `path` as it is named in `home`, which may lie below it."""
    up = 0
    while not path.is_relative_to(home):
        home, up = home.parent, up + 1
    return str(PurePosixPath(*[".."] * up, path.relative_to(home)))


def toml(tree: Tree, path: PurePosixPath) -> dict[str, Any]:
    try:
        return tomllib.loads(tree.text(path))
    except tomllib.TOMLDecodeError:
        return {}


def table(content: dict[str, Any], *keys: str) -> dict[str, Any]:
    for key in keys:
        inner = content.get(key)
        content = inner if isinstance(inner, dict) else {}
    return content


def _list(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str) else []
