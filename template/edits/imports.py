"""One more import in a file, where isort (as ruff runs it by default) would put it.

``import_name(source, name, module=..., use=...)`` returns the name to use and the insertions.
``NameTakenError`` is raised when the file already means something else by that name.
"""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

import libcst as cst

from edits.python_source import Insertion, PythonSource

# Black's and ruff's default; what is wrapped with a trailing comma also suits a longer limit.
LINE_LENGTH = 88

# One of these is in the group of third-party imports of every file that is edited here.
FRAMEWORKS = {"fastapi", "pydantic", "pydantic_settings", "starlette"}

EXEMPTION = re.compile(r"# *noqa(: *E402)? *")

SortKey = tuple[bool, int, list[str | int]]


class NameTakenError(Exception):
    pass


class _Import(NamedTuple):
    line: cst.SimpleStatementLine
    node: cst.Import | cst.ImportFrom
    path: str  # with the dots of a relative import

    @property
    def key(self) -> SortKey:
        return _key(self.path, is_from=isinstance(self.node, cst.ImportFrom))

    @property
    def exemption(self) -> str:
        comment = self.line.trailing_whitespace.comment
        return f"  {comment.value}" if comment and EXEMPTION.fullmatch(comment.value) else ""


def import_name(
    source: PythonSource, name: str, *, module: str, use: cst.CSTNode
) -> tuple[str, list[Insertion]]:
    """Import ``name`` above the top-level statement that holds ``use``.

    An import that is already there is used, whatever the file calls the name.
    """
    holders = {id(use), *map(id, source.ancestors(use))}
    above = list(takewhile(lambda statement: id(statement) not in holders, source.tree.body))
    joinable: Sequence[cst.ImportAlias] = ()
    for node in (line.node for block in _blocks(source, above) for line in block):
        if (
            isinstance(node, cst.ImportFrom)
            and not isinstance(node.names, cst.ImportStar)
            and source.absolute(node) == module
        ):
            for alias in node.names:
                if alias.evaluated_name == name:
                    return alias.evaluated_alias or name, []
            if not any(alias.asname for alias in node.names):
                joinable = node.names
    if source.binds(name):
        raise NameTakenError
    if joinable:
        return name, _join(source, joinable, name)
    return name, [_new_line(source, above, name, module)]


def _new_line(
    source: PythonSource, above: Sequence[cst.CSTNode], name: str, module: str
) -> Insertion:
    path = _path(source, module)
    text = f"from {path} import {name}"
    if len(text) > LINE_LENGTH:
        text = f"from {path} import (\n    {name},\n)"

    near = [block for block in _blocks(source, above) if any(_akin(i.path, path) for i in block)]
    if near:
        neighbours = [line for line in near[-1] if _akin(line.path, path)]
        # `import x` lines stand before all `from x import y` lines of their group.
        peers = [line for line in neighbours if isinstance(line.node, cst.ImportFrom)]
        return _among(source, peers or _last_group(near[-1], neighbours[-1]), path, text)

    header = takewhile(lambda node: not isinstance(node, cst.FunctionDef | cst.ClassDef), above)
    blocks = _blocks(source, list(header))
    if not blocks:
        return _first_import(source, text)
    last = _last_group(blocks[-1])
    others = blocks[-1][: -len(last)]
    if any(line.path.partition(".")[0] in FRAMEWORKS for line in others):
        # A group behind that of the frameworks holds the project's own packages.
        return _among(source, last, path, text)
    end = last[-1]
    return Insertion(source.line_end(end.line), f"\n\n{text}{end.exemption}")


def _among(source: PythonSource, peers: Sequence[_Import], path: str, text: str) -> Insertion:
    key = _key(path, is_from=True)
    smaller = [peer for peer in peers if peer.key <= key]
    if smaller:
        return Insertion(source.line_end(smaller[-1].line), f"\n{text}{smaller[-1].exemption}")
    return Insertion(source.start(peers[0].line), f"{text}{peers[0].exemption}\n")


