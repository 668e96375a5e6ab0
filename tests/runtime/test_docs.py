"""Every command and every block of code in docs/database.md, in the order of the page.

The programs of the first section: tests/test_five_minutes.py. Roles and backups:
test_production.py. The section "Leave": tests/test_leaving.py.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
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
RECORD = """
import asyncio
from app.core.database import async_session
from app.models.event import Event
from app.page import record


async def check():
    async with async_session() as session, session.begin():
        ids = await record(session, [str(number) for number in range(1500)])
        found = [await session.get(Event, each) for each in (ids[0], ids[1499])]
        assert [event.what for event in found] == ["0", "1499"]


asyncio.run(check())
"""
# Programs that run until they are stopped, their clients, and what test_production.py does.
ELSEWHERE = re.compile(
    "docker compose |.*grep |curl |pg_(dump|restore) |createdb |.* (dev|dev --upgrade)$|.*uvicorn "
)
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
        if ELSEWHERE.match(line):
            continue
        # Without questions, and of the Copier that is installed here.
        command = line.replace("uvx copier update", "copier update --defaults")
        command = re.sub(r"(?<=TEST_DATABASE_URL=)\S+", test_url, command)
        variables = {"GITHUB_BASE_REF": "main", "TEST_DATABASE_URL": test_url}
        done = run("bash", "-c", command, cwd=root, variables=variables)
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


def hooks(block: str, root: Path, test_url: str) -> list[str]:
    """Run the hooks of pre-commit and return what they printed."""
    [local] = yaml.safe_load(block)["repos"]
    entries = [hook["entry"] for hook in local["hooks"]]
    assert len(entries) == 3
    return shell("\n".join(entries), root, test_url)


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
    if 'op.drop_column("books", "title")' in block.partition("def downgrade")[0]:
        model = home / "app/models/author.py"
        model.write_text(model.read_text("utf-8").replace("title:", "name:"), "utf-8")
    options = () if block.startswith("def upgrade") else ("--autogenerate",)
    add_revision(home, *options, ending=block)


def add_revision(home: Path, *options: str, ending: str = "") -> None:
    before = set((home / "alembic/versions").glob("*.py"))
    run("alembic", "revision", *options, "-m", "a recipe", cwd=home)
    for revision in set((home / "alembic/versions").glob("*.py")) - before:
        text = revision.read_text("utf-8")
        if ending.startswith("def upgrade"):
            text = text.partition("def upgrade")[0]
        up = ending.partition("def downgrade")[0]
        for rule, part in (
            ("ban-drop-constraint", "drop_constraint" in ending),
            ("ban-drop-column", "drop_column" in up),
            ("ban-drop-not-null", "alter_column" in up and "nullable=True" in up),
        ):
            exception = f"squawk-ignore-file {rule}"
            if part:
                docs = home.parent / answers(home.parent)["db_docs"]
                assert exception in docs.read_text("utf-8")
                text = text.replace('"""\n', f'{exception}\n"""\n', 1)
        revision.write_text(text + ending, "utf-8")
    run("alembic", "upgrade", "head", cwd=home)


def limit_role(server: Server, block: str) -> None:
    [database] = server.ask("SELECT current_database()")
    for statement in block.splitlines():
        server.ask(statement.replace("ROLE app", f"ROLE CURRENT_USER IN DATABASE {database}"))
    assert server.ask("SHOW statement_timeout") == ["30s"]


class Reader:
    """A person who does what each block says."""

    def __init__(self, root: Path, server: Server, test_url: str) -> None:
        self.root, self.server, self.test_url = root, server, test_url
        self.printed: list[str] = []
        self.bodies: list[object] = []
        # The endpoints go to an application without the host's rules for names.
        self.page = root / "backend/app/page.py"
        self.page.write_text(APPLICATION, "utf-8")

    def read_json(self, block: str) -> None:
        if block.startswith("// .vscode/"):
            assert json.loads(block.partition("\n")[2])["version"]
        else:
            self.bodies.append(json.loads(block))

    def read_sql(self, block: str) -> None:
        if block.startswith("ALTER ROLE app "):
            limit_role(self.server, block)

    def read_yaml(self, block: str) -> None:
        # That of updates: test_update_workflow.py.
        if "/migrations.yml" in block:
            self.printed += check(block, self.root, self.test_url)
        elif "pre-commit" in block:
            self.printed += hooks(block, self.root, self.test_url)

    def read_sh(self, block: str) -> None:
        if "copier update" in block:
            commit(self.root, "use it")
        self.printed += shell(block, self.root, self.test_url)

    def read_text(self, block: str) -> None:
        assert block.startswith("sqlalchemy.exc.")

    def read_py(self, block: str) -> None:
        """Read a line for a file that may hold others."""
        assert len(block.splitlines()) == 1

    def read_python(self, block: str) -> None:
        if block.startswith("# "):
            write(self.root, {block.splitlines()[0].removeprefix("# "): block})
            if "/author.py" in block or "/event.py" in block:
                add_revision(self.root / "backend", "--autogenerate")
        elif block.startswith(("def upgrade", "    ")):
            revise(self.root, block)
        elif "def seed()" in block:
            seed = self.root / "backend/app/core/seed.py"
            text = seed.read_text("utf-8")
            start, end = text.index("from app"), text.index("\n\nif __name__")
            seed.write_text(text[:start] + block + text[end:], "utf-8")
        else:
            self.append(block)

    def append(self, block: str) -> None:
        """Add it to the application, and to the host's own what it shows for that."""
        own = [self.root / "backend/app/main.py"] if "include_router(" in block else []
        for module in (self.page, *own):
            module.write_text(f"{module.read_text('utf-8')}\n\n{block}", "utf-8")


