"""Migrations beside others: other migrators, other users of the tables, a failing server."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

import pgbouncer
import postgres
from rendering import Tree
from requirements import require
from runtime.application import Server
from runtime.migrating import (
    ADD,
    CREATE,
    THREE,
    add_revision,
    finish,
    make_home,
    start,
    upgrade_at_once,
)

if TYPE_CHECKING:
    import subprocess

MakeDatabase = Callable[[], str]
# Those of other databases are listed as well.
LOCKS = """
SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND datname = current_database()
"""


@pytest.fixture
def make_database(postgres_url: str) -> Iterator[MakeDatabase]:
    names = []

    def make() -> str:
        names.append(f"test_{uuid4().hex}")
        postgres.create_database(postgres_url, names[-1])
        return postgres.database_url(postgres_url, names[-1])

    yield make
    for name in names:
        postgres.drop_database(postgres_url, name)


@pytest.fixture(scope="module")
def three(rendered: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(rendered, tmp_path_factory.mktemp("three") / "repository", THREE)


def assert_migrated_once(url: str) -> None:
    server = Server(url)
    assert server.ask("SELECT version_num FROM alembic_version") == ["index"]
    assert server.ask("SELECT revision FROM ran ORDER BY 1") == ["backfill", "create", "index"]
    assert server.ask("SELECT count(*) FROM things WHERE n = id") == [1000]
    assert server.ask("SELECT indisvalid FROM pg_index WHERE indrelid = 'things'::regclass") == [
        *(True, True)
    ]
    for _ in range(100):
        # A server process may still be about to end.
        if not server.ask(LOCKS):
            break
        time.sleep(0.02)
    assert server.ask(LOCKS) == []


def test_eight_migrators_at_once(three: Path, make_database: MakeDatabase) -> None:
    """Twenty rounds. With any other of the usual locks some fail, or all wait for ever."""
    databases = [make_database() for _ in range(20)]
    assert upgrade_at_once(three, 8, databases) == [[0] * 8] * 20
    for url in databases:
        assert_migrated_once(url)


def test_eight_migrators_on_the_first_day(
    rendered: Tree, tmp_path: Path, make_database: MakeDatabase
) -> None:
    """There is no revision yet, but Alembic makes its own table."""
    home = make_home(rendered, tmp_path / "repository", {})
    databases = [make_database() for _ in range(5)]
    assert upgrade_at_once(home, 8, databases) == [[0] * 8] * 5


def test_eight_commands_at_once(three: Path, database_url: str) -> None:
    commands = [start(three, "upgrade", "head", DATABASE_URL=database_url) for _ in range(8)]
    done = [finish(command) for command in commands]
    assert [code for code, _ in done] == [0] * 8, done
    assert sum("Running upgrade" in printed for _, printed in done) == 1
    assert_migrated_once(database_url)


def test_the_lock_does_not_hold_up_an_index(three: Path, database_url: str) -> None:
    """Which would wait for ever if it came first while the lock keeps a snapshot."""
    for revision in ("backfill", "head"):
        command = start(three, "upgrade", revision, DATABASE_URL=database_url)
        code, printed = finish(command)
        assert code == 0, printed
    assert_migrated_once(database_url)


def test_a_migrator_that_is_killed_is_followed_by_the_next(
    three: Path, database_url: str, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    commands = [
        start(three, "upgrade", "head", DATABASE_URL=database_url, MARK=str(mark)) for _ in range(4)
    ]
    while not (mark.exists() and mark.read_text()):
        assert any(command.poll() is None for command in commands)
        time.sleep(0.02)
    os.kill(int(mark.read_text()), signal.SIGKILL)
    done = sorted(finish(command) for command in commands)
    assert [code for code, _ in done] == [-signal.SIGKILL, 0, 0, 0], done
    assert_migrated_once(database_url)


@pytest.fixture(scope="module")
def bouncer(postgres_url: str) -> Iterator[str]:
    require(pgbouncer.available())
    with pgbouncer.running(postgres_url, default_pool_size=20, max_prepared_statements=0) as url:
        yield url


def test_eight_migrators_behind_a_pooler(
    three: Path, make_database: MakeDatabase, bouncer: str
) -> None:
    databases = [make_database() for _ in range(20)]
    pooled = [pgbouncer.through(bouncer, url) for url in databases]
    assert upgrade_at_once(three, 8, pooled, DATABASE_PGBOUNCER="true") == [[0] * 8] * 20
    for url in databases:
        assert_migrated_once(url)


@pytest.mark.parametrize("variable", ["DATABASE_URL", "ALEMBIC_DATABASE_URL"])
def test_migrators_behind_a_pooler(
    three: Path, database_url: str, bouncer: str, variable: str
) -> None:
    variables = {"DATABASE_PGBOUNCER": "true", variable: pgbouncer.through(bouncer, database_url)}
    commands = [start(three, "upgrade", "head", **variables) for _ in range(4)]
    done = [finish(command) for command in commands]
    assert [code for code, _ in done] == [0] * 4, done
    assert_migrated_once(database_url)


def test_nothing_stays_set_behind_a_pooler(three: Path, database_url: str, bouncer: str) -> None:
    """Other clients get the same connections, with the limits of the database."""
    server = Server(database_url)
    server.ask(f"ALTER DATABASE {make_url(database_url).database} SET statement_timeout = '77s'")
    pooled = pgbouncer.through(bouncer, database_url)
    variables = {"DATABASE_PGBOUNCER": "true", "DATABASE_URL": pooled}
    code, printed = finish(start(three, "upgrade", "head", **variables))
    assert code == 0, printed
    with ExitStack() as stack:
        clients = [stack.enter_context(psycopg.connect(pooled)) for _ in range(5)]
        shown = [client.execute("SHOW statement_timeout").fetchone() for client in clients]
    assert shown == [("77s",)] * 5


@contextmanager
def holding(url: str, mode: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url) as connection:
        connection.execute(f"LOCK TABLE things IN {mode} MODE")
        yield connection


def read_until_it_raises(url: str, stop: threading.Event, reads: list[int]) -> None:
    """Read in a loop; waiting for ten times the lock timeout of a migration raises."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '3s'")
        while not stop.is_set():
            connection.execute("SELECT n FROM things LIMIT 1")
            reads.append(len(reads))
            stop.wait(0.01)


