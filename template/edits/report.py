"""The fixed language of the report: ✔ done, · nothing to do, ☐ yours to do."""

from collections.abc import Iterator
from textwrap import wrap

from edits.edit import Edit

WIDTH = 100


def report(path: str, edit: Edit, *, changed: bool) -> Iterator[str]:
    if changed:
        yield from sentence(f"✔ {path}: {edit.summary}")
    elif not edit.todo:
        yield from sentence(f"· {path}: {edit.summary}")
    yield from left_to_do(path, *edit.todo)


def left_to_do(path: str, *tasks: str) -> Iterator[str]:
    """Yield each sentence, and below it the lines to paste, which are never wrapped."""
    for task in tasks:
        first, *paste = task.split("\n")
        yield from sentence(f"☐ {path}: {first}")
        yield from (f"    {line}" for line in paste)


def sentence(text: str) -> list[str]:
    return wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