@pytest.mark.usefixtures("_uuids_of_the_server")
def test_the_page_is_true(template: Path, tmp_path: Path, database_url: str, test_url: str) -> None:
    root = make_host("backend_frontend", tmp_path / "host")
    layer(template, root)
    commit(root, "layer a database onto it")
    page, _, _ = (root / answers(root)["db_docs"]).read_text("utf-8").partition("\n### Leave\n")
    (root / ".env").write_text(f"DATABASE_URL={database_url}\n", "utf-8")
    server = Server(database_url)
    # What a pull request is compared with.
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")
    reader = Reader(root, server, test_url)
    for language, block in blocks(page):
        getattr(reader, f"read_{language}")(block)

    everything = "\n".join(reader.printed)
    assert "add widgets" in everything
    assert "widgets: 2 created, 0 updated, 0 unchanged" in everything
    assert everything.count("There is one head") == 1
    # On the command line, in the workflow, as a hook.
    assert len(re.findall(r"Found 0 issues in \d+ files?", everything)) == 3
    # The first test, all tests on the command line and in the workflow.
    assert len(re.findall(r"\d passed", everything)) == 3
    assert "skipped" not in everything
    assert not re.search(r"^☐", everything, re.MULTILINE)
    assert "✔ backend/app/main.py: setup_database(app)" in everything
    assert server.ask("SELECT name FROM widgets ORDER BY 1") == ["first", "second"]

    try_the_application(root, server, reader.bodies)


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
        try_relationships_and_pages(server, client)
    script = "import asyncio; from app.page import later; asyncio.run(later('fourth'))"
    run("python", "-c", script, cwd=root / "backend")
    assert server.ask("SELECT count(*) FROM widgets") == [4]
    run("python", "-c", RECORD, cwd=root / "backend")


def try_relationships_and_pages(server: Server, client: httpx.Client) -> None:
    server.ask("INSERT INTO authors (name) VALUES ('Ada'), ('Bob')")
    server.ask(
        "INSERT INTO books (name, author_id) SELECT n, id FROM authors, unnest('{a,b}'::text[]) n"
    )
    assert client.get("/authors").json() == {"Ada": 2, "Bob": 2}
    assert sorted(client.get("/writers").json()) == ["Ada", "Ada", "Bob", "Bob"]
    # uvicorn hangs up after it.
    assert client.get("/trap", headers={"Connection": "close"}).status_code == 500
    # Several at one time: the key, not the time alone, says where the next page begins.
    server.ask("INSERT INTO events (what, created_at) SELECT n, now() FROM generate_series(1, 7) n")
    here: dict[str, str] = {}
    seen = []
    for _ in range(4):
        page = client.get("/events", params={"limit": "2", **here}).json()
        seen += [what for _, _, what in page]
        here = {"after": page[-1][0], "after_id": page[-1][1]}
    assert seen == list("1234567")
    [database] = server.ask("SELECT current_database()")
    server.ask(f"ALTER DATABASE {database} SET enable_seqscan = off")  # of few rows, it likes that
    plan = server.ask(
        "EXPLAIN SELECT * FROM events"
        " WHERE (created_at, id) > (now(), 1) ORDER BY created_at, id LIMIT 2"
    )
    assert "ix_events" in "".join(plan)


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
