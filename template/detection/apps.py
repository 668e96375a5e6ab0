"""Where FastAPI applications are built."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import PurePosixPath

from detection.python_source import Module, Names, modules
from detection.tree import Tree

_ENTRIES = (
    ("main",),
    ("app", "server", "api", "asgi", "application", "factory"),
    ("__main__", "__init__"),
)
_COMMON_FOLDERS = frozenset({"app", "backend", "src"})
_LOOKS_BUILT = re.compile(rb"^[^#\n]*\bFastAPI\s*\(", re.MULTILINE)

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Standing(IntEnum):
    BUILT = 0
    LOCAL = 1  # never leaves its function
    UNREADABLE = 2  # in a file that this Python cannot parse
    DECOY = 3  # mounted by another application, or built for its schema


@dataclass(frozen=True)
class App:
    """One call of `FastAPI()`. It is reached by `names`: of variables and enclosing functions."""

    path: PurePosixPath
    line: int
    standing: Standing
    names: frozenset[str] = frozenset()

    @property
    def rank(self) -> tuple[int, int, bool, int, str, int]:
        """Sorts the likeliest application first."""
        entry = next((i for i, stems in enumerate(_ENTRIES) if self.path.stem in stems), 3)
        folders = self.path.parts[:-1]
        uncommon = bool(folders) and folders[0] not in _COMMON_FOLDERS
        return self.standing, entry, uncommon, len(folders), str(self.path), self.line


def find_apps(tree: Tree, sources: Iterable[Module]) -> list[App]:
    apps: list[App] = []
    mounts: list[tuple[PurePosixPath, str]] = []
    subclasses: dict[str, PurePosixPath] = {}
    for module in sources:
        if module.tree is None:
            apps += _guess(module)
            continue
        scan = _Scan(module, module.tree)
        apps += scan.apps()
        mounts += ((module.path, name) for name in scan.mounted())
        subclasses |= dict.fromkeys(scan.subclasses, module.path)
    if subclasses:
        words = tuple(name.encode() for name in subclasses)
        for module in modules(tree, tree.python, words):
            if module.tree:
                apps += _Scan(module, module.tree, subclasses).apps()
    mounted = {app for path, name in mounts for app in _reached(path, name, apps)}
    return sorted(
        {replace(app, standing=Standing.DECOY) if app in mounted else app for app in apps},
        key=lambda app: app.rank,
    )


def _guess(module: Module) -> Iterator[App]:
    if b"fastapi" in module.source:
        for found in _LOOKS_BUILT.finditer(module.source):
            line = module.source.count(b"\n", 0, found.end()) + 1
            yield App(module.path, line, Standing.UNREADABLE)


class _Scan:
    """One parsed module.

    `known` are subclasses of FastAPI that other modules define. With them, only their instances
    are found.
    """

    def __init__(
        self, module: Module, tree: ast.Module, known: dict[str, PurePosixPath] | None = None
    ) -> None:
        self._module = module
        self._tree = tree
        self._names = Names(tree)
        self._known = known
        self._values = dict(_assignments(tree))
        self.subclasses: set[str] = set()
        if known is None:
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef) and any(map(self._is_fastapi, node.bases)):
                    self.subclasses.add(node.name)

    def _is_fastapi(self, node: ast.expr) -> bool:
        path, _, name = self._names.origin(node).rpartition(".")
        if self._known is not None:
            home = self._known.get(name, PurePosixPath())
            return not {home.stem, home.parent.name}.isdisjoint(filter(None, path.split(".")))
        if isinstance(node, ast.Name) and not name:
            return node.id in self.subclasses or (node.id == "FastAPI" and bool(self._names.stars))
        return name == "FastAPI"

    def apps(self) -> Iterator[App]:
        stack: list[tuple[ast.AST, tuple[_Function, ...], frozenset[str]]]
        stack = [(self._tree, (), frozenset())]
        while stack:
            node, functions, names = stack.pop()
            if isinstance(node, ast.Call) and self._is_fastapi(node.func):
                reached = names | {function.name for function in functions}
                standing = self._standing(functions, names)
                yield App(self._module.path, node.lineno, standing, reached)
            if isinstance(node, _Function):
                functions = (*functions, node)
            elif isinstance(node, ast.stmt | ast.NamedExpr | ast.Yield):
                names = _receives(node)
            stack += ((child, functions, names) for child in ast.iter_child_nodes(node))

    def _standing(self, functions: tuple[_Function, ...], names: frozenset[str]) -> Standing:
        scope = functions[-1] if functions else self._tree
        escapes = not functions or any(
            isinstance(node, ast.Return | ast.Yield) and not names.isdisjoint(_receives(node))
            for node in ast.walk(functions[-1])
        )
        escapes = escapes or "self" in names
        dumped = any(
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "openapi"
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in names
            for node in ast.walk(scope)
        )
        entry = any(self._module.path.stem in stems for stems in _ENTRIES)
        if dumped and not (entry if not functions else escapes):
            return Standing.DECOY
        return Standing.BUILT if escapes else Standing.LOCAL

    def mounted(self) -> Iterator[str]:
        """Yield the dotted origins of mounted objects, or their names where they are local."""
        for node in ast.walk(self._tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr != "mount" or self._is_starlette(node.func.value):
                continue
            named = [keyword.value for keyword in node.keywords if keyword.arg == "app"]
            for sub in named or node.args[1:2]:
                yield self._source_of(sub)

    def _is_starlette(self, node: ast.expr) -> bool:
        value = self._values.get(node.id) if isinstance(node, ast.Name) else None
        return isinstance(value, ast.Call) and self._names.origin(value.func).endswith(".Starlette")

    def _source_of(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name) and isinstance(call := self._values.get(node.id), ast.Call):
            node = node if self._is_fastapi(call.func) else call
        if isinstance(node, ast.Call):
            node = node.func
        return self._names.origin(node) or (node.id if isinstance(node, ast.Name) else "")


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _receives(node: ast.AST) -> frozenset[str]:
    """Name what a statement hands its value to; of `return x` and `yield x`, also `x`."""
    match node:
        case ast.Assign(targets=targets):
            receivers: list[ast.expr] = targets
        case ast.AnnAssign(target=target) | ast.NamedExpr(target=target):
            receivers = [target]
        case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
            return frozenset({"return", *_whole_names(value)})
        case _:
            receivers = []
    parts = [part for receiver in receivers for part in ast.walk(receiver)]
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return frozenset(names | {part.attr for part in parts if isinstance(part, ast.Attribute)})


def _whole_names(value: ast.expr) -> Iterator[str]:
    """Yield the names in an expression of which it does not take an attribute only."""
    parts = list(ast.walk(value))
    owners = {id(part.value) for part in parts if isinstance(part, ast.Attribute)}
    return (part.id for part in parts if isinstance(part, ast.Name) and id(part) not in owners)


def _reached(path: PurePosixPath, name: str, apps: list[App]) -> list[App]:
    """Find the applications that the module at `path` knows by the dotted `name`."""
    relative = name.lstrip(".")
    level = len(name) - len(relative)
    *module, variable = relative.split(".")
    if not module and not level:
        return [app for app in apps if app.path == path and variable in app.names]
    start = path.parents[level - 1].parts if 0 < level <= len(path.parents) else ()
    found = [app for app in apps if variable in app.names and _holds(app.path, start, module)]
    # The same names may exist in another service: the nearest is meant.
    nearness = [_common(app.path, path) for app in found]
    return [app for app, near in zip(found, nearness, strict=True) if near == max(nearness)]


def _holds(path: PurePosixPath, start: tuple[str, ...], module: list[str]) -> bool:
    parts = [*path.parent.parts, path.stem]
    if start:
        return parts[: len(start) + len(module)] == [*start, *module]
    return any(parts[i : i + len(module)] == module for i in range(len(parts)))


def _common(one: PurePosixPath, other: PurePosixPath) -> int:
    return len(set(one.parents) & set(other.parents))
