"""What every edit returns."""

from typing import NamedTuple


class Edit(NamedTuple):
    """The outcome of one edit of one file.

    ``text`` is the new source; it equals the old source when there is nothing to change.
    ``todo`` is what the editor leaves to the person, each made by ``task``. Both may be there:
    some dependencies were added, one pin has to be raised by hand.
    ``summary`` says in a few words what was changed, or why nothing had to be.
    """

    text: str
    summary: str
    todo: tuple[str, ...] = ()


def task(sentence: str, *paste: str) -> str:
    """Return one task: a sentence, and below it the lines to paste."""
    return "\n".join((sentence, *paste))
