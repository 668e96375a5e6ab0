"""Python source that is parsed, also where it can only be guessed at."""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from detection.tree import Tree

_IMPORT_LINE = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import|import[ \t]+([\w.]+))", re.MULTILINE
)
_IMPORT_STRING = re.compile(r"([A-Za-z_][\w.]*):\w+(\(\))?")


@dataclass(frozen=True)
class Import:
    """`level` counts the leading dots, `names` what is taken out of the module."""

    module: str
    level: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Module:
    """A file of Python source. `tree` is None where this Python cannot parse it."""

    path: PurePosixPath
    source: bytes

    @cached_property
    def tree(self) -> ast.Module | None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return ast.parse(self.source)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return None

    def imports(self) -> Iterator[Import]:
        """Yield what is imported, and what is named in strings like "app.main:app"."""
        if self.tree is None:
            for dots, module, plain in _IMPORT_LINE.findall(self.source):
                yield Import((module or plain).decode(errors="replace"), len(dots))
            return
        for node in ast.walk(self.tree):
            match node:
                case ast.Import():
                    yield from (Import(alias.name) for alias in node.names)
                case ast.ImportFrom():
                    names = tuple(alias.name for alias in node.names)
                    yield Import(node.module or "", node.level, names)
                case ast.Constant(value=str(text)) if found := _IMPORT_STRING.fullmatch(text):
                    yield Import(found[1])


def modules(
    tree: Tree, paths: Iterable[PurePosixPath], containing: tuple[bytes, ...] = (b"",)
) -> Iterator[Module]:
    for path in paths:
        source = tree.read(path)
        if any(word in source for word in containing):
            yield Module(path, source)


class Names:
    """What the imported names of a module stand for, whichever scope imports them."""

    def __init__(self, tree: ast.Module) -> None:
        self._origins: dict[str, str] = {}
        self.stars: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    local = alias.asname or alias.name.partition(".")[0]
                    self._origins[local] = alias.name if alias.asname else local
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                joint = "" if module.endswith(".") else "."
                for alias in node.names:
                    if alias.name == "*":
                        self.stars.add(module)
                    else:
                        self._origins[alias.asname or alias.name] = module + joint + alias.name

    def origin(self, node: ast.expr) -> str:
        """Return the dotted name behind an expression, or nothing if it was not imported."""
        if isinstance(node, ast.Name):
            return self._origins.get(node.id, "")
        if isinstance(node, ast.Attribute) and (origin := self.origin(node.value)):
            return f"{origin}.{node.attr}"
        return ""
