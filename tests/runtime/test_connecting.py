"""Which server the layer reaches, and what it tells that server."""

import socket
import socketserver
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import postgres
from runtime.application import Run

HOST = "127.0.0.1"
CLOSED = 1  # a port where nobody listens
REFUSED = f"[Errno 111] Connect call failed ('{HOST}', {CLOSED}) (host {HOST})"
LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "1min",
}
NO_LIMITS = dict.fromkeys(LIMITS, "0")

Ask = Callable[..., Any]


class Places(NamedTuple):
    password: str
    socket_folder: str
    addresses: dict[str, str]
    """By the names that the tests have for them."""

    def url(self, hosts: str, options: str) -> str:
        found = ",".join(self.addresses[name] for name in hosts.split(","))
        return f"postgresql://postgres:{self.password}@{found}/postgres?{options}"


@pytest.fixture(scope="module")
def places() -> Iterator[Places]:
    with (
        postgres.running(unix_socket_directories=".") as primary,
        postgres.running(password=primary.password) as standby,
        socket.create_server((HOST, 0)) as silent,
        hanging_up() as hanging_up_port,
    ):
        become_standby(standby)
        folder = str(primary.folder / "data")
        addresses = {
            "primary": f"{HOST}:{primary.port}",
            "socket of primary": f"{quote(folder, safe='')}:{primary.port}",
            "standby": f"{HOST}:{standby.port}",
            "silent": f"{HOST}:{silent.getsockname()[1]}",
            "hanging up": f"{HOST}:{hanging_up_port}",
            "closed": f"{HOST}:{CLOSED}",
        }
        yield Places(primary.password, folder, addresses)


class HangUp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(10_000)


@contextmanager
def hanging_up() -> Iterator[int]:
    """Listen as a proxy does whose own server is away, and yield the port."""
    with socketserver.TCPServer((HOST, 0), HangUp) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def become_standby(server: postgres.Server) -> None:
    server.kill()
    (server.folder / "data/standby.signal").touch()
    server.start_again()


