# /// script
# requires-python = ">=3.11"
# dependencies = ["libcst>=1.8", "packaging>=25", "pyyaml>=6", "tomlkit>=0.13"]
# ///
"""Edit the files that the repository has already.

    run.py REPOSITORY < answers.json

Prints one line per file: ✔ done, · nothing to do, ☐ yours to do, with what to paste. All edits are
computed before the first file is written; no file is created.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # A script finds its own folder on sys.path; the package `edits` lies one higher.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from packaging.requirements import Requirement

from edits import (
    app_module,
    compose_yaml,
    env_example,
    pyproject_toml,
    requirements_txt,
    settings_class,
)
from edits.edit import Edit
from edits.plan import DEV_REQUIREMENTS, REQUIREMENTS, Target, plan
from edits.report import left_to_do, report
from edits.requirement import Need
from edits.source import LeftAloneError, Source

NEEDS = (
    *(Need(Requirement(line)) for line in REQUIREMENTS),
    Need(
        Requirement("fastapi>=0.121"),
        why='Depends(scope="function"), with which the commit comes before the response',
        add=False,
    ),
    Need(
        Requirement("pydantic>=2"), why="pydantic-settings needs it", add=False, raise_range=False
    ),
)
DEV_NEEDS = tuple(Need(Requirement(line)) for line in DEV_REQUIREMENTS)


def edit_repository(root: Path, answers: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the report."""
    edits: list[tuple[Source, Edit]] = []
    lines: list[str] = []
    for target in plan(answers):
        try:
            source = Source.read(root / target.path, root)
        except LeftAloneError as error:
            lines += left_to_do(target.path, (str(error), *target.paste))
            continue
        edit = _edit(target, source.text, answers)
        edits.append((source, edit))
        lines += report(target.path, edit, changed=edit.text != source.text)
    for source, edit in edits:
        if edit.text != source.text:
            source.replace(edit.text)
    yield from lines


def _edit(target: Target, source: str, answers: Mapping[str, Any]) -> Edit:
    layer, package = answers["db_layer_module"], _package_of(target.path, answers)
    match target.kind:
        case "app":
            return app_module.edit(source, module=layer, package=package)
        case "settings":
            return settings_class.edit(source, module=f"{layer}.variables", package=package)
        case "pyproject":
            return pyproject_toml.edit(source, needs=NEEDS, dev_needs=DEV_NEEDS)
        case "requirements":
            return requirements_txt.edit(source, needs=NEEDS)
        case "env":
            return env_example.edit(source, variables=answers["db_env"], heading="# Database")
        case "compose":
            return compose_yaml.edit(
                source,
                include=Path(answers["db_compose"]).name,
                project=f"{answers['db_name']}-database",
            )
        case "other":
            return Edit(source, "", ("declare these dependencies:", *target.paste))


def _package_of(path: str, answers: Mapping[str, Any]) -> str:
    """Name the package that a module of the application lives in, for its relative imports."""
    folder = Path(path).parent
    app_dir = Path(answers["db_app_dir"])
    if not folder.is_relative_to(app_dir):
        return ""
    parts = [answers["db_package"], *folder.relative_to(app_dir).parts]
    return ".".join(part for part in parts if part)


def main(arguments: Sequence[str]) -> None:
    [root] = arguments
    for line in edit_repository(Path(root), json.load(sys.stdin)):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
