"""`python -m ...seed`, as a person or a pipeline runs it."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

import layering
from rendering import Tree, write
from runtime.application import Server

MODEL = """\
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base, TimestampMixin


class Widget(TimestampMixin, Base):
    __tablename__ = "widgets"

    name: Mapped[str] = mapped_column(unique=True)
"""
IMPORTS = """\
import time
from pathlib import Path

from layered.core.database.seeding import Rows, run
from layered.models.widgets import Widget
"""
# A generator that goes on and on once its first batch is written.
ENDLESS = """
def rows():
    for n in range(11_000):
        yield {"name": f"{n}"}
    Path("written").touch()
    while True:
        time.sleep(0.2)
        for n in range(10_000):
            yield {"name": f"{time.monotonic_ns()} {n}"}
"""
SLOW = """
def rows():
    for n in range(30_000):
        if n % 10_000 == 0:
            time.sleep(PAUSE)
        yield {"name": f"{n}"}
"""
CREATE = "import asyncio; from layered.core.database import init_db; asyncio.run(init_db())"
COUNT = "SELECT count(*) FROM widgets"
NAMES = ("DATABASE_ENVIRONMENT", "ENVIRONMENT", "APP_ENV", "ENV")
CANARY = "canary"
QUIET = {"DATABASE_SLOW_STATEMENT": "0"}  # on a busy machine


@pytest.fixture
def home(rendered: Tree, tmp_path: Path) -> Path:
    """Return the folder of a project with a model and two rows to seed."""
    root = shutil.copytree(rendered.root, tmp_path / "repository")
    home = write(root / "backend", {"layered/models/widgets.py": MODEL})
    list_rows(home, '[{"name": "a"}, {"name": "b"}]')
    return home


def list_rows(home: Path, rows: str, head: str = "") -> None:
    scaffold = home / "layered/core/seed.py"
    text = scaffold.read_text("utf-8")
    start, end = text.index("from layered"), text.index("\n\ndef seed()")
    listed = f'    return [Rows(Widget, key="name", rows={rows})]\n'
    body = text[end : text.index("    return ")] + listed + text[text.index("\n\nif __name__") :]
    scaffold.write_text(text[:start] + IMPORTS + head + body, "utf-8")


@pytest.fixture
def server(home: Path, database_url: str) -> Server:
    layering.run(sys.executable, "-c", CREATE, cwd=home, variables={"DATABASE_URL": database_url})
    return Server(database_url)


def seed(home: Path, url: str, *options: str, **variables: str) -> tuple[int, str, str]:
    done = layering.run(
        *(sys.executable, "-m", "layered.core.seed", *options),
        cwd=home,
        check=False,
        variables=dict.fromkeys(NAMES, "") | QUIET | {"DATABASE_URL": url} | variables,
    )
    return done.returncode, done.stdout, done.stderr


@contextmanager
def running(home: Path, url: str, stderr: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "layered.core.seed"],
        cwd=home,
        env=layering.environment(QUIET | {"DATABASE_URL": url, "TERM": "xterm"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Callable[[], object]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("It did not come")


def test_a_seed_that_lists_nothing_yet(rendered: Tree, server: Server) -> None:
    scaffold = rendered.application / "core/seed.py"
    assert len([line for line in scaffold.read_text("utf-8").splitlines() if line]) <= 12
    done = seed(rendered.root / "backend", server.url)
    assert done == (0, "There are no rows to write yet\n", "")


def test_a_report_and_nothing_else(home: Path, server: Server) -> None:
    for counts in ("2 created, 0 updated, 0 unchanged", "0 created, 0 updated, 2 unchanged"):
        assert seed(home, server.url) == (0, f"widgets: {counts}\n", "")
    list_rows(home, '({"name": f"{n}"} for n in range(12_345))')
    counts = "12,345 created, 0 updated, 0 unchanged"
    assert seed(home, server.url) == (0, f"widgets: {counts}\n", "")


def test_without_a_database_it_is_a_sentence(home: Path, database_url: str) -> None:
    unset = "DATABASE_URL is not set in the environment or in .env"
    assert seed(home, "") == (
        *(1, ""),
        f"{unset}: expected postgresql://user:password@host:5432/name\n",
    )
    code, _, told = seed(home, f"postgresql://me:{CANARY}@127.0.0.1:1/nowhere")
    assert (code, told.count("\n"), "Connect call failed" in told) == (1, 1, True)
    assert CANARY not in told
    wrong = make_url(database_url).set(password=CANARY)
    code, _, told = seed(home, wrong.render_as_string(hide_password=False))
    assert (code, told.count("\n"), "password authentication failed" in told) == (1, 1, True)
    assert CANARY not in told


def test_pending_migrations_come_first(home: Path, database_url: str) -> None:
    def alembic(*command: str) -> None:
        layering.run("alembic", *command, cwd=home, variables={"DATABASE_URL": database_url})

    code, out, told = seed(home, database_url)
    assert (code, out) == (1, "")
    assert told == 'Nothing was written: relation "widgets" does not exist\n'

    alembic("revision", "--autogenerate", "-m", "widgets", "--rev-id", "first")
    behind = "The database is at revision {}, the newest is {}: run `alembic upgrade head` first\n"
    assert seed(home, database_url) == (1, "", behind.format("none", "first"))
    alembic("upgrade", "head")
    assert seed(home, database_url)[0] == 0

    alembic("revision", "-m", "empty", "--rev-id", "second")
    assert seed(home, database_url) == (1, "", behind.format("first", "second"))
    alembic("upgrade", "head")
    # An older release beside a database that is ahead, and an image without migrations.
    next((home / "alembic/versions").glob("*second*")).unlink()
    assert seed(home, database_url)[0] == 0
    shutil.rmtree(home / "alembic")
    assert seed(home, database_url)[0] == 0
    assert Server(database_url).ask(COUNT) == [2]


def test_production_has_to_be_named(home: Path, server: Server) -> None:
    refused = "The environment is Production: to go on all the same, add --production\n"
    assert seed(home, server.url, APP_ENV="Production") == (1, "", refused)
    write(home, {".env": "ENVIRONMENT=Production\n"})
    assert seed(home, server.url) == (1, "", refused)
    assert server.ask(COUNT) == [0]
    assert seed(home, server.url, "--production")[0] == 0
    assert server.ask(COUNT) == [2]


@pytest.mark.parametrize(
    ("variables", "url", "reason"),
    [
        ({"DATABASE_ENVIRONMENT": "live"}, "localhost", "The environment is live"),
        ({"ENVIRONMENT": "eu-PROD-1"}, "localhost", "The environment is eu-PROD-1"),
        ({"APP_ENV": "staging", "ENV": "prod"}, "db.example.com", None),
        ({"DATABASE_ENVIRONMENT": "test", "ENVIRONMENT": "prod"}, "db.example.com", None),
        ({"ENV": "reproduction"}, "db.example.com", None),
        ({"ENV": "/root/.shrc"}, "db.example.com", "DATABASE_URL leads to db.example.com"),
        ({"ENV": "/root/.shrc"}, "localhost", None),
        ({}, "LOCALHOST", None),
        ({}, "127.8.9.1", None),
        ({}, "[::1]", None),
        ({}, "/db?host=/run/postgresql", None),
        ({}, "", None),
        ({"PGHOST": "db.example.com"}, "", "DATABASE_URL leads to db.example.com"),
        ({"PGHOST": "db.example.com"}, "localhost", None),
        ({}, "localhost,10.0.0.1", "DATABASE_URL leads to 10.0.0.1"),
        ({}, "db", "DATABASE_URL leads to db"),
    ],
)
def test_what_may_be_production(
    layer: Any,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    url: str,
    reason: str | None,
) -> None:
    for name in (*NAMES, "PGHOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me@{url}")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = import_module(f"{layer.__name__}.settings").read_settings()
    found = import_module(f"{layer.__name__}.production").may_be_production(settings)
    assert found and found.startswith(reason) if reason else found is None


def test_killed_half_way_it_leaves_nothing(home: Path, server: Server) -> None:
    list_rows(home, "rows()", ENDLESS)
    with running(home, server.url) as process:
        wait_for((home / "written").exists)
        process.kill()
        process.wait()
        assert (process.stdout.read() if process.stdout else None) == ""
    wait_for(lambda: server.connections() == 0)
    assert server.ask(COUNT) == [0]
    list_rows(home, '[{"name": "a"}]')
    assert seed(home, server.url)[0] == 0
    assert server.ask(COUNT) == [1]


def test_interrupted_or_cut_off_it_says_so(home: Path, server: Server) -> None:
    list_rows(home, "rows()", ENDLESS)

    def interrupt(process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGINT)

    def cut_off(_: subprocess.Popen[str]) -> None:
        server.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    for end, told in ((interrupt, "interrupted"), (cut_off, "")):
        (home / "written").unlink(missing_ok=True)
        with running(home, server.url) as process:
            wait_for((home / "written").exists)
            end(process)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err.count("\n")) == (1, "", 1)
        assert err.startswith(f"Nothing was written: {told}")
        assert server.ask(COUNT) == [0]


def test_a_commit_that_may_have_been_is_not_called_nothing(
    layer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = import_module(f"{layer.__name__}.seeding.command")

    class UnknownError(Exception):
        sqlstate = "08007"

    async def lose(*_: object, **__: object) -> None:
        raise DBAPIError(None, None, UnknownError("the connection was lost during COMMIT"))

    monkeypatch.setattr(command, "_run", lose)
    monkeypatch.setattr(sys, "argv", ["seed"])
    with pytest.raises(SystemExit) as caught:
        command.run(list)
    assert caught.value.code == "Run it again: the connection was lost during COMMIT"


def test_processes_at_once_give_the_rows_of_one(home: Path, server: Server) -> None:
    list_rows(home, '({"name": f"{n}"} for n in range(12_000))')
    with (
        running(home, server.url) as one,
        running(home, server.url) as other,
        running(home, server.url) as third,
    ):
        said = [process.communicate(timeout=60) for process in (one, other, third)]
    assert sorted(said) == [
        *[("widgets: 0 created, 0 updated, 12,000 unchanged\n", "")] * 2,
        ("widgets: 12,000 created, 0 updated, 0 unchanged\n", ""),
    ]
    assert server.ask(COUNT) == [12_000]


def on_a_terminal(home: Path, url: str) -> tuple[str, str]:
    """Return what the command printed to a pipe, and to a terminal as standard error."""
    ours, theirs = pty.openpty()
    shown = b""
    with running(home, url, stderr=theirs) as process:
        os.close(theirs)
        try:
            while part := os.read(ours, 10_000):
                shown += part
        except OSError:  # how a terminal of Linux ends
            pass
        assert process.stdout
        printed = process.stdout.read()
    os.close(ours)
    return printed, shown.decode()


def test_a_bar_only_on_a_terminal_and_in_a_long_run(home: Path, server: Server) -> None:
    created, unchanged = "30,000 created, 0 updated, 0", "0 created, 0 updated, 30,000"
    list_rows(home, "rows()", SLOW.replace("PAUSE", "0.7"))
    printed, shown = on_a_terminal(home, server.url)
    assert printed == f"widgets: {created} unchanged\n"
    assert "widgets" in shown
    assert "20000/?" in shown

    assert seed(home, server.url) == (0, f"widgets: {unchanged} unchanged\n", "")

    list_rows(home, "[*rows()]", SLOW.replace("PAUSE", "0"))
    printed, shown = on_a_terminal(home, server.url)
    assert (printed, shown) == (f"widgets: {unchanged} unchanged\n", "")


@pytest.mark.parametrize("terminal", [True, False])
def test_lines_without_a_terminal_or_without_rich(
    layer: Any,
    *,
    terminal: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = import_module(f"{layer.__name__}.seeding.progress")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    if terminal:
        monkeypatch.setitem(sys.modules, "rich.progress", None)
    clock = 0.0
    monkeypatch.setattr(module, "monotonic", lambda: clock)
    progress = module.Progress()
    for clock in (1.0, 5.0, 6.0, 9.9, 10.0):
        progress.show("widgets", 1000 * int(clock), None)
    progress.stop()
    assert capsys.readouterr().err == "widgets: 5,000 rows\nwidgets: 10,000 rows\n"


def test_memory_does_not_grow_with_the_rows(home: Path, server: Server) -> None:
    head = "import resource\n{}".format(SLOW.replace("PAUSE", "0"))
    peaks = []
    for rows in (20_000, 200_000):
        list_rows(home, "rows()", head.replace("30_000", str(rows)))
        scaffold = home / "layered/core/seed.py"
        text = scaffold.read_text("utf-8")
        peak = "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        scaffold.write_text(text + peak, "utf-8")
        code, out, _ = seed(home, server.url)
        assert code == 0
        peaks.append(int(out.splitlines()[-1]))
    assert peaks[1] < 1.1 * peaks[0]
    assert server.ask(COUNT) == [200_000]
