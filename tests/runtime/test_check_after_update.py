"""`python -m ...database check` on what an update, or a merge, has left behind."""

import json
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import layering
from layering import commit, git
from rendering import Tree, write
from runtime.application import REPOSITORY
from runtime.test_commands import DECLARED, NOT_ASKED, WIRED, left

UPDATE = ("copier", "update", "--trust", "--defaults", "-a", layering.ANSWERS)
LAYER = "backend/layered/core/database"
CONFLICT = """\
<<<<<<< before updating
mine
=======
yours
>>>>>>> after updating
"""
NOT_PYTHON = ", line 1: invalid syntax. Resolve the conflict, if it is one, then run this again\n"
# Lines that a release changes, and a team as well.
CONTESTED = {
    f"{LAYER}/errors.py": (
        "template/project/{{ db_layer_dir }}/errors.py",
        "What can be wrong before",
    ),
    "backend/tests/database/test_database_health.py": (
        "template/project/{{ db_tests }}/test_database_health.py.jinja",
        "import pytest",
    ),
    "compose.database.yaml": ("template/project/{{ db_compose }}.jinja", "services:"),
    "docs/database.md": ("template/project/{{ db_docs }}.jinja", "# The database"),
}
BEFORE, AFTER = "v99.0.0", "v99.1.0"


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a template whose newest release changes the contested lines."""
    source = tmp_path_factory.mktemp("releases") / "template"
    git(source.parent, "clone", "--quiet", str(template), str(source))
    git(source, "config", "user.name", "Maintainers")
    git(source, "config", "user.email", "maintainers@example.com")
    for path, line in CONTESTED.values():
        change(source / path, line, f"{line}  # by a release")
    commit(source, AFTER)
    git(source, "tag", AFTER)
    return source


@pytest.fixture
def root(rendered: Tree, tmp_path: Path) -> Path:
    """Return a repository of git in which nothing is left to do."""
    root = shutil.copytree(rendered.root, tmp_path / "repository")
    write(root, {"backend/layered/main.py": WIRED, "backend/pyproject.toml": DECLARED})
    return layering.make_repository(root)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def update(releases: Path, repository: Path, project: Path, *options: str) -> None:
    """Layer a database onto a project, change the contested lines, update."""
    write(project, REPOSITORY)
    layering.make_repository(repository)
    layering.layer(releases, project, "--vcs-ref", BEFORE)
    for path, (_, line) in CONTESTED.items():
        change(project / path, line, f"{line}  # by the team")
    commit(repository, "months of work")
    layering.run(*UPDATE, *options, cwd=project)


def check(
    root: Path, *options: str, cwd: Path | None = None, variables: Mapping[str, str] | None = None
) -> tuple[int, list[str]]:
    done = layering.run(
        *(sys.executable, "-m", "layered.core.database", "check", *options),
        cwd=cwd or root,
        check=False,
        variables={"PYTHONPATH": str(root / "backend"), **(variables or {})},
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def in_conflict(file: str, line: int = 1) -> str:
    return f"☐ {file}: a conflict in line {line}: keep what is to stay, then"


def resolve(file: Path) -> None:
    """Keep both sides, in a way that stays Python."""
    lines = file.read_text("utf-8").splitlines(keepends=True)
    ours = [line for line in lines if not line.startswith(("<<<<<<<", ">>>>>>>"))]
    [middle] = [number for number, line in enumerate(ours) if line == "=======\n"]
    file.write_text("".join([*ours[: middle - 1], *ours[middle + 1 :]]), "utf-8")


def test_conflicts_of_an_update_are_listed_until_they_are_resolved(
    releases: Path, tmp_path: Path
) -> None:
    root = tmp_path / "repository"
    update(releases, root, root)
    git(root, "add", "docs/database.md")  # as it is
    resolve(root / "compose.database.yaml")
    listed = [
        in_conflict(f"{LAYER}/errors.py"),
        "    git add layered/core/database/errors.py",
        in_conflict("backend/tests/database/test_database_health.py", 3),
        "    git add tests/database/test_database_health.py",
        "☐ compose.database.yaml: unmerged in git: resolve it, then",
        "    git add ../compose.database.yaml",
        in_conflict("docs/database.md"),
        "    git add ../docs/database.md",
    ]
    broken = "its revision is not known: SyntaxError: invalid syntax (errors.py, line 1)"
    code, lines = check(root, cwd=root / "backend")
    assert (code, left(lines)) == (1, [*listed, f"☐ database: {broken}"])
    code, lines = check(root, cwd=tmp_path)
    assert (code, left(lines)[1]) == (1, f"    git add repository/{LAYER}/errors.py")
    code, lines = check(root, "--json")
    report = json.loads("\n".join(lines))
    paste = [f"git add {LAYER}/errors.py"]
    assert report["findings"][0] == {"what": listed[0][2:], "done": False, "paste": paste}

    for file in ("errors.py", "test_database_health.py", "database.md"):
        [path] = root.rglob(file)
        resolve(path)
    for line in listed[1::2]:
        layering.run(*shlex.split(line), cwd=root / "backend")
    code, lines = check(root)
    assert (code, left(lines), lines[-1]) == (0, [], NOT_ASKED)


def test_rejected_edits_of_an_update_are_listed(releases: Path, tmp_path: Path) -> None:
    mono = tmp_path / "mono repo"
    project = mono / 'it\'s ä "service"'
    write(mono, {".gitignore": "*.rej\n", "other/README.md": CONFLICT})
    update(releases, mono, project, "--conflict", "rej")
    elsewhere = ("other/errors.py.rej", f"{project.name}/backend/.venv/lib/database.py.rej")
    write(mono, dict.fromkeys(elsewhere, ""))
    assert not [path for path in layering.changed(mono) if path.endswith(".rej")]
    code, lines = check(project)
    assert (code, left(lines)) == (
        1,
        [
            f"☐ {path}.rej: edits that did not fit the update: make them in {Path(path).name},"
            " then delete this"
            for path in sorted(CONTESTED)
        ],
    )
    for path in CONTESTED:
        (project / f"{path}.rej").unlink()
    code, lines = check(project)
    assert (code, left(lines)) == (0, [])


def test_a_conflict_anywhere_in_a_project_whose_path_needs_quotes(
    root: Path, tmp_path: Path
) -> None:
    """Committed as well: that is what a bot does, and what CI sees."""
    shutil.rmtree(root / ".git")
    service = tmp_path / 'mono/it\'s a "sérvice"'
    shutil.copytree(root, service)
    name = 'réad "me".md'
    write(service, {name: f"\r\n{CONFLICT}", "ignored.md": CONFLICT})
    write(service.parent, {"README.md": CONFLICT, ".gitignore": "ignored.md"})
    layering.make_repository(service.parent)
    for setting in ("color.ui=always", "grep.fullName=true", "core.quotePath=true"):
        git(service, "config", *setting.split("="))
    merge(service.parent, f"{service.name}/LICENSE", "LICENSE")
    code, lines = check(service)
    assert (code, left(lines)) == (
        1,
        [
            "☐ LICENSE: unmerged in git: resolve it, then",
            "    git add LICENSE",
            in_conflict(name, 2),
            f"    git add '{name}'",
        ],
    )


def merge(root: Path, *files: str) -> None:
    """Let git merge two branches that have written the same files."""
    git(root, "branch", "other")
    for branch in ("main", "other"):
        git(root, "switch", "--quiet", branch)
        commit(write(root, dict.fromkeys(files, branch)), branch)
    layering.run("git", "merge", "main", cwd=root, check=False)


def test_a_conflict_in_head_asks_for_a_rebase(root: Path) -> None:
    head = "backend/alembic/versions/HEAD"
    merge(root, head)
    code, lines = check(root)
    assert (code, left(lines)) == (
        1,
        [
            f"☐ {head}: unmerged in git: resolve it, then",
            "    python -m layered.core.database rebase",
        ],
    )


def test_without_git_the_files_of_the_layer_are_read(root: Path, tmp_path: Path) -> None:
    files = ("backend/alembic/env.py", "docs/database.md")
    write(root, dict.fromkeys((*files, "README.md"), f"\n{CONFLICT}"))
    expected = [line for file in files for line in (in_conflict(file, 2), f"    git add {file}")]
    code, lines = check(root, variables={"PATH": str(tmp_path / "nowhere")})
    assert (code, left(lines)) == (1, expected)
    shutil.rmtree(root / ".git")
    code, lines = check(root)
    assert (code, left(lines)) == (1, expected)


def test_half_a_conflict_is_one(root: Path) -> None:
    layer = root / LAYER
    end = CONFLICT.splitlines()[-1]
    change(root / "docs/database.md", "## Start", f"{end}\n## Start")
    line = (root / "docs/database.md").read_text("utf-8").splitlines().index(end) + 1
    change(layer / "health.py", "import asyncio", "import asyncio\n=======\nimport asyncio")
    code, lines = check(root)
    assert (code, left(lines)) == (
        1,
        [
            f"☐ {LAYER}/health.py: cannot be read as Python: invalid syntax (health.py, line 4)",
            in_conflict("docs/database.md", line),
            "    git add docs/database.md",
        ],
    )


def test_a_conflict_that_was_resolved_badly(root: Path) -> None:
    change(root / LAYER / "settings.py", "from pathlib import Path", "")
    code, lines = check(root)
    found = "database: its revision is not known: NameError: name 'Path' is not defined"
    assert (code, left(lines)) == (1, [f"☐ {found}"])
    code, lines = check(root, "--json")
    assert (code, json.loads("\n".join(lines))["database"]["status"]) == (1, "broken")


def test_what_was_deleted_is_not_missed(root: Path) -> None:
    for folder in ("backend/layered/core/database/seeding", "backend/tests", "docs"):
        shutil.rmtree(root / folder)
    (root / "compose.database.yaml").unlink()
    code, lines = check(root)
    assert (code, left(lines)) == (0, [])


# One process, which has the libraries in it already, and a fork for each of the rooms.
IN_TURN = """\
import json
import os
import runpy
import sys
from pathlib import Path

