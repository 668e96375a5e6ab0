"""Projects with the layer, restored quickly, and updates of them by the real command."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from layering import ANSWERS, commit, git, layer, make_host, run
from releases import name_release

FIRST, SECOND = "99.0.0", "99.1.0"
UPDATE = ("copier", "update", "--trust", "--defaults", "-a", ANSWERS)


def second_release(template: Path, source: Path) -> Path:
    """Return a template with a second release: it changes a line, adds lines, adds a file."""
    git(source.parent, "clone", "--quiet", str(template), str(source))
    git(source, "config", "user.name", "Maintainers")
    git(source, "config", "user.email", "maintainers@example.com")
    project = source / "template/project"
    health = project / "{{ db_layer_dir }}/health.py"
    text = health.read_text(encoding="utf-8")
    assert "_DEADLINE = 3" in text
    health.write_text(text.replace("_DEADLINE = 3", "_DEADLINE = 4"), encoding="utf-8")
    for path in ("{{ db_layer_dir }}/errors.py", "{{ db_docs }}.jinja", "{{ db_compose }}.jinja"):
        changed = project / path
        changed.write_text(changed.read_text(encoding="utf-8") + "\n# released\n", encoding="utf-8")
    new = project / "{{ db_layer_dir }}/local.py"
    new.write_text("RELEASED = True\n", encoding="utf-8")
    return name_release(source, SECOND, to_do="Restart.")


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
