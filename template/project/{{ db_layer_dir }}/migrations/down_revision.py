"""The source of a revision with another `down_revision`, all else as it was."""

import ast
import codecs
import re
from pathlib import Path

from alembic.script import Script
from alembic.util import CommandError


def put_behind(script: Script, parent: str) -> bytes:
    """Return the new source of a revision, its docstring included.

    Raises:
        alembic.util.CommandError: the source has a form that is not known.

    """
    content = Path(script.path).read_bytes()
    source = content.removeprefix(codecs.BOM_UTF8)
    try:
        tree = ast.parse(source.decode("utf-8"))
    except UnicodeDecodeError as error:
        message = f"{script.path} is not UTF-8 ({error.reason}): edit it by hand"
        raise CommandError(message) from error
    old = _assigned(tree, "down_revision")
    if not isinstance(old, ast.Constant) or old.value != script.down_revision:
        message = (
            f"{script.path} has no `down_revision` with a plain string:"
            f' set it to "{parent}" by hand, then run this again'
        )
        raise CommandError(message)
    styles = (_text(source, old), _text(source, _assigned(tree, "revision")))
    quote = next((text[-1:] for text in styles if text[-1:] in (b"'", b'"')), b'"')
    start, end = _span(source, old)
    head, tail = source[:start], source[end:]
    if ast.get_docstring(tree) is not None:
        start, end = _span(source, tree.body[0])
        before = str(old.value or "nothing").encode()
        line = rb"(?m)^(\s*(?:After|Revises):)[ \t]*(?:%s)?[ \t]*(?=\r?$)" % before
        docstring = re.sub(line, rb"\1 %s" % parent.encode(), head[start:end])
        head = head[:start] + docstring + head[end:]
    bom = content[: len(content) - len(source)]
    return bom + head + quote + parent.encode() + quote + tail


def _assigned(tree: ast.Module, name: str) -> ast.expr | None:
    values = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in getattr(node, "targets", None) or [getattr(node, "target", None)]
        if isinstance(target, ast.Name) and target.id == name
    ]
    return values[0] if len(values) == 1 else None


def _text(source: bytes, node: ast.expr | None) -> bytes:
    return b"" if node is None else source[slice(*_span(source, node))]


def _span(source: bytes, node: ast.expr | ast.stmt) -> tuple[int, int]:
    lines = source.splitlines(keepends=True)

    def offset(line: int, column: int) -> int:
        return sum(map(len, lines[: line - 1])) + column

    start = offset(node.lineno, node.col_offset)
    return start, offset(node.end_lineno or 0, node.end_col_offset or 0)
