import asyncio
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

import pgbouncer
import postgres
import tcp_proxy
import tls_server
from postgres_supervisor import sweep
from requirements import require

TESTS = Path(__file__).parent
A_WHILE = 0.3  # seconds, in which an answer would have come

pytestmark = pytest.mark.anyio

KILLED = """
import sys, pgbouncer
with pgbouncer.running(sys.argv[1]) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[tcp_proxy.Proxy]:
    with tcp_proxy.running(*address(postgres_url)) as proxy:
        yield proxy


@pytest.fixture
async def connection(
    proxy: tcp_proxy.Proxy, postgres_url: str
) -> AsyncIterator[asyncpg.Connection]:
    """Connect, let it prepare SELECT 1, and begin to count."""
    async with connected(proxy.url(postgres_url)) as connection:
        await connection.fetchval("SELECT 1")
        proxy.reset()
        yield connection


@pytest.fixture(scope="module")
def bouncer_url(postgres_url: str) -> Iterator[str]:
    require(pgbouncer.available())
    with pgbouncer.running(postgres_url, default_pool_size=1) as url:
        yield url


@pytest.fixture(scope="module")
def tls() -> Iterator[tls_server.Server]:
    require(tls_server.available())
    with tls_server.running() as server:
        yield server


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), parts.port or 5432


@asynccontextmanager
async def connected(url: str, **options: object) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, **options)
    try:
        yield connection
    finally:
        connection.terminate()


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what it looks at happens outside of this loop
            await asyncio.sleep(0.02)


def refuses(url: str) -> bool:
    try:
        socket.create_connection(address(url)).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_a_query_is_one_round_trip(
    proxy: tcp_proxy.Proxy, connection: asyncpg.Connection
) -> None:
    assert await connection.fetchval("SELECT 1") == 1
    assert proxy.round_trips == 1
    assert proxy.opened == 0


async def test_a_transaction_is_as_many_as_it_has_statements(
    proxy: tcp_proxy.Proxy, connection: asyncpg.Connection
) -> None:
    await connection.execute("CREATE TEMPORARY TABLE numbers (number integer)")
    proxy.reset()
    async with connection.transaction():
        await connection.execute("INSERT INTO numbers VALUES (1)")
    assert proxy.round_trips == 3


async def test_an_answer_of_many_packets_is_one_round_trip(
    proxy: tcp_proxy.Proxy, connection: asyncpg.Connection
) -> None:
    answer = await connection.execute("SELECT repeat('x', 1000) FROM generate_series(1, 9999)")
    assert answer == "SELECT 9999"
    assert proxy.round_trips == 1


async def test_round_trips_of_all_connections_are_counted(
    proxy: tcp_proxy.Proxy, connection: asyncpg.Connection, postgres_url: str
) -> None:
    async with connected(proxy.url(postgres_url)) as other:
        assert proxy.connections == 2
        assert proxy.opened == 1
        proxy.reset()
        await asyncio.gather(connection.execute("SELECT 1"), other.execute("SELECT 1"))
        assert proxy.round_trips == 2
    await wait_until(lambda: proxy.connections == 1)
    assert proxy.opened == 0


async def test_each_round_trip_takes_longer(
    proxy: tcp_proxy.Proxy, connection: asyncpg.Connection
) -> None:
    proxy.round_trip = 0.01
    begin = time.perf_counter()
    for _ in range(20):
        await connection.execute("SELECT 1")
    assert time.perf_counter() - begin > 20 * 0.01


async def test_connections_do_not_wait_for_each_other(
    proxy: tcp_proxy.Proxy, connection: asyncpg.Connection, postgres_url: str
) -> None:
    async with AsyncExitStack() as stack:
        connections = [connection]
        for _ in range(9):
            other = connected(proxy.url(postgres_url))
            connections.append(await stack.enter_async_context(other))
        proxy.round_trip = 0.5
        begin = time.perf_counter()
        await asyncio.gather(*(each.execute("SELECT 1") for each in connections))
        assert 0.5 < time.perf_counter() - begin < len(connections) * 0.5


async def test_a_question_of_many_packets_is_one_round_trip(
    proxy: tcp_proxy.Proxy, connection: asyncpg.Connection
) -> None:
    proxy.round_trip = 0.001
    text = "".join(map(str, range(500_000)))
    echo = await connection.prepare("SELECT $1::text")
    proxy.reset()
    assert await echo.fetchval(text) == text
    assert proxy.round_trips == 1


async def test_a_black_hole_answers_nobody_until_it_passes_on(
    proxy: tcp_proxy.Proxy, connection: asyncpg.Connection, postgres_url: str
) -> None:
    proxy.swallow()
    queries = [
        asyncio.create_task(connection.fetchval("SELECT 1")),
        asyncio.create_task(asyncpg.connect(proxy.url(postgres_url))),
    ]
    done, _ = await asyncio.wait(queries, timeout=A_WHILE)
    assert not done
    assert proxy.opened == 1
    assert proxy.round_trips == 0

    proxy.pass_on()
    one, late = await asyncio.gather(*queries)
    assert one == 1
    late.terminate()


async def test_a_query_into_a_black_hole_times_out(
    proxy: tcp_proxy.Proxy, connection: asyncpg.Connection, postgres_url: str
) -> None:
    proxy.swallow()
    with pytest.raises(TimeoutError):
        await connection.fetchval("SELECT 1", timeout=A_WHILE)
    with pytest.raises(TimeoutError):
        await asyncpg.connect(proxy.url(postgres_url), timeout=A_WHILE)


async def test_cut_connections_are_reset(
    proxy: tcp_proxy.Proxy, connection: asyncpg.Connection, postgres_url: str
) -> None:
    proxy.swallow()
    query = asyncio.create_task(connection.fetchval("SELECT 1"))
    reader, writer = await asyncio.open_connection(tcp_proxy.HOST, proxy.port)
    with closing(writer):
        await wait_until(lambda: proxy.connections == 2)
        proxy.cut()
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await query
        with pytest.raises(ConnectionResetError):
            await reader.read()

    proxy.pass_on()
    async with connected(proxy.url(postgres_url)) as new:
        assert await new.fetchval("SELECT 1") == 1


def test_proxy_is_a_program(postgres_url: str) -> None:
    host, port = address(postgres_url)
    with subprocess.Popen(
        [sys.executable, tcp_proxy.__file__, host, str(port), "--round-trip", "0.001"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout
        url = tcp_proxy.at_port(postgres_url, int(program.stdout.readline()))

        async def query() -> int:
            async with connected(url) as connection:
                return int(await connection.fetchval("SELECT 1"))

        assert asyncio.run(query()) == 1
        program.communicate()
    assert program.returncode == 0
    assert refuses(url)


async def test_pgbouncer_serves_two_clients_over_one_connection(bouncer_url: str) -> None:
    async with (
        connected(bouncer_url, statement_cache_size=0) as one,
        connected(bouncer_url, statement_cache_size=0) as other,
    ):
        pids = set()
        for client in (one, other, one, other):
            async with client.transaction(), asyncio.timeout(30):
                pids.add(await client.fetchval("SELECT pg_backend_pid()"))
        assert len(pids) == 1


async def test_pgbouncer_asks_for_the_password(bouncer_url: str) -> None:
    parts = urlsplit(bouncer_url)
    wrong = bouncer_url.replace(str(parts.password), "wrong")
    with pytest.raises(asyncpg.PostgresError, match="authentication failed"):
        await asyncpg.connect(wrong, statement_cache_size=0)


async def test_pgbouncer_without_prepared_statements(postgres_url: str) -> None:
    require(pgbouncer.available())
    with pgbouncer.running(postgres_url, default_pool_size=1, max_prepared_statements=0) as url:
        async with connected(url) as one, connected(url) as other:
            prepared = await one.prepare("SELECT 1")
            assert await prepared.fetchval() == 1
            await other.execute("DEALLOCATE ALL")
            with pytest.raises(asyncpg.InvalidSQLStatementNameError):
                await prepared.fetchval()


def test_pgbouncer_says_what_it_does_not_like(postgres_url: str) -> None:
    require(pgbouncer.available())
    with (
        pytest.raises(pgbouncer.PgBouncerNotStartedError, match="pool_mode"),
        pgbouncer.running(postgres_url, pool_mode="unknown"),
    ):
        pytest.fail("it started")


def test_pgbouncer_ends_with_the_process_that_runs_it(postgres_url: str) -> None:
    require(pgbouncer.available())
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, postgres_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert not refuses(url)
        process.kill()

    async def end() -> None:
        await wait_until(lambda: refuses(url))

    asyncio.run(end())
    sweep(postgres.temporary_folder())


async def test_tls_with_the_right_name_and_authority(tls: tls_server.Server) -> None:
    url = f"{tls.url}?sslmode=verify-full&sslrootcert={tls.root_certificate}"
    async with connected(url) as connection:
        assert await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")


async def test_tls_without_verification(tls: tls_server.Server) -> None:
    async with connected(tls.url, ssl="require") as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_tls_with_another_authority(tls: tls_server.Server) -> None:
    url = f"{tls.url}?sslmode=verify-full&sslrootcert={tls.other_root}"
    with pytest.raises(ssl.SSLCertVerificationError, match=r"self.signed certificate"):
        await asyncpg.connect(url)


async def test_tls_with_another_name(tls: tls_server.Server) -> None:
    url = tls.url.replace("@localhost:", "@127.0.0.1:")
    options = f"sslrootcert={tls.root_certificate}"
    async with connected(f"{url}?sslmode=verify-ca&{options}"):
        pass
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        await asyncpg.connect(f"{url}?sslmode=verify-full&{options}")


async def test_tls_is_not_optional(tls: tls_server.Server) -> None:
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="no encryption"):
        await asyncpg.connect(tls.url, ssl="disable")


async def test_tls_with_a_certificate_instead_of_a_password(tls: tls_server.Server) -> None:
    url = f"{tls.certified_url}?sslmode=verify-full&sslrootcert={tls.root_certificate}"
    # First, because the loop has to run on until the server has hung up, too.
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="certificate"):
        await asyncpg.connect(url)
    certificate = f"sslcert={tls.client_certificate}&sslkey={tls.client_key}"
    async with connected(f"{url}&{certificate}") as connection:
        assert await connection.fetchval("SELECT current_user") == "certified"


def test_tls_needs_a_server_that_has_it() -> None:
    assert not tls_server.can_do_tls(postgres.installation() / "bin")
    assert not tls_server.can_do_tls(TESTS)
