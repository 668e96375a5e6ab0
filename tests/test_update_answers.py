"""Changing one's mind: an update with other answers is a fresh copy with them, and the edits."""

from itertools import combinations
from pathlib import Path, PurePosixPath

import pytest

from layering import answers, commit, files
from updating import make_project, restore, update

OTHER = {
    "project_name": "Other Name",
    "db_primary_key": "uuid7",
    "db_pool_size": "20",
    "db_max_overflow": "0",
    "db_edit_files": "false",
    "db_update_workflow": "true",
    "db_admin": "true",
}
HOST = "bigger_applications"
CHANGES = [
    dict(chosen) for size in (1, 2, len(OTHER)) for chosen in combinations(OTHER.items(), size)
]
DEPENDENCIES = "requirements.txt"
EDITED = "app/core/database/health.py"
EDIT = ("_DEADLINE = 3", "_DEADLINE = 2")


def theirs(root: Path) -> set[str]:
    """Return the files that an update leaves alone: seeds, and those of the person."""
    found = answers(root)
    app = PurePosixPath(found["db_app_dir"])
    seeds = {str(app / found["db_seed"]), str(app / "core/__init__.py"), found["db_env_example"]}
    return seeds | {found["db_app_module"], found["db_dependency_file"]}


def edit(root: Path) -> Path:
    room = root / EDITED
    text = room.read_text(encoding="utf-8")
    assert EDIT[0] in text
    room.write_text(text.replace(*EDIT), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def layered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(template, HOST, tmp_path_factory.mktemp("layered") / "shop")
    return commit(edit(project), "our own work")


@pytest.mark.parametrize("new", CHANGES, ids="+".join)
def test_other_answers(layered: Path, template: Path, tmp_path: Path, new: dict[str, str]) -> None:
    root = restore(layered, tmp_path / "shop")
    before = files(root)
    options = [part for name, value in new.items() for part in ("--data", f"{name}={value}")]
    update(root, *options)
    fresh = edit(make_project(template, HOST, tmp_path / "fresh" / "shop", **new))

    after, expected = files(root), files(fresh)
    kept = theirs(root)
    if "db_admin" in new:
        declared = "" if "db_edit_files" in new else "starlette-admin>=1.0.3\n"
        before[DEPENDENCIES] += declared.encode()
    assert {path: after[path] for path in kept} == {path: before[path] for path in kept}
    assert after.keys() == expected.keys()
    assert {path for path in after if after[path] != expected[path]} <= kept

    if len(new) == 1:  # and back
        commit(root, "other answers")
        [name] = new
        update(root, "--data", f"{name}={answers(layered)[name]}")
        assert files(root) == before
