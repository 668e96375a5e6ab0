"""The account that runs PostgreSQL, which refuses to run as root.

One is root in many containers. There, and only there, another account does it.
"""

import os
import shutil
from importlib import import_module
from pathlib import Path
from stat import S_IXOTH
from typing import Any

NAME = "nobody"
_LEFT_OUT = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a")


def is_root() -> bool:
    """Tell whether another account is needed."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def options() -> dict[str, Any]:
    """Return what makes `subprocess` use the account."""
    if not is_root():
        return {}
    entry = import_module("pwd").getpwnam(NAME)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def give(path: Path) -> None:
    """Let the account own it."""
    if is_root():
        shutil.chown(path, NAME)


def may_enter(folder: Path) -> bool:
    """Tell whether the account reaches the folder."""
    folders = (folder, *folder.parents)
    return not is_root() or all(each.stat().st_mode & S_IXOTH for each in folders)


def within_reach(programs: Path, inside: Path) -> Path:
    """Return the programs, or where they were copied to if the account cannot reach them."""
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
