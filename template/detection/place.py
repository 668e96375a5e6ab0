"""How the modules of an application are imported: from which folder, by which name."""

import keyword
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from detection.dependencies import is_project, project_name
from detection.python_source import Import, Module, modules
from detection.refusal import Refusal
from detection.tree import ROOT, Tree, is_aside, is_test

# Folders beside a lone main.py that hold the application rather than one part of it.
_APPLICATION_FOLDERS = frozenset({"app", "backend", "src"})
_ENOUGH_MODULES = 50


@dataclass(frozen=True)
class Place:
    """`import_root` may lie above the repository: "../..". `package` is empty for flat modules."""

    app_dir: PurePosixPath
    import_root: str
    package: str


@dataclass(frozen=True)
class _ImportRoot:
    """A folder that may be on sys.path, and the folders from there down to the application."""

    label: str
    folder: Path
    parts: tuple[str, ...]

    def finds(self, imported: Import) -> Iterator[tuple[str, ...]]:
        """Yield the modules that an absolute import names, where they exist in this folder."""
        parts = tuple(imported.module.split("."))
        submodules = [(*parts, name) for name in imported.names if self._holds((*parts, name))]
        yield from submodules
        # Nothing but submodules can be imported from a folder without __init__.py.
        plain = not imported.names or self._is_regular(parts)
        if not submodules and plain and self._holds(parts):
            yield parts

    def _is_regular(self, parts: Sequence[str]) -> bool:
        path = self.folder.joinpath(*parts)
        return (path / "__init__.py").is_file() or path.with_name(f"{parts[-1]}.py").is_file()

    def _holds(self, parts: Sequence[str]) -> bool:
        path = self.folder.joinpath(*parts)
        if path.with_name(f"{parts[-1]}.py").is_file():
            return True
        return path.is_dir() and not path.is_symlink() and _has_python(path)

    def is_own(self, found: Sequence[str]) -> bool:
        """Whether a module lies in the same top package as the application, or as flat as it."""
        return not self.parts or found[0] == self.parts[0]


def _has_python(folder: Path) -> bool:
    return any(folder.glob("*.py")) or any(folder.glob("*/*.py"))


