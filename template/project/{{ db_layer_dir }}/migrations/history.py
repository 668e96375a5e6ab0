"""The file HEAD names the newest revision: two branches that add one get a conflict."""

import logging
from contextlib import suppress
from pathlib import Path

from alembic.config import PostWriteHookConfig
from alembic.script import Script
from alembic.script.write_hooks import exec_

from .programs import find
from .revisions import FOLDER, scripts

logger = logging.getLogger(__name__)

HEAD = FOLDER / "versions" / "HEAD"
_LAYER = __name__.rsplit(".", maxsplit=2)[0]


def read_head() -> str | None:
    """Return the first word, which is no revision while git has a conflict there."""
    if not HEAD.exists():
        return None
    return (HEAD.read_text(encoding="utf-8").split() or [""])[0]


def write_head(newest: Script) -> None:
    """Name a revision and, for who reads the conflict, its message."""
    words = [newest.revision, *newest.doc.rstrip(".").split()]
    HEAD.write_text(f"{' '.join(words)}\n", encoding="utf-8", newline="\n")


def finish_revision(path: str, _options: PostWriteHookConfig) -> None:
    """Tidy a new file and write HEAD: Alembic calls this for each file it wrote."""
    _tidy(Path(path))
    newest = scripts().get_revisions("heads")
    if len(newest) == 1:
        write_head(newest[0])
    else:
        logger.warning(
            "There are %s heads: %s. To put one behind the other: python -m %s rebase",
            *(len(newest), ", ".join(script.revision for script in newest), _LAYER),
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
