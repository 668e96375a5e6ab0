"""Updates that would lose lines are refused: a sentence, and nothing is changed."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from layering import ANSWERS, commit, files, git, run
from updating import FIRST, UPDATE, make_project, report, restore, update

ROOM = "backend/app/core/database/errors.py"


@pytest.fixture(scope="module")
def layered(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layered")
    return make_project(releases, "backend_frontend", folder / "host", "--vcs-ref", f"v{FIRST}")


@pytest.fixture
def project(layered: Path, tmp_path: Path) -> Path:
    return restore(layered, tmp_path / "host")


def refused(root: Path, *options: str, variables: Mapping[str, str] | None = None) -> str:
    """Update, see that nothing was changed, and return the sentence."""
    before, status = files(root), git(root, "status", "--porcelain", "--ignored")
    done = update(root, *options, check=False, variables=variables)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert files(root) == before
    assert git(root, "status", "--porcelain", "--ignored") == status
    said = report(done)
    assert "Nothing was changed." in said
    return said


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("db_app_dir=frontend", "The layer stays in backend/app (db_app_dir): an update does not"),
        ("db_layer=other", "There is no question db_layer: expected one of db_app_dir, project_n"),
        ("db_pool_size=many", "db_pool_size is 'many': expected a whole number of connections."),
        ("db_pool_size=0", "db_pool_size: 0 is out of range: expected 1 to 1000."),
        ("db_max_overflow=1001", "db_max_overflow: 1001 is out of range: expected 0 to 1000."),
        ("db_primary_key=serial", "db_primary_key is 'serial': expected integer or uuid7."),
        ("db_edit_files=perhaps", "db_edit_files is 'perhaps': expected true or false."),
    ],
)
def test_answers(project: Path, data: str, sentence: str) -> None:
    assert sentence in refused(project, "--data", data)


def test_an_answer_that_is_given_again_is_none(project: Path) -> None:
    update(project, "--data", "db_app_dir=backend/app", "--data", "db_layer=core/database")


def test_a_layer_that_was_moved(project: Path) -> None:
    git(project, "mv", "backend/app/core", "backend/app/kernel")
    commit(project, "move")
    said = refused(project)
    assert "backend/app/core/database/__init__.py is not there, where .copier-answers" in said

    # The next step that the sentence names.
    answers = (project / ANSWERS).read_text(encoding="utf-8")
    answers = answers.replace(": core/", ": kernel/")
    (project / ANSWERS).write_text(answers, encoding="utf-8")
    commit(project, "say where the layer is")
    update(project)
    assert "# released" in (project / ROOM.replace("core", "kernel")).read_text(encoding="utf-8")


def test_files_that_git_does_not_track(project: Path) -> None:
    (project / ".gitignore").write_text("docs/\n")
    git(project, "rm", "-r", "--quiet", "--cached", "docs")
    commit(project, "ignore")
    with (project / "docs/database.md").open("a", encoding="utf-8") as page:
        page.write("ours\n")
    said = refused(project)
    assert "git does not track docs/database.md, and an update would overwrite or delete" in said

    command = said.split("Next: ")[1].split(", and commit")[0]
    run(*command.split(), cwd=project)
    git(project, "commit", "--quiet", "-m", "keep")
    update(project)
    text = (project / "docs/database.md").read_text(encoding="utf-8")
    assert "<<<<<<< before updating\nours\n" in text


def test_an_ignored_file_where_the_release_has_a_new_one(project: Path) -> None:
    (project / ".git/info/exclude").write_text("local.py\n__pycache__/\n")
    (project / "backend/app/core/database/local.py").write_text("MINE = True\n")
    assert "git does not track backend/app/core/database/local.py" in refused(project)


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_files_that_git_does_not_look_at(project: Path, flag: str) -> None:
    git(project, "update-index", flag, "compose.database.yaml")
    with (project / "compose.database.yaml").open("a", encoding="utf-8") as compose:
        compose.write("# my port\n")
    said = refused(project)
    assert "git was told not to look at compose.database.yaml, so edits there would be lost" in said
    command = said.split("Next: ")[1].split(", then")[0]
    run(*command.split(), cwd=project)
    assert git(project, "status", "--porcelain") == " M compose.database.yaml\n"


@pytest.mark.parametrize("folder", ["backend/app/core/database", "docs"])
def test_folders_that_are_links(project: Path, folder: str) -> None:
    (project / folder).rename(project / "elsewhere")
    (project / folder).symlink_to(project / "elsewhere")
    commit(project, "link")
    sentence = f"{folder} is a symbolic link: expected the folder in which the layer has files."
    assert sentence in refused(project)


def test_a_file_in_the_place_of_a_folder(project: Path) -> None:
    git(project, "rm", "-r", "--quiet", "docs")
    (project / "docs").write_text("none\n")
    commit(project, "no docs")
    assert "docs is a file: expected the folder in which the layer has files" in refused(project)


def test_a_folder_in_the_place_of_a_file(project: Path) -> None:
    (project / "compose.database.yaml").unlink()
    (project / "compose.database.yaml").mkdir()
    (project / "compose.database.yaml/notes.txt").write_text("none\n")
    commit(project, "a folder")
    assert "compose.database.yaml is a folder: expected a file of the layer" in refused(project)


@pytest.mark.parametrize("content", ["größe\n".encode("latin-1"), "größe\n".encode("utf-16")])
def test_files_that_are_not_utf_8(project: Path, content: bytes) -> None:
    (project / ROOM).write_bytes(content)
    commit(project, "in another encoding")
    assert f"{ROOM} is not UTF-8, so edits there would be lost." in refused(project)


def test_ignore_rules_for_all_repositories(project: Path, tmp_path: Path) -> None:
    (tmp_path / "ignore").write_text("docs/\n")
    (tmp_path / "config").write_text(f"[core]\nexcludesFile = {tmp_path / 'ignore'}\n")
    said = refused(project, variables={"GIT_CONFIG_GLOBAL": str(tmp_path / "config")})
    assert "hide docs/database.md, so edits there would be lost." in said
    pairs = said.split("or update with ")[1].split(" in the environment")[0].split()
    named = dict(pair.split("=", 1) for pair in pairs)
    update(project, variables={"GIT_CONFIG_GLOBAL": str(tmp_path / "config"), **named})


@pytest.mark.parametrize("value", ["fix", "error", "error-all", "strip"])
def test_git_that_changes_blanks(project: Path, value: str) -> None:
    git(project, "config", "apply.whitespace", value)
    said = refused(project)
    run(*said.split("Next: ")[1].split(" Nothing")[0].split(), cwd=project)
    update(project)


def test_git_that_does_not_quote_names(project: Path) -> None:
    git(project, "config", "core.quotePath", "false")
    (project / ".git/info/exclude").write_text("*.csv\n__pycache__/\n")
    (project / "données.csv").write_text("ours\n")
    said = refused(project)
    run(*said.split("Next: ")[1].split(" Nothing")[0].split(), cwd=project)
    update(project)


def test_what_an_earlier_update_could_not_merge(project: Path) -> None:
    (project / ".gitignore").write_text("*.rej\n")
    commit(project, "ignore")
    (project / "backend/app/main.py.rej").write_text("lines of a person\n")
    said = refused(project)
    assert "Left by an update with --conflict rej: backend/app/main.py.rej." in said


def test_a_conflict_elsewhere_in_the_repository(releases: Path, tmp_path: Path) -> None:
    root = tmp_path / "mono"
    project = make_project(releases, "backend_frontend", root / "services/shop")
    # One repository for all of it.
    (project / ".git").rename(root / ".git")
    (root / "notes.txt").write_text("one\n")
    commit(root, "all")
    git(root, "switch", "--quiet", "-c", "other")
    (root / "notes.txt").write_text("two\n")
    commit(root, "two")
    git(root, "switch", "--quiet", "main")
    (root / "notes.txt").write_text("three\n")
    commit(root, "three")
    run("git", "merge", "other", cwd=root, check=False)
    assert "Files in conflict: ../../notes.txt. Resolve them" in refused(project)


def test_git_that_hides_conflicts(project: Path) -> None:
    git(project, "config", "status.showUntrackedFiles", "no")
    said = refused(project)
    run(*said.split("Next: ")[1].split(" Nothing")[0].split(), cwd=project)
    update(project)


def test_an_answers_file_below(releases: Path, tmp_path: Path) -> None:
    root = tmp_path / "mono"
    project = make_project(releases, "backend_frontend", root / "services/shop")
    (project / ".git").rename(root / ".git")
    commit(root, "all")
    before = files(root)
    command = (*UPDATE[:-1], f"services/shop/{ANSWERS}")
    done = run(*command, cwd=root, check=False)
    assert done.returncode == 1
    said = report(done)
    assert files(root) == before
    assert f"expected {ANSWERS}, in the folder where Copier runs." in said
    run(*said.split("Next: ")[1].split(" Nothing")[0].split(), "--defaults", cwd=root)