class Placing:
    """Finds the place of one module, which builds the application."""

    def __init__(self, tree: Tree, path: PurePosixPath, apps: Collection[PurePosixPath]) -> None:
        self._tree = tree
        self._path = path
        self._apps = apps
        self._module = Module(path, tree.read(path))
        levels = [found.level for found in self._module.imports()]
        self._level = max(levels, default=0)

    def place(self) -> Place:
        root = self._import_root
        if not root.parts:
            return self._beside(root)
        top = self._top(root)
        return Place(self._inside(root, top), root.label, ".".join(top))

    def place_at(self, app_dir: PurePosixPath) -> Place | None:
        """Return how `app_dir` is imported, if it is from where the application is."""
        root = self._import_root
        if root.label.startswith(".."):
            above = root.parts[: len(root.parts) - len(self._path.parent.parts)]
            parts = (*above, *app_dir.parts)
        elif app_dir.is_relative_to(root.label):
            parts = app_dir.relative_to(root.label).parts
        else:
            return None
        return Place(app_dir, root.label, ".".join(parts)) if _importable(parts) else None

    def imports(self, place: Place) -> bool:
        """Whether the module takes anything out of that package."""
        package = tuple(place.package.split("."))
        return any(
            parts[: len(package)] == package
            for imported in self._module.imports()
            if not imported.level
            for parts in self._import_root.finds(imported)
        )

    @property
    def dotted(self) -> str:
        return ".".join((*self._import_root.parts, self._path.stem))

    @cached_property
    def _import_root(self) -> _ImportRoot:
        roots = [root for root in self._roots() if len(root.parts) >= self._level]
        if not roots:
            raise Refusal(
                f"{self._path} imports its neighbours with {'.' * self._level!r}, but is in no"
                " package: expected folders whose names are Python identifiers; rename them first."
            )
        marked = self._by_markers(roots)
        if len(roots) == 1:
            return marked
        weak: _ImportRoot | None = None
        for evidence in self._evidence():
            strong, other = _judge(roots, list(evidence), marked)
            if strong:
                return strong
            weak = weak or other
        return weak or marked

    def _roots(self) -> Iterator[_ImportRoot]:
        """Yield the folders from which the module has a dotted name, the nearest first."""
        folder = self._path.parent
        for parent in (folder, *folder.parents):
            parts = folder.relative_to(parent).parts
            if _importable(parts):
                yield _ImportRoot(str(parent), self._tree.root / parent, parts)
        label, parts = "", folder.parts
        for above in _above(self._tree.root):
            label, parts = f"../{label}", (above.name, *parts)
            if _importable(parts):
                yield _ImportRoot(label.rstrip("/"), above.parent, parts)

    def _by_markers(self, roots: Sequence[_ImportRoot]) -> _ImportRoot:
        folder = self._path.parent
        depth = 0
        while folder != ROOT and self._tree.has(folder / "__init__.py"):
            depth, folder = depth + 1, folder.parent
        if not depth and folder != ROOT and not is_project(self._tree, folder):
            # A folder without __init__.py is a package, too, unless it is a project of its own.
            depth = 1
        shallow = [root for root in roots if len(root.parts) <= max(depth, self._level)]
        return shallow[-1] if shallow else roots[0]

    def _evidence(self) -> Iterator[Iterable[Import]]:
        """Yield imports in the order of their weight: the module's, its neighbours', the tests'."""
        yield self._module.imports()
        folder = self._path.parent
        inner = [
            path
            for path in self._tree.python
            if path.is_relative_to(folder) and not is_aside(path, folder)
        ]
        inner.sort(key=lambda path: len(path.parts))
        yield self._imports(inner)
        for parent in (folder, *folder.parents):
            tests = [p for p in self._tree.python if p.is_relative_to(parent) and is_test(p)]
            if tests:
                yield self._imports(tests)
                return

    def _imports(self, paths: Sequence[PurePosixPath]) -> Iterator[Import]:
        for module in modules(self._tree, paths[:_ENOUGH_MODULES]):
            yield from module.imports()

    def _beside(self, root: _ImportRoot) -> Place:
        """Place a module that lies on sys.path itself, perhaps beside the package it serves."""
        found = {
            parts
            for imported in self._module.imports()
            if not imported.level
            for parts in root.finds(imported)
        }
        folder = self._path.parent
        named = project_name(self._tree, folder).lower().replace("-", "_")
        packages = {
            parts[0]
            for parts in found
            if parts[0] in {*_APPLICATION_FOLDERS, named} and (root.folder / parts[0]).is_dir()
        }
        if len(packages) == 1:
            [package] = packages
            if not is_project(self._tree, folder / package):
                return Place(folder / package, root.label, package)
        return Place(folder, root.label, "")

    def _top(self, root: _ImportRoot) -> tuple[str, ...]:
        """Climb from the module's folder to the package that its neighbours share."""
        targets = {parts for imported in self._own_imports(root) for parts in imported}
        top = root.parts
        while len(top) > 1:
            parent = top[:-1]
            if len(parent) < len(root.parts) - len(self._path.parent.parts):
                break
            folder = self._inside(root, parent)
            if is_project(self._tree, self._inside(root, top)) or self._is_shared(
                folder, root, top
            ):
                break
            shared = [_common(parts, root.parts) for parts in targets]
            if is_project(self._tree, folder):
                climb = len(parent) in shared
            else:
                marked = self._tree.has(folder / "__init__.py") and top[-1] != "app"
                climb = marked or any(0 < length <= len(parent) for length in shared)
            if not climb:
                break
            top = parent
        return top

    def _own_imports(self, root: _ImportRoot) -> Iterator[set[tuple[str, ...]]]:
        folder = self._path.parent
        beside = [path for path in self._tree.python if path.parent == folder and not is_test(path)]
        for imported in self._imports(beside):
            if not imported.level:
                yield {parts for parts in root.finds(imported) if root.is_own(parts)}
            elif 1 < imported.level <= len(root.parts):
                parts = root.parts[: len(root.parts) - imported.level + 1]
                yield {(*parts, *imported.module.split("."))}

    def _is_shared(self, folder: PurePosixPath, root: _ImportRoot, top: tuple[str, ...]) -> bool:
        """Whether other applications live in folders of their own below `folder`."""
        if any(path.parent == folder for path in self._apps):
            return False
        inner = self._inside(root, top)
        return any(
            path.is_relative_to(folder) and not path.is_relative_to(inner) for path in self._apps
        )

    def _inside(self, root: _ImportRoot, parts: Sequence[str]) -> PurePosixPath:
        """Return the path within the repository of a folder that is an ancestor of the module."""
        folder = self._path.parent
        up = len(root.parts) - len(parts)
        return PurePosixPath(*folder.parts[: len(folder.parts) - up])


def _judge(
    roots: Sequence[_ImportRoot], imports: Sequence[Import], marked: _ImportRoot
) -> tuple[_ImportRoot | None, _ImportRoot | None]:
    """Return the root that most imports of the application's own modules need, else of others."""
    own: dict[_ImportRoot, int] = {}
    other: dict[_ImportRoot, int] = {}
    for root in roots:
        for imported in imports:
            top = imported.module.partition(".")[0]
            if imported.level or top in sys.stdlib_module_names:
                continue
            for parts in root.finds(imported):
                votes = own if root.is_own(parts) else other
                votes[root] = votes.get(root, 0) + 1

    def best(votes: dict[_ImportRoot, int]) -> _ImportRoot | None:
        return max(votes, key=lambda root: (votes[root], root == marked), default=None)

    return best(own), best(other)


def _importable(parts: Iterable[str]) -> bool:
    return all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _above(root: Path) -> Iterator[Path]:
    """Yield the folders from a project up to the Git repository around it, without the latter."""
    top = next((path for path in (root, *root.parents) if (path / ".git").exists()), root)
    while root != top:
        yield root
        root = root.parent