@pytest.fixture
def grown(rendered: Tree, tmp_path: Path, database_url: str) -> Path:
    """Return a project with one revision that is applied, and one more that alters its table."""
    home = make_home(rendered, tmp_path / "repository", {"create": CREATE})
    code, printed = finish(start(home, "upgrade", "head", DATABASE_URL=database_url))
    assert code == 0, printed
    add_revision(home, "add", "create", ADD)
    return home


def lines_until(words: str, command: "subprocess.Popen[str]") -> list[str]:
    assert command.stdout
    lines = []
    for line in command.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError("".join(lines))


def test_readers_go_on_while_a_migration_waits_for_a_table(grown: Path, database_url: str) -> None:
    """Without a lock timeout they would wait behind it for as long as it waits itself."""
    stop, reads, failed = threading.Event(), list[int](), list[psycopg.Error]()

    def read() -> None:
        try:
            read_until_it_raises(database_url, stop, reads)
        except psycopg.Error as error:
            failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    variables = {"DATABASE_URL": database_url, "ALEMBIC_LOCK_TIMEOUT": "0.3"}
    with holding(database_url, "ACCESS SHARE"):
        command = start(grown, "upgrade", "head", **variables)
        lines_until("attempt 3 follows", command)
        before = len(reads)
        lines_until("attempt 4 follows", command)
        assert len(reads) > before
    code, rest = finish(command)
    stop.set()
    reader.join()
    assert (code, failed) == (0, []), rest
    assert Server(database_url).ask("SELECT revision FROM ran ORDER BY 1") == ["add", "create"]


def test_a_table_that_stays_in_use_is_given_up(grown: Path, database_url: str) -> None:
    add_revision(grown, "before", "create", "op.execute(\"INSERT INTO ran VALUES ('before')\")")
    add_revision(grown, "add", "before", ADD)
    variables = {"DATABASE_URL": database_url, "ALEMBIC_LOCK_TIMEOUT": "0.2"}
    server = Server(database_url)
    with holding(database_url, "ACCESS EXCLUSIVE"):
        command = start(grown, "upgrade", "head", **variables, ALEMBIC_WAIT_TIMEOUT="2")
        code, printed = finish(command)
        assert code == 255
        assert "Traceback" not in printed
        assert "A table was in use for 2 seconds (ALEMBIC_WAIT_TIMEOUT)" in printed
        assert server.ask("SELECT version_num FROM alembic_version") == ["before"]
    code, printed = finish(start(grown, "upgrade", "head", **variables))
    assert code == 0, printed
    assert server.ask("SELECT revision FROM ran ORDER BY 1") == ["add", "before", "create"]


