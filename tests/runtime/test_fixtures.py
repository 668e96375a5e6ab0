"""The fixtures that the layer brings for the tests of its user, as that user runs them."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from uuid import uuid4

import pytest

import layering
import postgres
from rendering import Tree, write
from runtime.application import ENDPOINTS, TICKETS, Server
from runtime.fixture_suites import BEHAVIOUR, CONFTEST, FACTORY, LEAKS, MAIN, MANY, TWO_AT_ONCE
from runtime.test_dev import debian
from runtime.test_enums import autogenerate

Pytest = Callable[..., CompletedProcess[str]]

NOWHERE = "postgresql://me:pa55word@127.0.0.1:1/nowhere"
ASYNCIO = (
    *("-p", "pytest_asyncio.plugin", "--asyncio-mode=auto"),
    *("-o", "asyncio_default_fixture_loop_scope=function"),
)
SAVEPOINTS = "layered/core/database/testing/savepoints.py"


@pytest.fixture(scope="module")
def suite(rendered: Tree, postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a project with a model, its revision and endpoints that use it."""
    root = shutil.copytree(rendered.root, tmp_path_factory.mktemp("suite") / "repository")
    home = root / "backend"
    write(
        home,
        {
            "layered/main.py": MAIN,
            "layered/api.py": ENDPOINTS,
            "layered/models/tickets.py": TICKETS,
            "tests/conftest.py": CONFTEST,
        },
    )
    name = f"test_{uuid4().hex}"
    postgres.create_database(postgres_url, name)
    autogenerate(home, postgres.database_url(postgres_url, name))
    postgres.drop_database(postgres_url, name)
    return home


@pytest.fixture
def home(suite: Path, tmp_path: Path) -> Path:
    return shutil.copytree(suite, tmp_path / "backend")


def command(*arguments: str) -> list[str]:
    # Not those that happen to be installed here, and that these ones would load by themselves.
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "anyio", *arguments]


def variables(url: str | None) -> dict[str, str]:
    """Return an environment in which the database of the application cannot be used."""
    named = dict.fromkeys(("DATABASE_URL", "ALEMBIC_DATABASE_URL", "DATABASE_READ_URL"), NOWHERE)
    named |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    return named | ({"TEST_DATABASE_URL": url} if url else {"DATABASE_PROGRAMS": "nowhere"})


@pytest.fixture
def run_tests(home: Path, postgres_url: str) -> Pytest:
    """Return a function that runs one suite; httpx is deprecated by Starlette, all else raises."""

    def run_suite(
        source: str, *arguments: str, url: str | None = postgres_url
    ) -> CompletedProcess[str]:
        write(home, {"tests/test_suite.py": source})
        strict = ("-q", "-W", "error", "-W", "ignore:Using `httpx`", "tests/test_suite.py")
        return layering.run(
            *command(*strict, *arguments), cwd=home, variables=variables(url), check=False
        )

    return run_suite


@pytest.fixture
def databases(home: Path, postgres_url: str) -> Callable[[], list[str]]:
    """Return a function that names those of the runs in this folder."""
    room, prefix = home / "layered/core/database/testing/databases.py", f"test_{uuid4().hex[:8]}"
    room.write_text(room.read_text("utf-8").replace('"test_layered"', f'"{prefix}"'), "utf-8")
    query = f"SELECT datname FROM pg_database WHERE datname LIKE '{prefix}%'"  # noqa: S608
    return lambda: Server(postgres_url).ask(query)


def outcome(done: CompletedProcess[str]) -> str:
    return re.sub(r" in .*", "", done.stdout.strip().splitlines()[-1])


def test_a_thousand_tests_in_four_processes(run_tests: Pytest) -> None:
    suite = MANY.format(coroutines=450, functions=450, requests=100)
    done = run_tests(suite, "-p", "xdist", "-n", "4")
    assert outcome(done) == "1000 passed", done.stdout


@pytest.mark.parametrize(
    ("there", "mutant"),
    [
        ('"ROLLBACK; SELECT', '"COMMIT; SELECT'),
        ("self._open.pop().over = True\n            self", "self._open.pop()\n            self"),
    ],
)
def test_state_that_leaks_is_found(there: str, mutant: str, home: Path, run_tests: Pytest) -> None:
    room = home / SAVEPOINTS
    assert there in room.read_text("utf-8")
    room.write_text(room.read_text("utf-8").replace(there, mutant), "utf-8")
    done = run_tests(MANY.format(coroutines=20, functions=20, requests=2) + LEAKS)
    assert re.search(r"\d+ failed", outcome(done)), done.stdout


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("plugin", ["anyio", "asyncio"])
def test_as_in_production(plugin: str, own: bool, run_tests: Pytest) -> None:  # noqa: FBT001
    marks = f"pytest.mark.{plugin}"
    if own:
        marks += ', pytest.mark.usefixtures("own_database")'
    suite = BEHAVIOUR.format(marks=marks)
    if plugin == "asyncio":  # which wants no mark on a plain function
        suite = suite.replace("pytest.mark.asyncio", "", 1).replace("[, ", "[")
    done = run_tests(suite, *(ASYNCIO if plugin == "asyncio" else ()))
    assert re.fullmatch(r"\d+ passed", outcome(done)), done.stdout


