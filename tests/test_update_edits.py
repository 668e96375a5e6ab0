"""What a release needs in files of the person: one entry in _migrations of copier.yml."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from layering import ANSWERS, changed, commit, files, git, run
from releases import add_migration, name_release, replace
from updating import UPDATE, make_project, report, restore, update

HOST = "backend_frontend"
APPLICATION, DEPENDENCIES = "backend/app/main.py", "backend/pyproject.toml"
PLAN = "template/edits/plan.py"
NEW = {"99.1.0": "greenlet>=3", "99.2.0": "cachetools>=5"}


@pytest.fixture(scope="module")
def source(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return releases of which the second and third need a dependency more, the fifth a line.

    The last one needs a newer version of a dependency.
    """
    root = tmp_path_factory.mktemp("releases") / "template"
    shutil.copytree(template, root)
    last = '    "pydantic-settings>=2.12",\n'
    for version, requirement in NEW.items():
        replace(root / PLAN, last, f'{last}    "{requirement}",\n')
        last = f'    "{requirement}",\n'
        add_migration(root, version, "dependencies", requirement.split(">")[0])
        name_release(root, version)
    name_release(root, "99.2.1")
    add_migration(root, "99.3.0", "app")
    name_release(root, "99.3.0")
    replace(root / PLAN, "asyncpg>=0.32", "asyncpg>=0.33")
    add_migration(root, "99.4.0", "floors", "asyncpg")
    return name_release(root, "99.4.0")


