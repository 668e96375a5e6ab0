"""Releases of the template: those of the past from git, and new ones as a maintainer makes them.

A release is the commit that gives CHANGELOG.md its heading. Tags are set here, in a repository of
the test's own: neither the network nor a tag in this repository is needed, but its history is.
"""

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from layering import (
    PROJECT,
    TEMPLATE_FILES,
    commit,
    copy_template,
    git,
    head_changelog,
    make_repository,
)

# Newer than all that will ever be released.
NEXT = "99.0.0"


def past_releases() -> list[str]:
    """Return the versions that the committed changelog names, the oldest first."""
    changelog = git(PROJECT, "show", "HEAD:CHANGELOG.md")
    return re.findall(r"(?m)^## (\d\S*) - ", changelog)[::-1]


PAST = past_releases()


def commit_of(version: str) -> str:
    """Return the commit that released a version."""
    added = git(PROJECT, "log", "--format=%H", f"-S## {version} - ", "--", "CHANGELOG.md").split()
    assert added, (
        f"The commit that released {version} is not in the history of this clone: "
        "git fetch --unshallow"
    )
    return added[-1]


def release_before() -> str:
    """Return the last release that is not the commit at hand."""
    head = git(PROJECT, "rev-parse", "HEAD").strip()
    return [PAST[0], *(version for version in PAST if commit_of(version) != head)][-1]


def unpack(version: str, into: Path) -> Path:
    """Write the template of a past release."""
    archive = subprocess.run(
        ["git", "archive", commit_of(version), *TEMPLATE_FILES],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(into, filter="data")
    return into


def make_releases(root: Path) -> Path:
    """Make a template repository with a tag for each past release and one for the working tree."""
    root.mkdir(parents=True)
    make_repository(root)
    for version in PAST:
        clear(root)
        unpack(version, root)
        tag(root, version)
    clear(root)
    return name_release(copy_template(root), NEXT)


def clear(root: Path) -> None:
    for name in TEMPLATE_FILES:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def name_release(root: Path, version: str, to_do: str = "Nothing.") -> Path:
    """Release what is there."""
    head_changelog(root, version, to_do)
    return tag(root, version)


def tag(root: Path, version: str) -> Path:
    commit(root, f"release {version}")
    git(root, "tag", f"v{version}")
    return root


def replace(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text, f"{path} has changed: {before}"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def add_migration(root: Path, version: str, *words: str) -> None:
    """Let a release edit files of the person, as copier.yml explains it."""
    python, script = "{{ _copier_python }}", "{{ _copier_conf.src_path }}/template/update.py"
    last = f'  - command: ["{python}", "{script}", after, *request]\n'
    edit = ", ".join(("edit", *words))
    entry = f'  - version: v{version}\n    command: ["{python}", "{script}", {edit}, *request]\n'
    replace(root / "copier.yml", last, f"{entry}{last}")
