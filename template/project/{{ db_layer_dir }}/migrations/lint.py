"""What squawk finds in the SQL of the revisions that a branch adds."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic.script import Script
from alembic.util import CommandError

from .commands import upgrade_sql
from .programs import find, git, run
from .revisions import FOLDER, scripts


def lint(base: str | None) -> int:
    """Let squawk print its report, and return its exit code.

    Revisions are those whose files are not in `base`; without a base, all. The
    docstring of each stands before its SQL, so that a line `squawk-ignore-file
    ban-drop-column` in it is an exception for one revision.

    Raises:
        alembic.util.CommandError: squawk, git or the base is missing, or a revision
            reads the database.

    """
    squawk = find("squawk")
    if squawk is None:
        message = "squawk was not found on PATH: pip install squawk-cli"
        raise CommandError(message)
    there = set() if base is None else _files(base)
    added = [
        script
        for script in scripts().walk_revisions()
        if Path(script.path).name not in there and not script.is_merge_point
    ]
    if not added:
        sys.stdout.write(f"No revision was added since {base or 'the beginning'}\n")
        return 0
    with TemporaryDirectory() as folder:
        for script in added:
            file = Path(folder, Path(script.path).name).with_suffix(".sql")
            file.write_text(_sql(script), encoding="utf-8")
        config = str(FOLDER / "squawk.toml")
        return run(squawk, "--config", config, "*.sql", folder=Path(folder))


def _files(base: str) -> set[str]:
    if find("git") is None:
        message = "git was not found on PATH: without --base, all revisions are linted"
        raise CommandError(message)
    versions = FOLDER / "versions"
    names = git("ls-tree", "-r", "-z", "--name-only", base, folder=versions)
    if names is None:
        message = f"git knows no {base}: expected a branch or commit that was fetched"
        raise CommandError(message)
    return {Path(name).name for name in names.split("\0")}


def _sql(script: Script) -> str:
    parent = script.down_revision or "base"
    try:
        sql = upgrade_sql(f"{parent}:{script.revision}")
    except Exception as error:
        message = (
            f"{script.path} cannot be written as SQL ({error!r}):"
            " let it ask alembic.context.is_offline_mode() before it reads the database"
        )
        raise CommandError(message) from error
    comment = "".join(f"-- {line}\n" for line in script.longdoc.splitlines())
    return f"{comment}\n{sql}"