def test_two_transactions_at_once(run_tests: Pytest) -> None:
    done = run_tests(TWO_AT_ONCE)
    assert outcome(done) == "13 passed", done.stdout


def test_nothing_is_left(run_tests: Pytest, databases: Callable[[], list[str]]) -> None:
    done = run_tests(LEAKS + TWO_AT_ONCE, "-p", "xdist", "-n", "2")
    assert "2 failed" in outcome(done), done.stdout
    assert "ResourceWarning" not in done.stdout + done.stderr
    assert databases() == []


def test_killed_half_way_and_run_again(
    home: Path, run_tests: Pytest, postgres_url: str, databases: Callable[[], list[str]]
) -> None:
    suite = MANY.format(coroutines=200, functions=200, requests=200)
    write(home, {"tests/test_suite.py": suite})
    with subprocess.Popen(
        command("-q", "-p", "xdist", "-n", "2", "tests/test_suite.py"),
        cwd=home,
        env=layering.environment(variables(postgres_url)),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as killed:
        assert killed.stdout
        printed = ""
        while not printed.endswith("...."):  # "bringing up nodes..." comes first
            printed += killed.stdout.read(1)
            assert killed.poll() is None, printed
        os.killpg(killed.pid, signal.SIGKILL)
    assert len(databases()) == 3
    done = run_tests(suite, "-p", "xdist", "-n", "2")
    assert outcome(done) == "600 passed", done.stdout
    assert databases() == []


def test_what_a_factory_makes(run_tests: Pytest) -> None:
    done = run_tests(FACTORY, "-p", "polyfactory.pytest_plugin")
    assert outcome(done) == "1 passed", done.stdout


@pytest.fixture
def reachable(suite: Path, open_folder: Path) -> Path:
    """Return a copy that the account reaches which runs PostgreSQL for root."""
    return shutil.copytree(suite, open_folder / "backend")


def run_there(home: Path, *arguments: str, **more: str) -> CompletedProcess[str]:
    strict = ("-q", "-W", "error", "-W", "ignore:Using `httpx`", "-p", "xdist", *arguments)
    given = variables(None) | {"DATABASE_PROGRAMS": ""} | more
    return layering.run(*command(*strict), cwd=home, variables=given, check=False)


def is_running(home: Path) -> bool:
    return (home / ".database/tests/data/postmaster.pid").exists()


@pytest.mark.parametrize("programs", ["", "of Debian"])
def test_a_server_of_their_own(programs: str, reachable: Path) -> None:
    """With that of TEST_DATABASE_URL, as in the other tests, these are all three."""
    folder = str(debian()) if programs else ""
    write(reachable, {"tests/test_suite.py": BEHAVIOUR.format(marks="pytest.mark.anyio")})
    for processes in ("0", "2"):  # the second run finds the data of the first
        done = run_there(reachable, "tests", "-n", processes, DATABASE_PROGRAMS=folder)
        assert re.fullmatch(r"\d+ passed", outcome(done)), done.stdout
        assert not is_running(reachable)
    version = (reachable / ".database/tests/data/PG_VERSION").read_text("utf-8").strip()
    assert version == (re.findall(r"\d+", folder) or ["18"])[0]
    assert layering.run("git", "init", "-q", cwd=reachable).returncode == 0
    assert ".database" not in layering.run("git", "status", "-s", cwd=reachable).stdout


def test_a_server_that_a_killed_run_has_left(reachable: Path) -> None:
    kill = (
        "import os, signal\n\n\ndef test_kill(client):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    write(reachable, {"tests/test_suite.py": kill})
    assert run_there(reachable, "tests/test_suite.py").returncode == -signal.SIGKILL
    assert is_running(reachable)
    suite = MANY.format(coroutines=5, functions=5, requests=5)
    write(reachable, {"tests/test_suite.py": suite})
    done = run_there(reachable, "tests/test_suite.py")
    assert outcome(done) == "15 passed", done.stdout
    assert not is_running(reachable)


def test_data_that_cannot_be_used_are_made_anew(reachable: Path) -> None:
    suite = MANY.format(coroutines=1, functions=1, requests=1)
    write(reachable, {"tests/test_suite.py": suite})
    for broken in ("global/pg_control", "PG_VERSION"):
        done = run_there(reachable, "tests/test_suite.py")
        assert outcome(done) == "3 passed", done.stdout
        (reachable / ".database/tests/data" / broken).write_bytes(b"")
    assert outcome(run_there(reachable, "tests/test_suite.py")) == "3 passed"


def test_no_server(run_tests: Pytest, home: Path) -> None:
    """A test that asks for a database fails, one of the layer is skipped; none takes another."""
    suite = MANY.format(coroutines=1, functions=1, requests=1)
    done = run_tests(suite, "tests/database", url=None)
    assert re.fullmatch(r"\d+ passed, \d+ skipped, 3 errors", outcome(done)), done.stdout
    sentence = "TEST_DATABASE_URL is not set, and no server was started: "
    assert sentence in done.stdout
    assert "pa55word" not in done.stdout
    assert not (home / ".database/tests/data").exists()
