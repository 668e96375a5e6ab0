"""Dependencies in a requirements file of pip."""

import re
from collections.abc import Sequence

from packaging.utils import canonicalize_name

from edits.edit import Edit, task
from edits.requirement import Need, declared_name, missing, revise, sorted_position

# A requirement ends where a comment, an option of its own or a continuation begins.
_REQUIREMENT = re.compile(r"[ \t]*[A-Za-z0-9].*?(?=\s+#|\s+--|\s*\\?\s*$)")
_EGG = re.compile(r"#egg=([A-Za-z0-9._-]+)")
_INCLUDE = re.compile(r"^[ \t]*(?:-r|--requirement)[ \t=]*([^\s#]+)", re.MULTILINE)
_CONTINUATION = re.compile(r"\\[ \t]*$", re.MULTILINE)
_GENERATED = re.compile(r"^#.*(?:auto-?generated|@generated)", re.IGNORECASE | re.MULTILINE)
_GENERATED_FROM = re.compile(r"^#.*?([^\s=]+\.in|pyproject\.toml|Pipfile)\b", re.MULTILINE)


def includes(source: str) -> tuple[str, ...]:
    """Return the targets of ``-r`` as they are written."""
    return tuple(_INCLUDE.findall(source))


def declares(source: str, name: str) -> bool:
    return canonicalize_name(name) in _names(source)


def edit(source: str, *, needs: Sequence[Need]) -> Edit:
    lines = source.split("\n")
    places = [(i, match) for i, line in enumerate(lines) if (match := _REQUIREMENT.match(line))]
    reason = _reason_to_leave(source)
    # A compiled file may drop an extra: what the extra brings is listed by itself.
    floors = [need.without_extras() for need in needs] if reason else needs
    declared, raised, todo = revise([match[0] for _, match in places], floors)
    absent = missing(needs, _names(source))
    if not (absent or raised):
        return Edit(source, "nothing to add", tuple(todo))
    if reason:
        paste = (*(need.line for need in absent), *raised)
        return Edit(source, "left alone", (task(reason, *paste), *todo))
    for (index, match), requirement in zip(places, declared, strict=True):
        lines[index] = requirement + lines[index][match.end() :]
    for need in absent:
        _insert(lines, need)
    added = [f"added {', '.join(need.label for need in absent)}"] if absent else []
    return Edit("\n".join(lines), "; ".join([*added, *raised]), tuple(todo))


def _insert(lines: list[str], need: Need) -> None:
    places = [index for index, line in enumerate(lines) if _REQUIREMENT.match(line)]
    position = sorted_position([lines[index] for index in places], need)
    if position == len(places):
        at = 1 + max((index for index, line in enumerate(lines) if line.strip()), default=-1)
    else:
        at = places[position - 1] + 1 if position else places[0]
    lines.insert(at, need.line)
    if at == len(lines) - 1:
        lines.append("")


def _names(source: str) -> set[str | None]:
    found = (match[0] for line in source.split("\n") if (match := _REQUIREMENT.match(line)))
    return {*map(declared_name, found), *map(canonicalize_name, _EGG.findall(source))}


def _reason_to_leave(source: str) -> str | None:
    if _GENERATED.search(source):
        origin = match[1] if (match := _GENERATED_FROM.search(source)) else "another file"
        return f"This file is generated from {origin}: add these there and compile it again:"
    if "--hash=" in source:
        return (
            "This file holds hashes, which cannot be computed here: "
            "add these to the file it is compiled from and compile it again:"
        )
    if _CONTINUATION.search(source):
        return "Lines of this file end in a backslash, which is not edited here: add these by hand:"
    return None