def test_a_lost_lock_ends_the_migration(three: Path, database_url: str, tmp_path: Path) -> None:
    """Somebody else may have it by then."""
    mark = tmp_path / "mark"
    command = start(three, "upgrade", "head", DATABASE_URL=database_url, MARK=str(mark))
    while not mark.exists():
        assert command.poll() is None
        time.sleep(0.02)
    server = Server(database_url)
    assert server.ask(LOCKS.replace("pid", "pg_terminate_backend(pid)", 1)) == [True]
    mark.unlink()
    code, printed = finish(command)
    assert code == 255
    assert "The connection that keeps other migrators away was lost" in printed
    assert "Traceback" not in printed
    assert server.ask("SELECT version_num FROM alembic_version") == ["create"]

    code, printed = finish(start(three, "upgrade", "head", DATABASE_URL=database_url))
    assert code == 0, printed
    assert_migrated_once(database_url)


def test_a_migrator_that_does_not_end_is_not_waited_for_for_ever(
    three: Path, database_url: str
) -> None:
    lock = "SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(b"alembic", "big")]
    variables = {"DATABASE_URL": database_url, "ALEMBIC_WAIT_TIMEOUT": "0.5"}
    with psycopg.connect(database_url) as connection:
        connection.execute(*lock)
        code, printed = finish(start(three, "upgrade", "head", **variables))
        assert code == 255
        assert "Another process is still migrating this database after 0.5 seconds" in printed
        # What changes nothing goes on.
        for arguments in (("current",), ("history", "-i")):
            code, printed = finish(start(three, *arguments, **variables))
            assert code == 0, printed
    code, printed = finish(start(three, "upgrade", "head", **variables))
    assert code == 0, printed
    with psycopg.connect(database_url) as connection:
        connection.execute(*lock)
        code, printed = finish(start(three, "upgrade", "head", **variables))
        assert code == 0, printed


