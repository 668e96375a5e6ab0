"""Keep the answers files of the newest release: part of making one, before its commit.

uv run tests/freeze_answers.py
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from frozen import frozen_path, frozen_text
from host_manifest import HOSTS
from layering import PROJECT, layer, make_host, make_repository, make_template
from releases import PAST, tag, unpack


def newest_release() -> str:
    """Return what CHANGELOG.md names first, committed or not."""
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions: list[str] = re.findall(r"(?m)^## (\d\S*) - ", changelog)
    return versions[0]


def freeze(version: str, into: Path) -> None:
    if version in PAST:
        template = unpack(version, into / "template")
        tag(make_repository(template), version)
    else:
        template = make_template(into / "template", version)
    for host in HOSTS:
        root = make_host(host.folder, into / host.name / host.folder)
        layer(template, root, db_app_dir=host.app_dir)
        kept = frozen_path(version, host.name)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(frozen_text(root), encoding="utf-8")
        print(kept.relative_to(PROJECT))


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        freeze(newest_release(), Path(folder))
