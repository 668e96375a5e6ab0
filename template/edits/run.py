# /// script
# requires-python = ">=3.11"
# dependencies = ["libcst>=1.8", "packaging>=25", "pyyaml>=6", "tomlkit>=0.13"]
# ///
"""Edit the files that the repository has already.

    run.py REPOSITORY < request.json

The request is an object: the answers, the paths of the files, and for a release that is about some
dependencies alone, those. Prints what was done to each
file (✔), that nothing had to be (·), and what is left to the person (☐) with the lines to paste.
All edits are computed before the first file is written; no file is created.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

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
from edits.edit import Edit, task
from edits.plan import DEV_REQUIREMENTS, Target, plan, requirements
from edits.report import left_to_do, report
from edits.requirement import Need
from edits.source import LeftAloneError, Source

HOST_NEEDS = (
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


class Dependencies(NamedTuple):
    """The dependencies that a release is about: new ones, or such as have a new floor."""

    names: Sequence[str]
    are_new: bool

    def among(self, needs: Sequence[Need]) -> list[Need]:
        """Return the needs for these; where they are not new, what was taken out stays out."""
        return [
            replace(need, add=need.add and self.are_new, raise_floor=not self.are_new)
            for need in needs
            if need.name in self.names
        ]


def edit_repository(
    root: Path,
    answers: Mapping[str, Any],
    paths: Sequence[str],
    dependencies: Dependencies | None = None,
) -> Iterator[str]:
    """Edit those of the planned files that are among the paths; yield the lines of the report."""
    targets = [target for target in plan(answers) if target.path in paths]
    prepared = [_prepare(root, target, answers, dependencies) for target in targets]
    for target, source, edit in prepared:
        changed = source is not None and edit.text != source.text
        try:
            if source and changed:
                source.replace(edit.text)
        except LeftAloneError as error:
            yield from left_to_do(target.path, task(f"{error}: add by hand:", *target.paste))
        else:
            yield from report(target.path, edit, changed=changed)


def _prepare(
    root: Path, target: Target, answers: Mapping[str, Any], dependencies: Dependencies | None
) -> tuple[Target, Source | None, Edit]:
    if target.kind == "nowhere":
        todo = task("no file that lists them was found. Add where you keep them:", *target.paste)
        return target, None, Edit("", "", (todo,))
    try:
        source = Source.read(root / target.path, root)
    except LeftAloneError as error:
        todo = task(f"{error}: add by hand:", *target.paste)
        return target, None, Edit("", "", (todo,))
    return target, source, _edit(target, source.text, answers, dependencies)


def _edit(
    target: Target, source: str, answers: Mapping[str, Any], dependencies: Dependencies | None
) -> Edit:
    layer, package = answers["db_layer_module"], _package_of(target.path, answers)
    own = (Need(Requirement(line)) for line in requirements(answers))
    needs: Sequence[Need] = (*own, *HOST_NEEDS)
    dev_needs: Sequence[Need] = DEV_NEEDS
    if dependencies:
        needs, dev_needs = dependencies.among(needs), dependencies.among(dev_needs)
    match target.kind:
        case "app":
            edit = app_module.edit(source, module=layer, package=package)
        case "settings":
            edit = settings_class.edit(source, module=f"{layer}.variables", package=package)
        case "pyproject":
            edit = pyproject_toml.edit(source, needs=needs, dev_needs=dev_needs)
        case "requirements":
            edit = requirements_txt.edit(source, needs=needs)
        case "env":
            edit = env_example.edit(source, variables=answers["db_env"], heading="# Database")
        case "compose":
            edit = compose_yaml.edit(
                source,
                include=Path(answers["db_compose"]).name,
                project=f"{answers['db_name']}-database",
            )
        case "other" | "nowhere":
            edit = _declare_by_hand(target, source, [need for need in needs if need.add])
    return edit


def _declare_by_hand(target: Target, source: str, needs: Sequence[Need]) -> Edit:
    if needs and all(_mentions(source, need.name) for need in needs):
        return Edit(source, "nothing to add")
    sentence = "this kind of file is not edited here: declare the dependencies by hand:"
    return Edit(source, "", (task(sentence, *target.paste),))


def _mentions(source: str, name: str) -> bool:
    pattern = name.replace("-", "[-_.]")
    return re.search(rf"(?<![\w-]){pattern}(?![\w-])", source, re.IGNORECASE) is not None


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
    request = json.load(sys.stdin)
    about = request.get("dependencies")
    dependencies = Dependencies(*about) if about else None
    for line in edit_repository(Path(root), request["answers"], request["paths"], dependencies):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
