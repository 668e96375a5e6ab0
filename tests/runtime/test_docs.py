"""Every command and every block of code in docs/database.md, in the order of the page.

The section "Leave": tests/test_leaving.py.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

import postgres
from layering import answers, commit, git, layer, make_host, run, serving
from rendering import write
from runtime.application import Server

APPLICATION = """\
from fastapi import FastAPI

from app.core.database import setup_database

app = FastAPI()
setup_database(app)
"""
# What a person changes in Python before the recipe of which this is a part.
NEW_VALUES = {
    "ck_shirts_size": ("shirt.py", 'LARGE = "large"', 'HUGE = "huge"'),
    "TYPE state": ("parcel.py", 'SENT = "sent"', 'LOST = "lost"'),
}


@pytest.fixture
def test_url(postgres_url: str) -> Iterator[str]:
    """URL of the database that the page creates for the tests."""
    name = f"test_{uuid4().hex}"
    postgres.create_database(postgres_url, name)
    yield postgres.database_url(postgres_url, name)
    postgres.drop_database(postgres_url, name)


def blocks(page: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def shell(block: str, root: Path, test_url: str) -> list[str]:
    """Run the lines of a block and return what they printed."""
    printed = []
    for line in block.splitlines():
        if line.startswith("docker compose "):
            continue
        # Without questions, and of the Copier that is installed here.
        command = line.replace("uvx copier update", "copier update --defaults")
        command = re.sub(r"(?<=TEST_DATABASE_URL=)\S+", test_url, command)
        done = run("bash", "-c", command, cwd=root, variables={"GITHUB_BASE_REF": "main"})
        printed.append(done.stdout + done.stderr)
    return printed


def check(block: str, root: Path, test_url: str) -> list[str]:
    """Run the steps of a workflow and return what they printed."""
    path, _, workflow = block.removeprefix("# ").partition("\n")
    write(root, {path: workflow})
    steps = yaml.safe_load(workflow)["jobs"]["migrations"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert len(commands) == 2
    return shell("\n".join(commands), root, test_url)


def revise(root: Path, block: str) -> None:
    """Write a revision that ends with the block, and run it."""
    home = root / "backend"
    for part, (module, value, new_value) in NEW_VALUES.items():
        if part in block:
            add_revision(home, "--autogenerate")
            model = home / "app/models" / module
            text = model.read_text("utf-8")
            assert f"{value}\n" in text
            model.write_text(text.replace(f"{value}\n", f"{value}\n    {new_value}\n"), "utf-8")
    options = () if block.startswith("def upgrade") else ("--autogenerate",)
    add_revision(home, *options, ending=block)


def add_revision(home: Path, *options: str, ending: str = "") -> None:
    before = set((home / "alembic/versions").glob("*.py"))
    run("alembic", "revision", *options, "-m", "a recipe", cwd=home)
    for revision in set((home / "alembic/versions").glob("*.py")) - before:
        text = revision.read_text("utf-8")
        if ending.startswith("def upgrade"):
            text = text.partition("def upgrade")[0]
        if "drop_constraint" in ending:
            exception = "squawk-ignore-file ban-drop-constraint"
            assert exception in (home.parent / answers(home.parent)["db_docs"]).read_text("utf-8")
            text = text.replace('"""\n', f'{exception}\n"""\n', 1)
        revision.write_text(text + ending, "utf-8")
    run("alembic", "upgrade", "head", cwd=home)


def limit_role(server: Server, block: str) -> None:
    [database] = server.ask("SELECT current_database()")
    for statement in block.splitlines():
        server.ask(statement.replace("ROLE app", f"ROLE CURRENT_USER IN DATABASE {database}"))
    assert server.ask("SHOW statement_timeout") == ["30s"]


def test_the_page_is_true(template: Path, tmp_path: Path, database_url: str, test_url: str) -> None:
    root = make_host("backend_frontend", tmp_path / "host")
    layer(template, root)
    commit(root, "layer a database onto it")
    page, _, _ = (root / answers(root)["db_docs"]).read_text("utf-8").partition("\n### Leave\n")
    (root / ".env").write_text(f"DATABASE_URL={database_url}\n", "utf-8")
    # The endpoints go to an application without the host's rules for names.
    main = root / "backend/app/page.py"
    main.write_text(APPLICATION, "utf-8")
    seed = root / "backend/app/core/seed.py"
    server = Server(database_url)
    printed: list[str] = []
    bodies = []
    # What a pull request is compared with.
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")

    for language, block in blocks(page):
        if language == "json":
            bodies.append(json.loads(block))
        elif language == "sql":
            limit_role(server, block)
        elif language == "yaml":
            # That of updates: test_update_workflow.py.
            printed += check(block, root, test_url) if "/migrations.yml" in block else []
        elif language == "sh":
            if "copier update" in block:
                commit(root, "use it")
            printed += shell(block, root, test_url)
        elif block.startswith("# "):
            (root / block.splitlines()[0].removeprefix("# ")).write_text(block, "utf-8")
        elif block.startswith(("def upgrade", "    ")):
            revise(root, block)
        elif "def seed()" in block:
            text = seed.read_text("utf-8")
            start, end = text.index("from app"), text.index("\n\nif __name__")
            seed.write_text(text[:start] + block + text[end:], "utf-8")
        else:
            main.write_text(f"{main.read_text('utf-8')}\n\n{block}", "utf-8")

    everything = "\n".join(printed)
    assert "add widgets" in everything
    assert "widgets: 2 created, 0 updated, 0 unchanged" in everything
    assert everything.count("There is one head") == 1
    # On the command line and in the workflow.
    assert len(re.findall(r"Found 0 issues in \d+ files?", everything)) == 2
    assert len(re.findall(r"\d passed", everything)) == 2
    assert "skipped" not in everything
    assert not re.search(r"^☐", everything, re.MULTILINE)
    assert "✔ backend/app/main.py: setup_database(app)" in everything
    assert server.ask("SELECT name FROM widgets ORDER BY 1") == ["first", "second"]

    try_the_application(root, server, bodies)


def try_the_application(root: Path, server: Server, bodies: list[object]) -> None:
    with serving("app.page:app", cwd=root / "backend") as client:
        assert client.get("/health/database").json() == {"status": "ok"}
        created = client.post("/widgets", params={"name": "third"})
        assert (created.status_code, created.json()) == (201, {"name": "third"})
        assert client.get("/widgets").json() == ["first", "second", "third"]
        refused = client.post("/widgets", params={"name": "third"})
        assert (refused.status_code, [refused.json()]) == (409, bodies)
        client.post("/widgets/1/rename", params={"name": "1st"}).raise_for_status()
        assert client.get("/widgets").json() == ["1st", "second", "third"]
    script = "import asyncio; from app.page import later; asyncio.run(later('fourth'))"
    run("python", "-c", script, cwd=root / "backend")
    assert server.ask("SELECT count(*) FROM widgets") == [4]


def test_the_page_lists_the_variables_that_are_read(template: Path, tmp_path: Path) -> None:
    root = make_host("backend_frontend", tmp_path / "host")
    layer(template, root, db_pool_size=7, db_max_overflow=0)
    page = (root / answers(root)["db_docs"]).read_text("utf-8")
    settings = (root / "backend/app/core/database/settings.py").read_text("utf-8")
    fields = re.findall(
        r"^    ((?:\w+_)?database_\w+|alembic_\w+): .* = (?:Field\(default=)?(\w+)",
        settings,
        re.MULTILINE,
    )
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\S*) ?\|", page, re.MULTILINE)
    assert {name for name, _ in rows} == {name.upper() for name, _ in fields}
    numbers = {name.upper(): value for name, value in fields if value not in {"None", "Field"}}
    assert {name: value for name, value in rows if name in numbers} == {
        name: value.lower() for name, value in numbers.items()
    }
