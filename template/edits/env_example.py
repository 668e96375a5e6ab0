"""Variables in ``.env.example`` and its kin."""

import re
from collections.abc import Mapping

from edits.edit import Edit, task

_SHOWN = 3
# Commented out counts too: somebody has decided about that variable.
_KEY = re.compile(r"^[ \t]*(?:#[ \t]*)?(?:export[ \t]+)?(\w+)[ \t]*=", re.MULTILINE)
# Without a value it is passed through from the shell.
_OTHER_DATABASE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?DATABASE_URL[ \t]*=[ \t]*['"]?(?!postgres)(\w[\w+]*)://""",
    re.MULTILINE,
)
_BARE_KEY = re.compile(r"^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*$", re.MULTILINE)


def edit(source: str, *, variables: Mapping[str, str], heading: str) -> Edit:
    """Append the variables that are missing, below the comment ``heading``.

    Heading and values are written as given: ``#`` and quotes are the caller's. Names are compared
    like pydantic-settings does, without regard to case.
    """
    present = {key.upper() for key in (*_KEY.findall(source), *_BARE_KEY.findall(source))}
    missing = [key for key in variables if key.upper() not in present]
    todo: tuple[str, ...] = ()
    if "DATABASE_URL" in variables and (other := _OTHER_DATABASE.search(source)):
        todo = (
            task(
                f"DATABASE_URL names a {other[1]} database here, and the layer reads the same "
                "variable: give yours another name, then add:",
                f"DATABASE_URL={variables['DATABASE_URL']}",
            ),
        )
    if not missing:
        return Edit(source, "nothing to add", todo)
    block = "".join(f"{line}\n" for line in [heading, *(f"{k}={variables[k]}" for k in missing)])
    newlines = len(source) - len(source.rstrip("\n"))
    gap = "\n" * max(0, 2 - newlines) if source.strip() else ""
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    return Edit(source + gap + block, f"added {', '.join(missing[:_SHOWN])}{more}", todo)
