"""`python -m ...database dev`, as a person or a script runs it: real signals, real servers."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

import layering
import postgres
from rendering import Tree
from runtime.application import TICKETS, Server
from runtime.test_seed_command import wait_for

COMMAND = (sys.executable, "-m", "layered.core.database", "dev")
PASSWORD = "se%40cret"  # noqa: S105
DATA = ".database/dev/data"


@pytest.fixture
def home(rendered: Tree, open_folder: Path) -> Iterator[Path]:
    """Return the folder of a project that the account `nobody` can reach."""
    root = shutil.copytree(rendered.root, open_folder / "repository")
    (root / "backend/layered/models/tickets.py").write_text(TICKETS, "utf-8")
    yield root / "backend"
    with suppress(OSError, ValueError):
        os.kill(postmaster(root / "backend"), signal.SIGQUIT)
        wait_for(lambda: gone(root / "backend"))


@pytest.fixture
def url() -> str:
    return url_at(layering.free_port())


def url_at(port: int, password: str = PASSWORD) -> str:
    return f"postgresql://me:{password}@localhost:{port}/first"


def postmaster(home: Path) -> int:
    return int((home / DATA / "postmaster.pid").read_text("utf-8").split("\n")[0])


def debian() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        reason = "no PostgreSQL of Debian's: apt-get install postgresql"
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    return found[0]


@contextmanager
def started(
    home: Path, url: str, *arguments: str, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=home,
        env=layering.environment({"DATABASE_URL": url, **variables}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    """Return what it prints when it is ready."""
    assert process.stdout
    assert process.stderr
    if line := process.stdout.readline():
        return line
    raise AssertionError(process.stderr.read())


def stop(process: subprocess.Popen[str], number: int = signal.SIGINT) -> None:
    """As a terminal does it: the signal goes to every process of the group."""
    os.killpg(process.pid, number)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def dev(
    home: Path, url: str, *arguments: str, variables: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run it where it ends by itself."""
    done = layering.run(
        *(*COMMAND, *arguments),
        cwd=home,
        check=False,
        variables={"DATABASE_URL": url, **(variables or {})},
    )
    return done.returncode, done.stdout, done.stderr


def gone(home: Path) -> bool:
    return not (home / DATA / "postmaster.pid").exists()


@pytest.mark.parametrize("whose", ["wheel", "debian"])
def test_the_data_stay_from_one_day_to_the_next(home: Path, url: str, whose: str) -> None:
    programs = {} if whose == "wheel" else {"DATABASE_PROGRAMS": str(debian())}
    shown = url.replace(f":{PASSWORD}", "")
    port = urlsplit(url).port
    with started(home, url, "--json", **programs) as process:
        data = str(home / DATA)
        ready = {"url": shown, "port": port, "data": data, "state": "started"}
        assert json.loads(line_of(process)) == ready
        server = Server(url)
        for name, value in {
            "fsync": "on",
            "TimeZone": "UTC",
            "listen_addresses": "localhost",
            "server_encoding": "UTF8",
            "password_encryption": "scram-sha-256",
        }.items():
            assert server.ask(f"SHOW {name}") == [value]
        opened = (home / DATA / "postmaster.opts").read_text("utf-8")
        assert re.search(r"--unix_socket_directories=['\"\s]", opened)
        mine = "SELECT (rolsuper, rolcreatedb, rolcreaterole) FROM pg_roles WHERE rolname = 'me'"
        assert server.ask(mine) == [(False, True, False)]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            server.ask("COPY (SELECT 1) TO PROGRAM 'cat'")
        assert server.ask("SELECT lower('Ä') || upper('ß') = 'äß'") == [True]
        server.ask("CREATE TABLE kept AS SELECT 1 AS number")
        stop(process)
    assert gone(home)
    with started(home, url, **programs) as process:
        line = f"PostgreSQL runs at {shown}, data in {DATA}. Ctrl-C stops it\n"
        assert line_of(process) == line
        assert Server(url).ask("SELECT number FROM kept") == [1]
        stop(process)
    assert (home / ".database/.gitignore").read_text("utf-8") == "*\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_shuts_it_down_in_good_order(home: Path, url: str, number: int) -> None:
    with started(home, url) as process:
        line_of(process)
        stop(process, number)
    assert gone(home)
    log = (home / ".database/dev/data/server.log").read_text("utf-8")
    assert "received fast shutdown request" in log
    assert "database system is shut down" in log


