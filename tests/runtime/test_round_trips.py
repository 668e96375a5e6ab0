"""How often a request on a warm connection waits for the network."""

import time
from collections.abc import Callable
from importlib import import_module
from itertools import count
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

import tcp_proxy
from runtime.application import Respond, Work

Count = Callable[[str, Work], int]

READ, WRITE = "/reading", "/work"
numbers = count(1)


async def nothing(_: AsyncSession) -> None: ...


async def select(session: AsyncSession) -> None:
    await session.execute(text("SELECT number FROM tickets WHERE number = :n"), {"n": 0})


async def select_twice(session: AsyncSession) -> None:
    await select(session)
    await select(session)


async def insert(session: AsyncSession) -> None:
    ticket: Any = import_module("layered.models.tickets").Ticket
    session.add(ticket(number=next(numbers)))


async def insert_and_select(session: AsyncSession) -> None:
    await insert(session)
    await select(session)


@pytest.fixture
def count_round_trips(proxy: tcp_proxy.Proxy, respond: Respond) -> Count:
    def count_round_trips(path: str, work: Work) -> int:
        for _ in range(2):  # to connect, and to prepare the statements
            assert respond(work, path).status_code == 200
        proxy.reset()
        assert respond(work, path).status_code == 200
        assert proxy.opened == 0
        return proxy.round_trips

    return count_round_trips


@pytest.mark.parametrize(
    ("path", "work", "round_trips"),
    [
        (READ, nothing, 0),
        (READ, select, 1),
        (READ, select_twice, 2),
        (WRITE, nothing, 0),
        # BEGIN and COMMIT are two of them.
        (WRITE, select, 3),
        (WRITE, insert, 3),
        (WRITE, insert_and_select, 4),
    ],
)
def test_a_request(count_round_trips: Count, path: str, work: Work, round_trips: int) -> None:
    assert count_round_trips(path, work) == round_trips


@pytest.mark.parametrize(
    ("path", "work", "round_trips"),
    [
        (READ, nothing, 0),
        # A transaction as well, and nothing stays prepared: each statement is two of them.
        (READ, select, 4),
        (READ, select_twice, 6),
        (WRITE, nothing, 0),
        (WRITE, select, 4),
        (WRITE, insert, 4),
        (WRITE, insert_and_select, 6),
    ],
)
def test_a_request_by_way_of_a_pooler(
    count_round_trips: Count,
    path: str,
    work: Work,
    round_trips: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_PGBOUNCER", "true")
    assert count_round_trips(path, work) == round_trips


@pytest.mark.parametrize(("path", "round_trips"), [(READ, 2), (WRITE, 4)])
def test_a_connection_that_has_rested_is_asked_once(
    proxy: tcp_proxy.Proxy,
    respond: Respond,
    path: str,
    round_trips: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_PING_AFTER", "0.5")
    respond(select, path)
    proxy.reset()
    time.sleep(0.6)
    respond(select, path)
    assert (proxy.round_trips, proxy.opened) == (round_trips, 0)


@pytest.mark.parametrize("pooler", ["false", "true"])
def test_the_health_route(
    proxy: tcp_proxy.Proxy, client: TestClient, pooler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PGBOUNCER", pooler)
    client.get("/health/database")
    proxy.reset()
    assert client.get("/health/database").status_code == 200
    assert (proxy.round_trips, proxy.opened) == (1, 0)


def test_a_pool_at_rest(proxy: tcp_proxy.Proxy, respond: Respond) -> None:
    for path in (READ, WRITE):
        respond(select, path)
    proxy.reset()
    time.sleep(1)
    assert (proxy.round_trips, proxy.opened, proxy.connections) == (0, 0, 2)
