"""The answers file of each release for each host, kept so that updates from it are tested for ever.

uv run tests/freeze_answers.py writes those of the newest release.
"""

from pathlib import Path

from host_manifest import HOSTS
from layering import ANSWERS, PROJECT

FOLDER = PROJECT / "tests/releases"


def frozen_path(version: str, host: str) -> Path:
    return FOLDER / version / f"{host}.yml"


def frozen_text(root: Path) -> str:
    """Return the answers file of a project, without the place that its template came from."""
    lines = (root / ANSWERS).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("_src_path: "))


def missing(version: str) -> str:
    """Return what to do where a release lacks them, else nothing."""
    if all(frozen_path(version, host.name).is_file() for host in HOSTS):
        return ""
    folder = frozen_path(version, "").parent.relative_to(PROJECT)
    return f"{folder} lacks answers. Next: uv run tests/freeze_answers.py, and commit the folder."
