"""A Python file that is read as a tree and changed as text, so that nothing else in it moves.

``PythonSource(text, package)`` parses, or raises ``UnreadableError`` with the line.
``imported(node)`` and ``local(node)`` say what a name stands for: dotted paths of imported things,
names of things the file defines itself. ``insert(insertions)`` returns the new text.
"""

import ast
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import libcst as cst
from libcst.metadata import (
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
    QualifiedName,
    QualifiedNameProvider,
    QualifiedNameSource,
    ScopeProvider,
)

Node = TypeVar("Node", bound=cst.CSTNode)


class UnreadableError(Exception):
    """The text is no Python that can be read; ``str()`` is a sentence with the position."""


class Insertion(NamedTuple):
    offset: int
    text: str


class PythonSource:
    def __init__(self, text: str, package: str = "") -> None:
        """``package`` is the dotted package the file lives in; relative imports need it."""
        self.text = text
        self.package = package
        try:
            wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
            self._parents = wrapper.resolve(ParentNodeProvider)
            self._positions = wrapper.resolve(PositionProvider)
            self._names = wrapper.resolve(QualifiedNameProvider)
            self._scopes = set(wrapper.resolve(ScopeProvider).values())
        except cst.ParserSyntaxError as error:
            raise UnreadableError(_syntax_error(text, error)) from error
        except UnicodeEncodeError as error:
            line = text.count("\n", 0, error.start) + 1
            raise UnreadableError(f"Line {line} holds a character that is no text.") from error
        except RecursionError as error:
            raise UnreadableError("An expression is nested too deeply to be read.") from error
        self.tree = wrapper.module
        self._line_starts = [0, *(end.end() for end in re.finditer(r"\r\n?|\n", text))]
        self._stars = [
            self.absolute(node)
            for node in self.find(cst.ImportFrom)
            if isinstance(node.names, cst.ImportStar)
        ]

    def find(self, kind: type[Node]) -> list[Node]:
        """Return all nodes of one kind in the order of the text."""
        found = [node for node in self._positions if isinstance(node, kind)]
        return sorted(found, key=self.start)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        while not isinstance(node, cst.Module):
            node = self._parents[node]
            yield node

    def parent(self, node: cst.CSTNode) -> cst.CSTNode:
        return self._parents[node]

    def line(self, node: cst.CSTNode) -> int:
        return int(self._positions[node].start.line)

    def start(self, node: cst.CSTNode) -> int:
        position = self._positions[node].start
        return int(self._line_starts[position.line - 1] + position.column)

    def end(self, node: cst.CSTNode) -> int:
        position = self._positions[node].end
        return int(self._line_starts[position.line - 1] + position.column)

    def line_end(self, node: cst.CSTNode) -> int:
        """Where the line on which the node ends is over, comments included."""
        end = self.text.find("\n", self.end(node))
        return len(self.text) if end < 0 else end

    def before_on_line(self, node: cst.CSTNode) -> str:
        start = self.start(node)
        return self.text[self.text.rfind("\n", 0, start) + 1 : start]

    def code(self, node: cst.CSTNode) -> str:
        return self.tree.code_for_node(node)

    def absolute(self, node: cst.ImportFrom) -> str:
        """Return the imported module, a relative one resolved against ``package``."""
        return self._absolute(self.written_module(node))

    def written_module(self, node: cst.ImportFrom) -> str:
        return "." * len(node.relative) + (self.code(node.module) if node.module else "")

    def imported(self, node: cst.CSTNode) -> set[str]:
        names = self._qualified(node)
        if not names and isinstance(node, cst.Name) and len(self._stars) == 1:
            return {f"{self._stars[0]}.{node.value}"}
        return {
            self._absolute(name.name) for name in names if name.source is QualifiedNameSource.IMPORT
        }

    def local(self, node: cst.CSTNode) -> set[str]:
        local = QualifiedNameSource.LOCAL
        return {name.name for name in self._qualified(node) if name.source is local}

    def binds(self, name: str) -> bool:
        return any(scope is not None and name in scope.assignments for scope in self._scopes)

    def insert(self, insertions: Sequence[Insertion]) -> str:
        """Return the new text; insertions at one offset keep their order."""
        ordered = sorted(insertions, key=lambda insertion: insertion.offset)
        offsets = [0, *(insertion.offset for insertion in ordered), len(self.text)]
        pieces = [self.text[start:end] for start, end in pairwise(offsets)]
        texts = [insertion.text for insertion in ordered]
        return "".join(part for pair in zip(pieces, [*texts, ""], strict=True) for part in pair)

    def _qualified(self, node: cst.CSTNode) -> Collection[QualifiedName]:
        names = self._names.get(node, ())
        return names() if callable(names) else names

    def _absolute(self, name: str) -> str:
        path = name.lstrip(".")
        level = len(name) - len(path)
        if not level:
            return path
        parents = self.package.split(".") if self.package else []
        return ".".join([*parents[: len(parents) - level + 1], *filter(None, [path])])


def _syntax_error(text: str, error: cst.ParserSyntaxError) -> str:
    # Python's own parser goes first: libcst gives no line for errors of its tokenizer.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except SyntaxError as found:
            return f"Line {found.lineno} is no valid Python: {found.msg}."
        except (ValueError, RecursionError, MemoryError) as found:
            return f"The file is no valid Python: {found}."
    position = re.search(r"error at (\d+):", error.message)
    line = position[1] if position else error.raw_line
    return f"Line {line} uses Python syntax that libcst cannot read yet."