def _first_import(source: PythonSource, text: str) -> Insertion:
    first = source.tree.body[0]
    if source.tree.get_docstring() is not None:
        return Insertion(source.line_end(first), f"\n\n{text}")
    if isinstance(first, cst.FunctionDef | cst.ClassDef):
        top = first.decorators[0] if first.decorators else first
        return Insertion(source.start(top), f"{text}\n\n\n")
    return Insertion(source.start(first), f"{text}\n\n")


def _join(source: PythonSource, aliases: Sequence[cst.ImportAlias], name: str) -> list[Insertion]:
    larger = [a for a in aliases if _member_key(a.evaluated_name) > _member_key(name)]
    anchor = larger[0] if larger else aliases[-1]
    indentation = source.before_on_line(anchor)
    own_line = not indentation.strip()
    if larger:
        separator = f",\n{indentation}" if own_line else ", "
        return [Insertion(source.start(anchor), f"{name}{separator}")]
    end, line_end = source.end(anchor.name), source.line_end(anchor)
    if not own_line or ")" in source.text[end:line_end].partition("#")[0]:
        return [Insertion(end, f", {name}")]
    line = Insertion(line_end, f"\n{indentation}{name},")
    return [line] if isinstance(anchor.comma, cst.Comma) else [Insertion(end, ","), line]


def _blocks(source: PythonSource, statements: Sequence[cst.CSTNode]) -> list[list[_Import]]:
    """Return the runs of import lines with no other statement between them."""
    blocks: list[list[_Import]] = [[]]
    for statement in statements:
        line = _read(source, statement)
        if line:
            blocks[-1].append(line)
        else:
            blocks.append([])
    return [block for block in blocks if block]


def _read(source: PythonSource, statement: cst.CSTNode) -> _Import | None:
    if not isinstance(statement, cst.SimpleStatementLine):
        return None
    match statement.body[0]:
        case cst.ImportFrom() as node:
            return _Import(statement, node, source.written_module(node))
        case cst.Import() as node:
            return _Import(statement, node, node.names[0].evaluated_name)
    return None


def _last_group(block: Sequence[_Import], member: _Import | None = None) -> list[_Import]:
    """Return the lines no blank line parts from ``member``, by default the last of the block."""
    groups: list[list[_Import]] = []
    for line in block:
        if not groups or any(empty.comment is None for empty in line.line.leading_lines):
            groups.append([])
        groups[-1].append(line)
    return next((group for group in groups if member in group), groups[-1])


def _path(source: PythonSource, module: str) -> str:
    """Return the module as the file writes it: relative if all imports of neighbours are."""
    statements = source.find(cst.ImportFrom)
    package, target = source.package.split("."), module.split(".")
    written = [source.written_module(statement) for statement in statements]
    plain = [alias.evaluated_name for node in source.find(cst.Import) for alias in node.names]
    if package[0] != target[0] or not any(path.startswith(".") for path in written):
        return module
    if any(_akin(path, module) for path in [*written, *plain]):
        return module
    common = 0
    for ours, theirs in zip(package, target, strict=False):
        if ours != theirs:
            break
        common += 1
    return "." * (len(package) - common + 1) + ".".join(target[common:])


def _akin(path: str, other: str) -> bool:
    """Whether isort sees two modules as parts of one package."""
    if path.startswith(".") or other.startswith("."):
        return path[0] == other[0]
    return path.partition(".")[0] == other.partition(".")[0]


def _key(path: str, *, is_from: bool) -> SortKey:
    name = path.lstrip(".")
    return is_from, len(name) - len(path), _natural(name)


def _member_key(name: str) -> tuple[int, list[str | int]]:
    """Constants, then classes, then variables."""
    kind = 0 if len(name) > 1 and name.isupper() else 1 if name[0].isupper() else 2
    return kind, _natural(name)


def _natural(name: str) -> list[str | int]:
    parts = re.split("([0-9]+)", name.lower())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]