import alembic.command
import asyncpg
import pydantic_settings
import sqlalchemy.dialects.postgresql.asyncpg
import sqlalchemy.ext.asyncio

conflict, layer = sys.argv[1], Path(sys.argv[2])
sys.argv[1:] = ["check"]
found = {}
for room in sorted(layer.rglob("*.py")):
    content = room.read_bytes()
    room.write_bytes(conflict.encode() + content)
    if not os.fork():
        code = 0
        with open("out", "w") as sys.stdout, open("err", "w") as sys.stderr:
            try:
                runpy.run_module("layered.core.database", run_name="__main__", alter_sys=True)
            except SystemExit as error:
                code = error.code
            except BaseException as error:
                code = repr(error)
            if isinstance(code, str):
                print(code, file=sys.stderr)
        os._exit(code if isinstance(code, int) else 1)
    code = os.waitstatus_to_exitcode(os.wait()[1])
    name = str(room.relative_to(layer))
    found[name] = code, Path("out").read_text(), Path("err").read_text()
    room.write_bytes(content)
print(json.dumps(found))
"""
# Without these nothing runs.
NEEDED = {"__init__.py", "__main__.py"}
CHECKING = {"check.py", "check_database.py", "conflicts.py"}


def test_check_works_with_a_conflict_in_any_other_room(root: Path) -> None:
    done = layering.run(
        *(sys.executable, "-c", IN_TURN, CONFLICT, root / LAYER), cwd=root / "backend"
    )
    found = json.loads(done.stdout)
    assert {*CHECKING, *NEEDED, "base.py", "errors.py", "migrations/programs.py"} < set(found)
    for name, (code, printed, errors) in found.items():
        file = f"{LAYER}/{name}"
        assert code == 1, name
        if name in NEEDED:
            assert "SyntaxError" in errors
        elif name in CHECKING:
            assert (printed, errors) == (
                "",
                f"{root / file}{NOT_PYTHON}",
            )
        else:
            listed = left(printed.splitlines())
            assert errors == ""
            assert listed[:2] == [
                in_conflict(file),
                f"    git add {file.removeprefix('backend/')}",
            ]
            # A room that is needed to ask the database is named once more.
            assert [line[: len("☐ database:")] for line in listed[2:]] in ([], ["☐ database:"])


def test_the_other_commands_name_a_room_in_conflict(root: Path) -> None:
    for command, room in (("wait", "waiting.py"), ("rebase", "migrations/rebase.py")):
        file = root / LAYER / room
        file.write_text(CONFLICT + file.read_text("utf-8"), "utf-8")
        done = layering.run(
            *(sys.executable, "-m", "layered.core.database", command),
            cwd=root / "backend",
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (
            1,
            "",
            f"{file}{NOT_PYTHON}",
        )


def test_check_needs_no_library(root: Path) -> None:
    done = layering.run(
        *(sys.executable, "-S", "-m", "layered.core.database", "check"),
        cwd=root / "backend",
        check=False,
    )
    listed = left(done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (1, "")
    assert listed[0] == "☐ fastapi>=0.121: nothing is installed"
    assert listed[-1] == (
        "☐ database: its revision is not known: ModuleNotFoundError: No module named 'sqlalchemy'"
    )
