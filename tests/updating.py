"""Projects with the layer, restored quickly, and updates of them by the real command."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from layering import ANSWERS, commit, git, layer, make_host, run

UPDATE = ("copier", "update", "--trust", "--defaults", "-a", ANSWERS)


def make_project(template: Path, host: str, root: Path, *options: str, **data: str) -> Path:
    """Layer the database onto a host, and commit it."""
    said = [part for name, value in data.items() for part in ("--data", f"{name}={value}")]
    layer(template, make_host(host, root), *options, *said)
    return commit(root, "layer a database onto it")


def restore(project: Path, root: Path) -> Path:
    """Return a copy of a prepared project, its history included."""
    shutil.copytree(project, root, symlinks=True)
    git(root, "update-index", "--refresh")
    return root


def update(
    root: Path, *options: str, check: bool = True, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return run(*UPDATE, *options, cwd=root, check=check, variables=variables)


def report(done: subprocess.CompletedProcess[str]) -> str:
    """Return what an update prints besides Copier's own lines, in one paragraph."""
    lines = done.stderr.splitlines()
    return " ".join(" ".join(line for line in lines if not line.startswith(" > ")).split())