@pytest.fixture
def role_url(database_url: str) -> Iterator[str]:
    """URL of a role with limits that are meant for requests."""
    role, server = f"role_{uuid4().hex}", Server(database_url)
    server.ask(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'secret-of-the-role'")
    for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        server.ask(f"ALTER ROLE {role} SET {limit} = '400ms'")
    url = make_url(database_url).set(username=role, password="secret-of-the-role")  # noqa: S106
    yield url.render_as_string(hide_password=False)
    server.ask(f"DROP OWNED BY {role}")
    server.ask(f"DROP ROLE {role}")


SLOW = """\
limits = "name ~ '^(lock|statement)_timeout'"
note = f"INSERT INTO ran SELECT name || setting FROM pg_settings WHERE {limits}"
op.execute("SELECT pg_sleep(0.6)")
time.sleep(0.6)
op.execute("SELECT pg_sleep(0.6)")
op.execute(note)
with op.get_context().autocommit_block():
    op.execute("SELECT pg_sleep(0.6)")
    op.execute(note)
op.execute(note)
"""


def test_migrations_have_limits_of_their_own(
    rendered: Tree, tmp_path: Path, database_url: str, role_url: str
) -> None:
    """And an index that is built CONCURRENTLY has none, not even those of the role."""
    home = make_home(rendered, tmp_path / "repository", {"create": CREATE, "slow": SLOW})
    variables = {"DATABASE_URL": role_url, "ALEMBIC_LOCK_TIMEOUT": "1.5"}
    code, printed = finish(start(home, "upgrade", "head", **variables))
    assert code == 0, printed
    limited = ["lock_timeout1500", "statement_timeout60000"]
    assert Server(database_url).ask("SELECT revision FROM ran WHERE revision ~ 'timeout'") == [
        *(*limited, "lock_timeout0", "statement_timeout0", *limited)
    ]


PARTLY = """\
op.add_column("things", sa.Column("more", sa.Text()))
with op.get_context().autocommit_block():
    op.execute("UPDATE things SET more = 'x'")
    Path(os.environ["MARK"]).touch()
    while Path(os.environ["MARK"]).exists():
        time.sleep(0.02)
op.alter_column("things", "more", nullable=False)
"""


def test_a_revision_that_has_committed_a_part_is_not_tried_again(
    grown: Path, database_url: str
) -> None:
    """It would find its own column in its way, at each further run as well."""
    add_revision(grown, "add", "create", PARTLY)
    mark = grown / "mark"
    variables = {"DATABASE_URL": database_url, "ALEMBIC_LOCK_TIMEOUT": "0.3", "MARK": str(mark)}
    command = start(grown, "upgrade", "head", **variables)
    while not mark.exists():
        assert command.poll() is None
        time.sleep(0.02)
    with holding(database_url, "ACCESS SHARE"):
        mark.unlink()
        code, printed = finish(command)
    assert code == 255
    assert "A table was in use. What the revision did up to the end of its autocommit" in printed
    assert "ALTER TABLE things ALTER COLUMN more SET NOT NULL" in printed
    assert "attempt 2" not in printed
    assert "Traceback" not in printed
    assert Server(database_url).ask("SELECT version_num FROM alembic_version") == ["create"]


@pytest.mark.parametrize(
    "setting", ["default_transaction_isolation = 'serializable'", "transaction_timeout = '400ms'"]
)
def test_the_lock_stands_settings_of_the_database(
    rendered: Tree, tmp_path: Path, database_url: str, setting: str
) -> None:
    """A snapshot that stays, and a limit that ends the lock, would stop a concurrent index."""
    slow = 'op.execute("SELECT pg_sleep(0.8)")\n' + THREE["index"]
    revisions = {"create": CREATE, "index": slow}
    home = make_home(rendered, tmp_path / "repository", revisions)
    server = Server(database_url)
    server.ask(f"ALTER DATABASE {make_url(database_url).database} SET {setting}")
    for revision in revisions:
        code, printed = finish(start(home, "upgrade", revision, DATABASE_URL=database_url))
        assert code == 0, printed
    assert server.ask("SELECT version_num FROM alembic_version") == ["index"]


def test_a_statement_that_takes_too_long_is_a_sentence(
    rendered: Tree, tmp_path: Path, database_url: str
) -> None:
    home = make_home(rendered, tmp_path / "repository", {"create": CREATE, "slow": SLOW})
    variables = {"DATABASE_URL": database_url, "ALEMBIC_STATEMENT_TIMEOUT": "0.3"}
    code, printed = finish(start(home, "upgrade", "head", **variables))
    assert code == 255
    assert "A statement took 0.3 seconds (ALEMBIC_STATEMENT_TIMEOUT)" in printed
    assert "SELECT pg_sleep(0.6)" in printed
    assert "Traceback" not in printed


def test_a_deadlock_is_tried_again(grown: Path, database_url: str) -> None:
    """The migration waits for a table of a transaction that waits for one of its own."""
    add_revision(
        grown,
        "add",
        "create",
        'op.execute("LOCK TABLE ran IN ACCESS EXCLUSIVE MODE")\n'
        'Path(os.environ["MARK"]).touch()\n'
        "op.execute(\"SET LOCAL deadlock_timeout = '50ms'\")\n" + ADD,
    )
    mark = grown / "mark"
    variables = {"DATABASE_URL": database_url, "ALEMBIC_LOCK_TIMEOUT": "60", "MARK": str(mark)}
    with psycopg.connect(database_url) as connection:
        connection.execute("SET deadlock_timeout = '60s'")
        connection.execute("LOCK TABLE things IN ACCESS EXCLUSIVE MODE")
        command = start(grown, "upgrade", "head", **variables)
        while not mark.exists():
            time.sleep(0.02)
        connection.execute("SELECT count(*) FROM ran")  # waits until the migration is rolled back
    code, printed = finish(command)
    assert code == 0, printed
    assert "deadlock detected" in printed
    assert Server(database_url).ask("SELECT revision FROM ran ORDER BY 1") == ["add", "create"]
