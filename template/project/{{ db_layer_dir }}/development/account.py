"""Running the programs of PostgreSQL, by another account if one is root.

PostgreSQL refuses to run as root, as one does in many containers.
"""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT
from importlib import import_module
from pathlib import Path
from stat import S_IXOTH
from typing import Any, NamedTuple, TypeAlias

Options: TypeAlias = Any

NAME = "nobody"
_LEFT_OUT = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a")


class Done(NamedTuple):
    """A program that has ended."""

    status: int
    printed: str


def run(program: str, *arguments: str, folder: Path) -> Done:
    """Run a program in the folder."""
    return asyncio.run(_run(program, *arguments, cwd=folder))


def run_server(
    program: Path,
    *arguments: str,
    folder: Path,
    entered: str = "",
) -> Done:
    """Run a program of the server in the folder, as the account if one is root."""
    options: dict[str, Any] = {"cwd": folder, "entered": entered}
    if is_root():
        user, group = _ids()
        options |= {"user": user, "group": group, "extra_groups": []}
    return asyncio.run(_run(str(program), *arguments, **options))


def is_root() -> bool:
    """Tell whether another account is needed."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def give(path: Path) -> None:
    """Let the account own it, but not what a link leads to."""
    if is_root():
        os.chown(path, *_ids(), follow_symlinks=False)


def may_enter(folder: Path) -> bool:
    """Tell whether the account reaches the folder."""
    folders = (folder, *folder.parents)
    return not is_root() or all(each.stat().st_mode & S_IXOTH for each in folders)


def within_reach(programs: Path, inside: Path) -> Path:
    """Return the programs, or a copy of those that the account cannot reach."""
    if may_enter(programs):
        return programs
    package, install = programs.parents[1], programs.parent
    stamp = str(programs.stat().st_mtime_ns)
    copies = inside / f"programs-{stamp}"
    if not copies.exists():
        fresh = inside / f"fresh-{os.getpid()}"
        for folder in (install, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                copy = fresh / folder.relative_to(package.parent)
                shutil.copytree(folder, copy, ignore=_LEFT_OUT)
        fresh.rename(copies)
    return copies / programs.relative_to(package.parent)


def _ids() -> tuple[int, int]:
    entry = import_module("pwd").getpwnam(NAME)
    return entry.pw_uid, entry.pw_gid


async def _run(*command: str, entered: str = "", **options: Options) -> Done:
    # Without the defaults for clients of PostgreSQL, and in English.
    variables = {name: os.environ[name] for name in os.environ if name[:2] != "PG"}
    process = await asyncio.create_subprocess_exec(
        *command,
        env=variables | {"LC_ALL": "C"},
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        **options,
    )
    try:
        printed, _ = await process.communicate(entered.encode())
    finally:
        if process.returncode is None:  # interrupted
            process.kill()
    return Done(await process.wait(), printed.decode(errors="replace").strip())