def test_nohup_keeps_it(home: Path, url: str) -> None:
    ignoring = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
    ignoring += " os.execv(sys.executable, sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", ignoring, *COMMAND],
        cwd=home,
        env=layering.environment({"DATABASE_URL": url}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        line_of(process)
        process.send_signal(signal.SIGHUP)
        assert Server(url).ask("SELECT 1") == [1]
        assert process.poll() is None
        stop(process)


def test_a_second_one_finds_the_first_and_migrates(home: Path, url: str) -> None:
    with started(home, url) as process:
        line_of(process)
        shown = url.replace(f":{PASSWORD}", "")
        found = f"PostgreSQL is running already at {shown}, data in {DATA}\n"
        assert dev(home, url) == (0, found, "")
        revise = ("revision", "--autogenerate", "-m", "tickets")
        layering.run("alembic", *revise, cwd=home, variables={"DATABASE_URL": url})
        code, out, _ = dev(home, url, "--upgrade", "--json")
        assert (code, json.loads(out)["state"]) == (0, "found")
        assert Server(url).numbers() == []
        other = url_at(layering.free_port())
        code, out, told = dev(home, other)
        assert (code, out, told.count("\n")) == (1, "", 1)
        assert f"runs on port {urlsplit(url).port}, DATABASE_URL has port" in told
        assert process.poll() is None
        stop(process)
    with started(home, other, "--upgrade") as process:
        line_of(process)
        assert Server(other).numbers() == []
        stop(process)


def test_a_migration_that_fails_is_a_sentence_and_stops_it(home: Path, url: str) -> None:
    for name in ("one", "two"):
        revise = ("revision", "-m", name, "--head", "base", "--splice")
        layering.run("alembic", *revise, cwd=home, variables={"DATABASE_URL": url})
    code, out, told = dev(home, url, "--upgrade")
    assert (code, out, "Multiple head" in told, told.count("\n")) == (1, "", True, 1)
    assert gone(home)


def test_killed_it_leaves_a_server_that_the_next_one_stops(home: Path, url: str) -> None:
    with started(home, url) as process:
        line_of(process)
        process.kill()
        process.wait()
    pid = postmaster(home)
    with started(home, url) as process:
        assert line_of(process).startswith("PostgreSQL was left running at")
        assert postmaster(home) == pid
        stop(process)
    assert gone(home)


def test_of_two_at_once_one_wins(home: Path, url: str) -> None:
    with started(home, url, "--json") as one, started(home, url, "--json") as other:
        states = {json.loads(line_of(process))["state"]: process for process in (one, other)}
        assert set(states) == {"started", "found"}
        assert states["found"].wait(60) == 0
        assert Server(url).ask("SELECT 1") == [1]
        stop(states["started"])


def test_what_was_committed_outlives_the_death_of_all(home: Path, url: str) -> None:
    with started(home, url) as process:
        line_of(process)
        Server(url).ask("CREATE TABLE kept AS SELECT 1 AS number")
        process.kill()
        pid = postmaster(home)
        os.kill(pid, signal.SIGSTOP)  # or it would tidy up behind the others
        children = layering.run("ps", "-o", "pid=", "--ppid", str(pid), cwd=home).stdout
        for each in (*map(int, children.split()), pid):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{pid}").exists())
    assert not gone(home)
    with started(home, url, "--json") as process:
        assert json.loads(line_of(process))["state"] == "started"
        assert Server(url).ask("SELECT number FROM kept") == [1]
        stop(process)
    assert "was not properly shut down" in (home / ".database/dev/data/server.log").read_text(
        "utf-8"
    )


def test_a_server_that_ends_ends_the_command(home: Path, url: str) -> None:
    with started(home, url) as process:
        line_of(process)
        os.kill(postmaster(home), signal.SIGQUIT)
        out, err = process.communicate(timeout=60)
    log = home / ".database/dev/data/server.log"
    assert (process.returncode, out) == (1, "")
    assert err == f"PostgreSQL has ended by itself: {log} tells why\n"


def test_interrupted_in_its_first_start_it_leaves_no_half(home: Path, url: str) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM):
        with started(home, url) as process:
            wait_for(lambda: [*home.glob(".database/dev/new-*/data/base")])
            process.send_signal(number)
            process.communicate(timeout=60)
        assert process.returncode in {0, -number}
        assert not (home / DATA).exists()
    with started(home, url) as process:
        line_of(process)
        assert [*home.glob(".database/dev/new-*")] == []
        stop(process)


