"""What fails in the database is never a success for a client, and the next request is fine."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

import httpx
import pytest

import tcp_proxy
from rendering import Tree
from runtime.application import Server
from runtime.serving import Service, lost, outcomes, serving

POOL = 3
BOTH_POOLS = [f"{method} /look/0.1" for method in ("GET", "POST") for _ in range(POOL)]
OF_THE_APPLICATION = (
    " FROM pg_stat_activity WHERE application_name = 'layered' AND datname = current_database()"
)
DONE = (200, None)
CREATED = (201, None)

Serve = Callable[..., AbstractContextManager[Service]]


@pytest.fixture
def serve(project: Tree, tmp_path: Path, server: Server) -> Serve:
    assert server.numbers() == []
    return partial(
        serving,
        project,
        tmp_path / "log",
        DATABASE_POOL_SIZE=str(POOL),
        DATABASE_MAX_OVERFLOW="0",
        DATABASE_SLOW_STATEMENT="0",
    )


@pytest.fixture
def service(serve: Serve) -> Iterator[Service]:
    with serve() as service:
        yield service


@pytest.fixture
def proxy(database: str) -> Iterator[tcp_proxy.Proxy]:
    address = urlsplit(database)
    with tcp_proxy.running(str(address.hostname), address.port or 5432) as proxy:
        yield proxy


def test_a_commit_that_fails_is_never_a_success_under_load(
    service: Service, server: Server
) -> None:
    """The unique constraint is deferred: only COMMIT checks it."""
    requests = [f"POST /tickets/{number}" for number in range(1, 501) for _ in range(3)]
    responses = service.send(requests, at_a_time=20)
    assert lost(responses, server) == []
    assert server.numbers() == list(range(1, 501))
    counted = outcomes(responses)
    assert counted.pop(CREATED) == 500
    # Two that wait for each other in COMMIT are a deadlock: one of them has to give way.
    assert counted.keys() <= {(409, "unique_violation"), (503, "deadlock_detected")}
    assert counted.total() == 1000
    assert service.complaints() == []


def test_with_the_default_scope_the_client_is_told_of_rows_that_are_not_there(
    service: Service, server: Server
) -> None:
    requests = [f"POST /early/{number}" for number in range(1, 51) for _ in range(2)]
    responses = service.send(requests, at_a_time=20)
    assert outcomes(responses).keys() == {CREATED}
    assert lost(responses, server) != []


def test_a_swallowed_error_is_never_a_success(service: Service, server: Server) -> None:
    [response] = service.send(["POST /swallowed/1"])
    assert response.status_code == 500

    responses = service.send(["POST /nested/2", "POST /tickets/3"])
    assert outcomes(responses) == {CREATED: 2}
    assert lost(responses, server) == []
    assert server.numbers() == [2, 3]
    assert service.connections_in_use() == 0
    assert any("COMMIT was a ROLLBACK" in line for line in service.complaints())


def test_terminated_connections_are_replaced(service: Service, server: Server) -> None:
    assert outcomes(service.send(BOTH_POOLS, at_a_time=2 * POOL)) == {DONE: 2 * POOL}
    terminated = server.ask("SELECT pg_terminate_backend(pid, 10000)" + OF_THE_APPLICATION)
    assert terminated == [True] * 2 * POOL
    assert outcomes(service.send(BOTH_POOLS, at_a_time=2 * POOL)) == {DONE: 2 * POOL}
    assert service.complaints() == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_changed_column_fails_at_most_once_for_each_connection(
    service: Service, server: Server, method: str
) -> None:
    def send() -> list[httpx.Response]:
        return service.send([f"{method} /look/0.05"] * POOL, at_a_time=POOL)

    assert outcomes(send()) == {DONE: POOL}
    server.ask("ALTER TABLE tickets ADD COLUMN added integer")
    assert outcomes(send()) == {DONE: POOL}

    server.ask("ALTER TABLE tickets ALTER COLUMN number TYPE bigint")
    counted = outcomes(chain.from_iterable(send() for _ in range(5)))
    assert 1 <= counted.pop((503, "schema_changed"), 0) <= POOL
    assert counted.keys() == {DONE}
    assert outcomes(send()) == {DONE: POOL}
    assert service.complaints() == []


def test_a_network_that_loses_everything_is_found_out_by_the_ping(
    serve: Serve, proxy: tcp_proxy.Proxy, database: str
) -> None:
    with serve(
        DATABASE_URL=proxy.url(database),
        DATABASE_PING_AFTER="0",
        DATABASE_CONNECT_TIMEOUT="3",
    ) as service:
        processes = ["GET /process", "POST /process"]
        before = [answer.text for answer in service.send(processes)]
        assert [answer.text for answer in service.send(processes)] == before

        # For longer than the ping waits, but not so long that there is no new connection.
        proxy.swallow()
        Timer(3.5, proxy.pass_on).start()
        after = service.send(processes, at_a_time=2)
        assert outcomes(after) == {DONE: 2}
        assert not {answer.text for answer in after} & set(before)

        # For so long that there is none.
        proxy.swallow()
        away = service.send(processes, at_a_time=2)
        assert outcomes(away) == {(503, "database_unavailable"): 2}
        assert all(answer.elapsed.total_seconds() < 15 for answer in away)

        proxy.pass_on()
        assert outcomes(service.send(processes)) == {DONE: 2}
        assert service.connections_in_use() == 0
    assert service.complaints() == []


def test_a_network_that_loses_the_answer_is_found_out_by_the_client(
    serve: Serve, proxy: tcp_proxy.Proxy, database: str, server: Server
) -> None:
    with serve(DATABASE_URL=proxy.url(database), DATABASE_STATEMENT_TIMEOUT="1") as service:
        assert outcomes(service.send(BOTH_POOLS, at_a_time=2 * POOL)) == {DONE: 2 * POOL}
        before = server.ask("SELECT pid" + OF_THE_APPLICATION)
        Timer(0.5, proxy.swallow).start()
        answers = service.send(["GET /look/0.9", "POST /look/0.9"], at_a_time=2)
        assert outcomes(answers) == {(504, "query_canceled"): 2}
        assert all(answer.elapsed.total_seconds() < 20 for answer in answers)
        assert service.connections_in_use() == 0

        proxy.pass_on()
        assert outcomes(service.send(BOTH_POOLS, at_a_time=2 * POOL)) == {DONE: 2 * POOL}
        after = server.ask("SELECT pid" + OF_THE_APPLICATION)
        assert len(set(before) & set(after)) == 2 * POOL - 2
    assert service.complaints() == []
