"""The template rendered in this process, for tests that look at what it renders alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from copier import run_copy

from detection import detect


class Tree(NamedTuple):
    """What was rendered for one combination of answers."""

    root: Path
    import_root: Path
    application: Path


def write(root: Path, files: Mapping[str, str]) -> Path:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, encoding="utf-8")
    return root


def render(template: Path, repository: Path, into: Path, **data: object) -> Tree:
    """Render what belongs into a repository of one application; none of its files is edited."""
    [layout] = detect(repository, None).candidates
    run_copy(
        str(template),
        into,
        data={"db_detected": True, "db_layouts": {layout.app_dir: layout.as_answers()}, **data},
        defaults=True,
        skip_tasks=True,
        quiet=True,
    )
    return Tree(into, into / layout.import_root, into / layout.app_dir)