@pytest.fixture
def ask(layer: Any, run: Run, places: Places, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Return a function that connects, and returns the one row of a query."""
    engines = import_module(f"{layer.__name__}.engine")

    async def fetch(query: str, engine: str) -> Any:
        async with getattr(engines, engine)().connect() as connection:
            return (await connection.execute(text(query))).one()

    def ask(
        hosts: str,
        options: str = "",
        query: str = "SELECT 1",
        engine: str = "get_engine",
        **variables: str,
    ) -> Any:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DATABASE_URL", places.url(hosts, options))
        return run(fetch(query, engine))

    return ask


@pytest.mark.parametrize(
    ("hosts", "attribute", "reached"),
    [
        ("primary,standby", "any", "primary"),
        ("standby,primary", "any", "standby"),
        ("closed,primary", "any", "primary"),
        ("hanging up,primary", "any", "primary"),
        ("standby,primary", "read-write", "primary"),
        ("standby,primary", "primary", "primary"),
        ("primary,standby", "read-only", "standby"),
        ("primary,standby", "standby", "standby"),
        ("closed,primary,standby", "prefer-standby", "standby"),
        ("closed,primary", "prefer-standby", "primary"),
    ],
)
@pytest.mark.parametrize("tls", ["disable", "prefer"])
def test_the_first_that_answers_and_fits(
    ask: Ask, hosts: str, attribute: str, reached: str, tls: str
) -> None:
    options = f"sslmode={tls}&target_session_attrs={attribute}"
    row = ask(hosts, options, "SELECT pg_is_in_recovery()")
    assert row == (reached == "standby",)


@pytest.mark.parametrize("tls", ["disable", "prefer"])
def test_each_host_has_a_time_of_its_own(ask: Ask, tls: str) -> None:
    hosts, options = "silent,silent,primary", f"sslmode={tls}"
    assert ask(hosts, options, DATABASE_CONNECT_TIMEOUT="1") == (1,)


@pytest.mark.parametrize(
    ("options", "seconds"), [("", "0.2"), ("connect_timeout=0", "0.2"), ("connect_timeout=1", "1")]
)
def test_silence_has_an_end(ask: Ask, options: str, seconds: str) -> None:
    with pytest.raises(OperationalError) as caught:
        ask("silent", options, DATABASE_CONNECT_TIMEOUT="0.2")
    assert str(caught.value.orig) == f"no answer within {seconds} seconds (host {HOST})"


def why_it_is_no_name(host: str) -> str:
    """Return what this version of Python says."""
    with pytest.raises(UnicodeError) as refused:
        host.encode("idna")
    return str(refused.value)


@pytest.mark.parametrize(
    ("hosts", "options", "reason"),
    [
        ("closed", "", REFUSED),
        ("closed,closed", "target_session_attrs=prefer-standby", REFUSED),
        (
            "primary",
            "target_session_attrs=standby",
            f"not standby, which target_session_attrs asks for (host {HOST})",
        ),
        (
            "standby,closed",
            "target_session_attrs=read-write",
            f"not read-write, which target_session_attrs asks for (host {HOST}); {REFUSED}",
        ),
        # The next host would say the same, and may lock the account for it.
        (
            "primary,closed",
            "password=wrong",
            f'password authentication failed for user "postgres" (host {HOST})',
        ),
        ("primary", "dbname=nowhere", f'database "nowhere" does not exist (host {HOST})'),
        (
            "primary",
            "options=-c%20lock_timeout%3Dx",
            f'invalid value for parameter "lock_timeout": "x" (host {HOST})',
        ),
        (
            "primary",
            "sslmode=require&ssl_min_protocol_version=x",
            f"No such TLS version: x (host {HOST})",
        ),
        # asyncio says no more than this.
        (
            "hanging up",
            "sslmode=require&sslnegotiation=direct",
            f"ConnectionResetError (host {HOST})",
        ),
        ("primary", "host=/nowhere", "[Errno 2] No such file or directory (host /nowhere)"),
        (
            "primary",
            "host=a..b",
            f"{why_it_is_no_name('a..b')} (host a..b)",
        ),
    ],
)
def test_the_reason_why_not(
    ask: Ask, places: Places, hosts: str, options: str, reason: str
) -> None:
    with pytest.raises(OperationalError) as caught:
        ask(hosts, options)
    assert str(caught.value.orig) == reason
    assert places.password not in "".join(traceback.format_exception(caught.value))


def test_unix_socket(ask: Ask, places: Places) -> None:
    query = "SELECT inet_server_addr() IS NULL"
    assert ask("socket of primary", query=query) == (True,)
    assert ask("primary", f"host={places.socket_folder}", query) == (True,)
    assert ask("primary", query=query) == (False,)


@pytest.mark.parametrize(
    ("variables", "options", "expected"),
    [
        ({}, "", LIMITS),
        (
            {
                "DATABASE_STATEMENT_TIMEOUT": "90.5",
                "DATABASE_LOCK_TIMEOUT": "0.25",
                "DATABASE_IDLE_IN_TRANSACTION_TIMEOUT": "86400",
            },
            "",
            {
                "statement_timeout": "90500ms",
                "lock_timeout": "250ms",
                "idle_in_transaction_session_timeout": "1d",
            },
        ),
        (
            {
                "DATABASE_STATEMENT_TIMEOUT": "0",
                "DATABASE_LOCK_TIMEOUT": "0",
                "DATABASE_IDLE_IN_TRANSACTION_TIMEOUT": "0",
            },
            "options=-c%20lock_timeout%3D3s",
            {**NO_LIMITS, "lock_timeout": "3s"},
        ),
        (
            {"DATABASE_STATEMENT_TIMEOUT": "90"},
            "options=-c%20search_path%3Dx%20-c%20statement_timeout%3D77s",
            {**LIMITS, "statement_timeout": "77s", "search_path": "x"},
        ),
        ({}, "", {"application_name": "layered"}),
        ({}, "application_name=shop", {"application_name": "shop"}),
        ({}, "fallback_application_name=shop", {"application_name": "shop"}),
    ],
)
@pytest.mark.parametrize("engine", ["get_engine", "get_read_engine"])
def test_what_the_server_is_told(
    ask: Ask, engine: str, variables: dict[str, str], options: str, expected: dict[str, str]
) -> None:
    query = "SELECT " + ", ".join(f"current_setting('{name}')" for name in expected)
    assert ask("primary", options, query, engine, **variables) == tuple(expected.values())


@pytest.mark.parametrize("options", ["", "options=-c%20default_transaction_read_only%3Doff"])
def test_only_the_read_engine_is_read_only(ask: Ask, options: str) -> None:
    query = "SELECT current_setting('default_transaction_read_only')"
    assert ask("primary", options, query, "get_engine") == ("off",)
    assert ask("primary", options, query, "get_read_engine") == ("on",)


def test_migrations_have_no_limits(
    layer: Any, run: Run, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_migration_engine = import_module(f"{layer.__name__}.create").create_migration_engine
    read_settings = import_module(f"{layer.__name__}.settings").read_settings
    monkeypatch.setenv("DATABASE_URL", places.url("primary", "options=-c%20search_path%3Dx"))
    expected = {**NO_LIMITS, "search_path": "x", "application_name": "layered"}
    query = "SELECT " + ", ".join(f"current_setting('{name}')" for name in expected)

    async def fetch() -> Any:
        async with create_migration_engine(read_settings()).connect() as connection:
            return (await connection.execute(text(query))).one()

    assert run(fetch()) == tuple(expected.values())