HERE = "postgresql://me:secret@localhost:1/first"


@pytest.mark.parametrize(
    ("url", "variables", "reason"),
    [
        ("", {}, "DATABASE_URL is not set in the environment or in .env"),
        (HERE.replace("localhost", "db.example.com"), {}, "DATABASE_URL leads to db.example.com,"),
        (HERE.replace("localhost:1", "localhost,10.0.0.1"), {}, "leads to localhost, 10.0.0.1,"),
        (HERE.replace("localhost:1", "") + "?host=/tmp", {}, "DATABASE_URL leads to /tmp,"),
        (HERE.replace("localhost:1", ""), {}, "DATABASE_URL leads to no host,"),
        (HERE, {"DATABASE_ENVIRONMENT": "production"}, "The environment is production: `dev` is"),
        (HERE + "?sslmode=require", {}, "DATABASE_URL asks for TLS"),
        (HERE.replace(":secret", ""), {}, "DATABASE_URL has no password"),
        (HERE.replace("/first", ""), {}, "DATABASE_URL has no database"),
        (
            HERE,
            {"ALEMBIC_DATABASE_URL": "postgresql://me@db.example.com/x"},
            "ALEMBIC_DATABASE_URL leads elsewhere",
        ),
    ],
)
def test_what_it_refuses(
    layer: Any,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    variables: dict[str, str],
    reason: str,
) -> None:
    module = import_module(f"{layer.__name__}.development.dev")
    errors = import_module(f"{layer.__name__}.errors")
    monkeypatch.setattr(module, "data_folder", None)  # nothing was touched yet
    for name, value in {"DATABASE_URL": url, **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(errors.DatabaseNotConfiguredError) as caught:
        module.dev(upgrade=True, as_json=False)
    assert reason in str(caught.value)
    assert "secret" not in str(caught.value)


def test_what_it_refuses_is_a_sentence(home: Path) -> None:
    code, out, told = dev(home, HERE.replace("localhost", "db.example.com"))
    assert (code, out, told.count("\n"), "secret" in told) == (1, "", 1, False)
    assert not (home / ".database").exists()


def test_a_port_that_somebody_else_has(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code, out, told = dev(home, url_at(port), variables={"DATABASE_CONNECT_TIMEOUT": "1"})
    lines = [line for line in told.splitlines() if not line.startswith("Waiting")]
    assert (code, out, len(lines)) == (1, "", 1)
    assert lines[0].startswith(f"Port {port} of localhost is taken by a program that is no Post")
    assert not (home / DATA).exists()


def test_a_database_that_is_there_already(home: Path) -> None:
    with postgres.running(password="secret") as server:  # noqa: S106
        mine = server.url("layered").replace("127.0.0.1", "localhost")
        shown = mine.replace(":secret", "")
        answers = f"A database answers at {shown} already: nothing was started\n"
        assert dev(home, mine) == (0, answers, "")
        assert Server(mine).ask("SELECT 1") == [1]
        wrong = mine.replace("secret", "canary")
        code, out, told = dev(home, wrong)
        assert (code, out, told.count("\n"), "canary" in told) == (1, "", 1, False)
        assert f"Port {server.port} of localhost is taken by a PostgreSQL that is not" in told
        assert "password authentication failed" in told
    assert not (home / DATA).exists()


def test_data_of_another_password(home: Path, url: str) -> None:
    with started(home, url) as process:
        line_of(process)
        stop(process)
    code, out, told = dev(home, url.replace(PASSWORD, "canary"))
    assert (code, out, told.count("\n"), "canary" in told) == (1, "", 1, False)
    assert told.startswith(f"The data in {DATA} were made for another user or password")
    assert gone(home)


def test_data_of_another_version(home: Path, url: str) -> None:
    other = debian()
    version = other.parent.name
    with started(home, url, DATABASE_PROGRAMS=str(other)) as process:
        line_of(process)
        stop(process)
    programs = str(postgres.installation() / "bin")
    code, out, told = dev(home, url, variables={"DATABASE_PROGRAMS": programs})
    assert (code, out, told.count("\n")) == (1, "", 1)
    assert told.startswith(
        f"The programs of PostgreSQL {version}, which has written the data, were"
    )
    assert f"(found: 18 in {programs})" in told


def test_no_programs(home: Path, url: str) -> None:
    code, out, told = dev(home, url, variables={"DATABASE_PROGRAMS": str(home)})
    assert (code, out, told.count("\n")) == (1, "", 1)
    assert told.startswith("The programs of PostgreSQL were not found (found: none): pip install")


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as the account that starts it")
def test_what_the_account_cannot_reach(home: Path, url: str) -> None:
    package = postgres.installation().parent
    hidden = home / "hidden"
    hidden.mkdir(mode=0o700)
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.is_dir():
            shutil.copytree(folder, hidden / folder.name)
    programs = str(hidden / package.name / postgres.installation().name / "bin")
    with started(home, url, DATABASE_PROGRAMS=programs) as process:
        line_of(process)
        assert Server(url).ask("SELECT 1") == [1]
        stop(process)
    home.parent.chmod(0o700)
    code, out, told = dev(home, url)
    assert (code, out, told.count("\n")) == (1, "", 1)
    assert told.startswith("PostgreSQL does not run as root, and the account nobody has no way")


def test_the_log_tells_why_it_did_not_start(home: Path, url: str) -> None:
    with started(home, url) as process:
        line_of(process)
        stop(process)
    configuration = home / DATA / "postgresql.conf"
    configuration.write_text("max_connections = 'many'\n", "utf-8")
    code, out, told = dev(home, url)
    assert (code, out, told.count("\n")) == (1, "", 1)
    assert told.startswith("PostgreSQL did not start: ")
    assert 'invalid value for parameter "max_connections"' in told


def test_a_pid_file_that_names_another_process(home: Path, url: str) -> None:
    """As after a restart of the machine, when the numbers begin anew."""
    with started(home, url) as process:
        line_of(process)
        stop(process)
    pid_file = home / DATA / "postmaster.pid"
    with subprocess.Popen(["sleep", "60"], user="nobody" if os.geteuid() == 0 else None) as other:
        lines = (str(other.pid), str(pid_file.parent), "1", str(urlsplit(url).port), "", "", "")
        pid_file.write_text("\n".join(lines), "utf-8")
        with started(home, url) as process:
            assert line_of(process).startswith("PostgreSQL runs at ")
            stop(process)
        assert other.poll() is None
        other.kill()


def test_links_that_the_account_of_the_server_may_leave(home: Path, url: str) -> None:
    with started(home, url) as process:
        line_of(process)
        stop(process)
    precious = home / "precious"
    precious.write_text("kept", "utf-8")
    precious.chmod(0o600)
    (home / DATA / "server.log").unlink()
    (home / DATA / "server.log").symlink_to(precious)
    before = precious.stat()
    with started(home, url) as process:
        if os.geteuid() == 0:  # whom nobody may not take for a ride
            process.wait()
        else:
            line_of(process)
            stop(process)
    assert precious.stat().st_uid == before.st_uid
    if os.geteuid() == 0:
        assert precious.read_text("utf-8") == "kept"
        assert (home / ".database/dev").stat().st_uid == 0
