"""The file HEAD names the newest revision: two branches that add one get a conflict."""

import logging
from contextlib import suppress
from pathlib import Path

from alembic.config import PostWriteHookConfig
from alembic.script import Script, ScriptDirectory
from alembic.script.write_hooks import exec_, register

from .programs import find
from .revisions import FOLDER, scripts

logger = logging.getLogger(__name__)

HEAD = FOLDER / "versions" / "HEAD"
_HOOK = "finish_revision"
_LAYER = __name__.rsplit(".", maxsplit=2)[0]


def read_head() -> str | None:
    """Return the first word, which is no revision while git has a conflict there."""
    if not HEAD.exists():
        return None
    return (HEAD.read_text(encoding="utf-8").split() or [""])[0]


def write_head(newest: Script) -> None:
    """Name the newest revision and, for who reads a conflict, its message."""
    HEAD.write_text(f"{title(newest)}\n", encoding="utf-8", newline="\n")


def title(script: Script) -> str:
    """Return a revision and its message, on one line."""
    return " ".join([script.revision, *script.doc.rstrip(".").split()])


def finish_new_revisions(directory: ScriptDirectory) -> None:
    """Let Alembic tidy each file that it writes, and write HEAD.

    A section of alembic.ini that names the hook would stop at a % in the path of the
    project.
    """
    directory.dir = str(Path(directory.dir).resolve())  # is printed
    hook = {"_hook_name": _HOOK, "type": _HOOK}
    directory.hooks = [*directory.hooks, hook]


@register(_HOOK)
def _finish(path: str, _options: PostWriteHookConfig) -> None:
    _tidy(Path(path))
    directory = scripts()
    newest = directory.get_revisions(sorted(directory.get_heads()))
    if len(newest) == 1:
        write_head(newest[0])
    else:
        logger.warning(
            "%s heads (%s), so versions/HEAD stays: python -m %s rebase makes them one",
            *(len(newest), ", ".join(map(title, newest)), _LAYER),
        )


def _tidy(file: Path) -> None:
    ruff = find("ruff")
    if ruff is None:
        return
    # Who fills in a revision by hand needs the imports.
    by_hand = "\n    pass\n" in file.read_text(encoding="utf-8")
    checks = f"check --fix {'--ignore=F401' if by_hand else ''}"
    for command in (checks, "format"):
        # The project may exclude the folder, and a path alone would override that.
        options = f"{command} --force-exclude --no-cache REVISION_SCRIPT_FILENAME"
        hook = {"executable": ruff, "options": options}
        with suppress(OSError):
            exec_(str(file), hook, ignore_output=True)