@pytest.fixture(scope="module")
def layered(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("layered") / "shop"
    return make_project(source, HOST, root, "--vcs-ref", "v99.0.0")


@pytest.fixture
def project(layered: Path, tmp_path: Path) -> Path:
    return restore(layered, tmp_path / "shop")


def update_to(root: Path, version: str) -> list[str]:
    """Update, and return the report on files."""
    lines = update(root, "--vcs-ref", f"v{version}").stderr.splitlines()
    return [line for line in lines if line[:1] in "✔·☐" and line]


def pretend(root: Path, version: str) -> Path:
    """Let a project come from another release, which renders the same."""
    replace(root / ANSWERS, "_commit: v99.0.0", f"_commit: v{version}")
    return commit(root, "an earlier update")


def without(root: Path, path: str, line: str) -> Path:
    replace(root / path, line, "")
    return commit(root, "taken out on purpose")


def test_a_new_dependency(project: Path) -> None:
    before = (project / DEPENDENCIES).read_text(encoding="utf-8")
    assert update_to(project, "99.1.0") == [f"✔ {DEPENDENCIES}: added greenlet"]
    assert {*changed(project)} == {ANSWERS, DEPENDENCIES}
    after = (project / DEPENDENCIES).read_text(encoding="utf-8")
    assert after.replace('    "greenlet>=3",\n', "") == before


def test_it_is_there_already(project: Path) -> None:
    replace(project / DEPENDENCIES, '    "pydantic', '    "greenlet",\n    "pydantic')
    commit(project, "our own work")
    assert update_to(project, "99.1.0") == [f"· {DEPENDENCIES}: nothing to add"]
    assert {*changed(project)} == {ANSWERS}


def test_two_releases_at_once_and_none_twice(project: Path) -> None:
    assert update_to(project, "99.2.1") == [
        f"✔ {DEPENDENCIES}: added greenlet",
        f"✔ {DEPENDENCIES}: added cachetools",
    ]
    # Its versions are not crossed again.
    commit(project, "update")
    without(project, DEPENDENCIES, '    "greenlet>=3",\n')
    assert update_to(project, "99.2.1") == []
    assert changed(project) == {}


def test_an_update_that_crosses_no_version(project: Path) -> None:
    pretend(project, "99.2.0")
    without(project, DEPENDENCIES, '    "asyncpg>=0.32",\n')
    assert update_to(project, "99.2.1") == []
    assert {*changed(project)} == {ANSWERS}


@pytest.mark.parametrize(
    ("declared", "now", "said"),
    [
        ("asyncpg>=0.32", "asyncpg>=0.33", "✔ {}: asyncpg >=0.32 -> >=0.33"),
        (
            "asyncpg==0.32",
            "asyncpg==0.32",
            "☐ {}: asyncpg ==0.32 rules out asyncpg >=0.33: raise it and run your tests.",
        ),
        ("", "", "· {}: nothing to add"),
    ],
    ids=["ours", "pinned", "taken out"],
)
def test_a_floor(project: Path, declared: str, now: str, said: str) -> None:
    pretend(project, "99.3.0")
    # Nor is it about another one that was taken out.
    without(project, DEPENDENCIES, '    "alembic>=1.20.1",\n')
    line = '    "asyncpg>=0.32",\n'
    replace(project / DEPENDENCIES, line, f'    "{declared}",\n' if declared else "")
    before = (commit(project, "our own work") / DEPENDENCIES).read_text(encoding="utf-8")
    assert update_to(project, "99.4.0") == [said.format(DEPENDENCIES)]
    after = (project / DEPENDENCIES).read_text(encoding="utf-8")
    assert after == (before.replace(declared, now) if declared else before)
    assert {*changed(project)} <= {ANSWERS, DEPENDENCIES}


def test_a_new_dependency_brings_no_other_back(project: Path) -> None:
    without(project, DEPENDENCIES, '    "asyncpg>=0.32",\n')
    assert update_to(project, "99.1.0") == [f"✔ {DEPENDENCIES}: added greenlet"]
    assert "asyncpg" not in (project / DEPENDENCIES).read_text(encoding="utf-8")


def test_a_line_of_the_application(project: Path) -> None:
    pretend(project, "99.2.1")
    assert update_to(project, "99.3.0") == [
        f"· {APPLICATION}: setup_database is already called in line 19"
    ]
    git(project, "checkout", "--quiet", ".")
    without(project, APPLICATION, "setup_database(app)\n")
    assert update_to(project, "99.3.0") == [f"✔ {APPLICATION}: setup_database(app) added"]
    assert {*changed(project)} == {ANSWERS, APPLICATION}


def test_files_that_a_person_edits_alone(project: Path) -> None:
    replace(project / ANSWERS, "db_edit_files: true", "db_edit_files: false")
    before = files(commit(project, "leave my files alone"))
    printed = update(project, "--vcs-ref", "v99.2.0").stderr
    why = "add by hand, as you asked (db_edit_files):"
    assert [f"☐ {DEPENDENCIES}: {why}\n    {line}\n" in printed for line in NEW.values()] == [
        True
    ] * 2
    after = files(project)
    assert {path for path in after if after[path] != before.get(path)} == {ANSWERS}


def test_an_editor_that_cannot_be_had(
    project: Path, bare_copier: Path, path_without_uv: str
) -> None:
    before = files(project)
    done = run(
        bare_copier / UPDATE[0],
        *(*UPDATE[1:], "--vcs-ref", "v99.2.0"),
        cwd=project,
        variables={"PATH": path_without_uv},
    )
    why = "add by hand (uv, which brings the editor, is missing):"
    assert [f"☐ {DEPENDENCIES}: {why}\n    {line}\n" in done.stderr for line in NEW.values()] == [
        True
    ] * 2
    after = files(project)
    assert {path for path in after if after[path] != before.get(path)} == {ANSWERS}


def conflict(root: Path) -> None:
    """Leave the dependency file unmerged, as a merge of two branches does."""
    for branch, line in (("theirs", "a"), ("main", "b")):
        git(root, "checkout", "--quiet", *(["-b"] if branch == "theirs" else []), branch)
        replace(root / DEPENDENCIES, '    "asyncpg>=0.32",\n', f'    "asyncpg=={line}",\n')
        commit(root, branch)
    run("git", "merge", "theirs", cwd=root, check=False)
    assert changed(root) == {DEPENDENCIES: "UU"}


def test_a_dependency_file_in_conflict(project: Path, source: Path) -> None:
    conflict(project)
    before = files(project)
    done = update(project, "--vcs-ref", "v99.1.0", check=False)
    assert done.returncode == 1
    assert "Destination repository is dirty" in report(done)
    assert files(project) == before

    # Nor does the editor touch it.
    said = edit(project, source, "dependencies", "greenlet")
    assert said.stderr.startswith(
        f"☐ {DEPENDENCIES}: is in conflict. Resolve it, then add by hand:\n    greenlet>=3\n"
    )
    assert said.stderr.count("☐") == 1
    assert files(project) == before


def edit(root: Path, source: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run what the entry in _migrations runs."""
    request = {"answers_file": ANSWERS, "data": {}, "quiet": False}
    script = source / "template/update.py"
    return run(sys.executable, script, "edit", *words, json.dumps(request), cwd=root)
