"""Putting a local revision behind the one that another branch added."""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from importlib.util import cache_from_source
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from .down_revision import put_behind
from .history import HEAD, title, write_head
from .programs import git
from .revisions import scripts

_CONFLICT = re.compile(
    r"^<{7}(?P<label>.*)\n(?P<ours>\S+).*\n(?:\|{7}(?:.*\n)*?)?={7}\n(?P<theirs>\S+)",
    re.MULTILINE,
)

_BY_HAND = "edit `down_revision` by hand until there is one, then run this again"


def rebase(revision: str | None) -> int:
    """Make one line of two heads and print what was done.

    Without a revision, the conflict in HEAD tells which of the two is the local one.

    Raises:
        alembic.util.CommandError: why not. Nothing was written.

    """
    directory = scripts()
    heads = directory.get_revisions(sorted(directory.get_heads()))
    if len(heads) == 1:
        write_head(heads[0])
        _print(f"There is one head. {_shown(HEAD)}: {title(heads[0])}")
        return 0
    local, other = _choose(directory, heads, revision)
    oldest = _oldest_of_its_own(directory, local, other)
    file, before = Path(oldest.path), oldest.down_revision or "base"
    file.write_bytes(put_behind(oldest, other.revision))
    # Python compares seconds and sizes, and both may be those from before.
    Path(cache_from_source(str(file))).unlink(missing_ok=True)
    write_head(local)
    _print(
        f"{_shown(file)} now comes after {title(other)}",
        f"{_shown(HEAD)}: {title(local)}",
        f"Next: git add {shlex.join([_shown(file), _shown(HEAD)])}",
        "Where a database has it already (this loses the data of its tables):",
        f"  alembic downgrade {other.revision}",
        f"  alembic stamp {before}",
        "  alembic upgrade head",
    )
    return 0


def _choose(
    directory: ScriptDirectory,
    heads: Sequence[Script],
    revision: str | None,
) -> tuple[Script, Script]:
    """Return the head to be moved, and the one that it is to follow."""
    listed = "".join(f"\n  {title(head)} ({_shown(head.path)})" for head in heads)
    if len(heads) != len(("local", "other")):
        message = f"There are {len(heads)} heads, expected two: {_BY_HAND}{listed}"
        raise CommandError(message)
    chosen = directory.get_revision(revision or _local_in_conflict() or "base")
    if chosen not in heads:
        message = f"Which one is to follow the other? Say so: rebase REVISION{listed}"
        raise CommandError(message)
    [other] = [head for head in heads if head is not chosen]
    return chosen, other


def _local_in_conflict() -> str | None:
    """Return the side of the conflict in HEAD that is not on the other branch."""
    conflict = HEAD.exists() and _CONFLICT.search(HEAD.read_text(encoding="utf-8"))
    if not conflict:
        return None
    if _git_has("MERGE_HEAD"):
        # On a branch of everybody's, what comes in is new, unless it was pulled.
        shared = {"main", "master", "trunk", "develop", *_default_branch()}
        pulled = _git("merge-base", "--is-ancestor", "MERGE_HEAD", "@{upstream}")
        incoming = _git("branch", "--show-current") in shared and pulled is None
        return conflict["theirs" if incoming else "ours"]
    # To git, ours is what it puts commits (or a stash) of ours onto.
    rebasing = map(_git_has, ("rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD"))
    if any(rebasing) or "Updated upstream" in conflict["label"]:
        return conflict["theirs"]
    return None


def _default_branch() -> list[str]:
    name = _git("rev-parse", "--abbrev-ref", "origin/HEAD")
    return [name.removeprefix("origin/")] if name else []


def _git_has(name: str) -> bool:
    path = _git("rev-parse", "--git-path", name)
    return path is not None and (HEAD.parent / path).exists()


def _git(*arguments: str) -> str | None:
    printed = git(*arguments, folder=HEAD.parent)
    return None if printed is None else printed.removesuffix("\n")


def _oldest_of_its_own(
    directory: ScriptDirectory,
    local: Script,
    other: Script,
) -> Script:
    """Return the first of the revisions that only `local` has, which form a line."""
    ours = list(directory.walk_revisions("base", local.revision))
    theirs = list(directory.walk_revisions("base", other.revision))
    own = [script for script in ours if script not in theirs]
    for script in own:
        if script.is_merge_point:
            message = f"{title(script)} is a merge, with no place in a line: {_BY_HAND}"
            raise CommandError(message)
    for script in {*ours} ^ {*theirs}:
        if script.dependencies:
            message = f"{title(script)} has `depends_on`: {_BY_HAND}"
            raise CommandError(message)
    return own[-1]


def _shown(path: str | Path) -> str:
    return os.path.relpath(path)


def _print(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
