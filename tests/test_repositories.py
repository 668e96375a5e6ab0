"""Repositories that make a copy more than a copy: git ignores, a clash, several applications."""

import os
import pty
import sys
from pathlib import Path

import pytest
import yaml

from layering import (
    ANSWERS,
    commit,
    environment,
    files,
    git,
    layer,
    make_repository,
    run,
)
from rendering import write

APP = "from fastapi import FastAPI\n\napp = FastAPI()\n"
ONE = {"shop/__init__.py": "", "shop/main.py": APP, "requirements.txt": "fastapi\n"}


def repository(root: Path, contents: dict[str, str]) -> Path:
    return make_repository(write(root, contents))


def test_second_copy_of_an_edited_layer_asks_nothing(template: Path, tmp_path: Path) -> None:
    root = repository(tmp_path / "host", ONE)
    layer(template, root)
    commit(root, "layer a database onto it")
    health = root / "shop/core/database/health.py"
    health.write_text(health.read_text() + "\n# ours\n")
    (root / "shop/main.py").write_text(APP)
    before = files(root)
    printed = layer(template, root).stderr
    assert "✔ shop/main.py: setup_database(app) added" in printed
    assert "  1. pip install -r requirements.txt\n" in printed
    after = files(root)
    assert {path for path in after if before.get(path) != after[path]} == {"shop/main.py"}


def test_second_application_is_told_how_to_get_its_own_layer(
    template: Path, tmp_path: Path
) -> None:
    one = {"app/__init__.py": "", "app/main.py": APP, "requirements.txt": ""}
    services = {
        f"services/{name}/{path}": text for name in ("mail", "order") for path, text in one.items()
    }
    root = repository(tmp_path / "host", services)
    printed = layer(template, root).stderr
    assert "The layer went to services/mail/app. Not chosen: services/order/app\n" in printed
    assert not (root / "services/order/app/core").exists()
    commit(root, "layer a database onto it")
    before = files(root)

    refused = layer(template, root, check=False, db_app_dir="services/order/app")
    assert refused.returncode == 1
    words = " ".join(refused.stderr.split())
    assert "The layer is here already, with db_app_dir = services/mail/app. A second " in words
    assert "destination: copier copy --trust TEMPLATE FOLDER Nothing was written." in words
    assert files(root) == before

    layer(template, root / "services/order")
    assert (root / "services/order" / ANSWERS).exists()
    after = files(root)
    assert {path: after[path] for path in before if "order" not in path} == {
        path: content for path, content in before.items() if "order" not in path
    }


@pytest.mark.parametrize(
    ("service", "apart"),
    [
        ("db:\n    image: redis", True),
        ('web:\n    image: nginx\n    ports: ["5432:80"]', True),
        ("web:\n    image: nginx", False),
    ],
    ids=["name", "port", "none"],
)
def test_a_clash_in_compose_makes_two_projects(
    template: Path, tmp_path: Path, service: str, *, apart: bool
) -> None:
    mine = f"services:\n  {service}\n"
    root = repository(tmp_path / "host", {**ONE, "compose.yaml": mine})
    printed = layer(template, root).stderr
    ours = yaml.safe_load((root / "compose.database.yaml").read_text())
    # By the name of its project the command below starts ours and leaves the person's alone.
    assert ours.get("name") == ("host-database" if apart else None)
    start = "compose.database.yaml" if apart else "compose.yaml"
    assert f"  2. docker compose -f {start} up -d db\n" in printed
    assert ((root / "compose.yaml").read_text() == mine) == apart
    assert ("☐ compose.yaml: " in printed) == apart
    assert ("\nNext, after what is marked ☐, in " in printed) == apart


def test_what_git_ignores_is_named(template: Path, tmp_path: Path) -> None:
    root = repository(tmp_path / "host", {**ONE, ".gitignore": "models/\n*.ini\n"})
    printed = layer(template, root).stderr
    todo = "☐ .gitignore: hides what was added. At its end add:\n    !/shop/models\n"
    assert f"{todo}    !/alembic.ini\n" in printed
    lines = [line.strip() for line in printed.splitlines() if line.startswith("    !/")]
    with (root / ".gitignore").open("a") as ignored:
        ignored.write("\n".join([*lines, ""]))
    git(root, "add", "--all")
    assert {"alembic.ini", "shop/models/base.py"} <= set(git(root, "ls-files").split())


def test_our_tests_find_an_application_that_nothing_puts_on_the_path(
    template: Path, tmp_path: Path
) -> None:
    flat = {
        "app/main.py": f"{APP}from routers import router\n\napp.include_router(router)\n",
        "app/routers.py": "from fastapi import APIRouter\n\nrouter = APIRouter()\n",
        "requirements.txt": "fastapi\nhttpx\n",
    }
    root = repository(tmp_path / "host", flat)
    layer(template, root)
    command = (sys.executable, "-m", "pytest", "-q", "tests/database")
    tests = run(*command, cwd=root, variables={"DATABASE_PROGRAMS": "nowhere"}).stdout
    assert "6 passed, 7 skipped" in tests


def test_options_of_copier_reach_the_second_pass(template: Path, tmp_path: Path) -> None:
    root = repository(tmp_path / "host", {**ONE, "alembic/README": "notes\n"})
    layer(template, root, "--exclude", "docs/*", "--exclude", "compose.database.yaml")
    assert not (root / "docs/database.md").exists()
    assert not (root / "compose.database.yaml").exists()
    assert (root / ANSWERS).exists()


def test_another_answers_file_is_refused(template: Path, tmp_path: Path) -> None:
    root = repository(tmp_path / "host", ONE)
    before = files(root)
    refused = layer(template, root, "--answers-file", ".mine.yml", check=False)
    assert refused.returncode == 1
    assert f"The answers go to {ANSWERS}, where an update finds them" in refused.stderr
    assert files(root) == before


def test_ctrl_c_at_a_question_says_little(template: Path, tmp_path: Path) -> None:
    root = repository(tmp_path / "host", ONE)
    before = files(root)
    command = ["copier", "copy", "--trust", str(template), str(root)]
    pid, terminal = pty.fork()
    if not pid:
        os.execvpe(command[0], command, environment({"TERM": "dumb"}))  # noqa: S606
    printed = ""
    is_asked = False
    while True:
        try:
            printed += os.read(terminal, 4096).decode(errors="replace")
        except OSError:
            break  # the other end has closed
        if "Which folder" in printed and not is_asked:
            is_asked = True
            os.write(terminal, b"\x03")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    assert "Stopped." in printed
    assert "AnswersMap" not in printed
    assert "Traceback" not in printed
    assert files(root) == before


@pytest.mark.parametrize("folder", ['50% "off"', "app[1]"])
def test_a_path_that_needs_quoting_is_refused(template: Path, tmp_path: Path, folder: str) -> None:
    service = {f"{folder}/{path}": text for path, text in ONE.items()}
    root = repository(tmp_path / "host", service)
    before = files(root)
    refused = layer(template, root, check=False)
    assert refused.returncode == 1
    words = " ".join(refused.stderr.split())
    assert 'expected a path without " % \\ [ ] * ? and line breaks.' in words
    assert files(root) == before
