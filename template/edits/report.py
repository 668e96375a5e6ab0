"""The fixed language of the report: ✔ done, · nothing to do, ☐ yours to do."""

from collections.abc import Iterator, Sequence

from edits.edit import Edit


def report(path: str, edit: Edit, *, changed: bool) -> Iterator[str]:
    if changed:
        yield f"✔ {path}: {edit.summary}"
    elif not edit.todo:
        yield f"· {path}: {edit.summary}"
    if edit.todo:
        yield from left_to_do(path, edit.todo)


def left_to_do(path: str, todo: Sequence[str]) -> Iterator[str]:
    """Yield the sentence, and below it the lines to paste."""
    yield f"☐ {path}: {todo[0]}"
    for line in todo[1:]:
        yield f"    {line}"
