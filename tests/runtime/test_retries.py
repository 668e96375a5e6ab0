"""A unit of work that collides runs again, and only what is committed is reported as done."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from runtime.application import Run, Server, Work

READ = text("SELECT number FROM tickets WHERE id = 1")
WRITE = text("UPDATE tickets SET number = :number WHERE id = 1")


@pytest.fixture
def counter(server: Server) -> Server:
    """Return the server, with a ticket that has the number 1."""
    server.ask("INSERT INTO tickets (number, title) VALUES (1, '')")
    return server


async def increment(session: AsyncSession) -> int:
    number = 1 + int(await session.scalar(READ) or 0)
    await session.execute(WRITE, {"number": number})
    return number


class Increments:
    """The first two read before either of them writes."""

    def __init__(self) -> None:
        self.tries = 0
        self.both_have_read = asyncio.Barrier(2)

    async def __call__(self, session: AsyncSession) -> int:
        self.tries += 1
        if self.tries <= 2:
            await session.execute(READ)
            await self.both_have_read.wait()
        return await increment(session)


def test_every_increment_arrives(layer: Any, run: Run, counter: Server) -> None:
    async def live() -> tuple[list[int], int]:
        work = Increments()
        retrying = (layer.retry_serializable(work, attempts=1000) for _ in range(20))
        return await asyncio.gather(*retrying), work.tries

    results, tries = run(live())
    assert sorted(results) == list(range(2, 22))
    assert counter.numbers() == [21]
    assert tries > 20


def test_without_another_try_an_increment_is_refused(layer: Any, run: Run, counter: Server) -> None:
    """The test above can tell."""

    async def live() -> list[Any]:
        work = Increments()
        once = (layer.retry_serializable(work, attempts=1) for _ in range(2))
        return await asyncio.gather(*once, return_exceptions=True)

    error, result = sorted(run(live()), key=str)
    assert (error.orig.sqlstate, result) == ("40001", 2)
    assert counter.numbers() == [2]


def colliding(layer: Any, times: int) -> tuple[Work, list[int]]:
    """Return work in whose first tries another transaction is faster, and the list of the tries."""
    tries: list[int] = []

    async def work(session: AsyncSession) -> str:
        tries.append(len(tries) + 1)
        insert = text("INSERT INTO tickets (number, title) VALUES (:number, 'mine')")
        await session.execute(insert, {"number": 100 + tries[-1]})
        await session.execute(READ)
        if len(tries) <= times:
            async with layer.async_session() as rival, rival.begin():
                await increment(rival)
        await increment(session)
        return "done"

    return work, tries


def test_nothing_is_kept_of_a_try_that_failed(layer: Any, run: Run, counter: Server) -> None:
    work, tries = colliding(layer, 2)
    assert run(layer.retry_serializable(work)) == "done"
    assert tries == [1, 2, 3]
    assert counter.numbers() == [4, 103]


def test_the_last_collision_is_raised(layer: Any, run: Run, counter: Server) -> None:
    work, tries = colliding(layer, 5)
    with pytest.raises(DBAPIError) as raised:
        run(layer.retry_serializable(work, attempts=2))
    assert getattr(raised.value.orig, "sqlstate", None) == "40001"
    assert tries == [1, 2]
    assert counter.numbers() == [3]


def test_a_collision_at_commit_is_one(layer: Any, run: Run, counter: Server) -> None:
    """Two transactions that each read what the other one writes: only COMMIT finds out."""
    tries = 0

    async def add_the_sum(session: AsyncSession) -> str:
        nonlocal tries
        tries += 1
        total = await session.scalar(text("SELECT sum(number) FROM tickets"))
        await session.execute(
            text("INSERT INTO tickets (number, title) VALUES (:number, '')"),
            {"number": 10 * int(total or 0) + tries},
        )
        if tries == 1:
            await layer.retry_serializable(add_the_sum)
        return "done"

    assert run(layer.retry_serializable(add_the_sum)) == "done"
    assert tries == 3
    # Of the second try (1 + 10 + 2), then of the third, which has seen it.
    assert counter.numbers() == [1, 12, 133]


def test_a_deadlock_is_a_collision(layer: Any, run: Run, counter: Server) -> None:
    counter.ask("INSERT INTO tickets (number, title) VALUES (2, '')")
    tries = 0

    async def live() -> None:
        both_hold_one = asyncio.Barrier(2)

        async def lock(session: AsyncSession, *numbers: int) -> None:
            nonlocal tries
            tries += 1
            first, second = (
                text(f"SELECT FROM tickets WHERE number = {number} FOR UPDATE")
                for number in numbers
            )
            await session.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
            await session.execute(first)
            if tries <= 2:
                await both_hold_one.wait()
            await session.execute(second)

        await asyncio.gather(
            layer.retry_serializable(lambda session: lock(session, 1, 2)),
            layer.retry_serializable(lambda session: lock(session, 2, 1)),
        )

    run(live())
    assert tries == 3


def test_other_errors_are_raised_at_once(layer: Any, run: Run, counter: Server) -> None:
    tries = 0

    async def fail(session: AsyncSession) -> None:
        nonlocal tries
        tries += 1
        await session.execute(text("INSERT INTO tickets (number, title) VALUES (2, 'kept?')"))
        await session.execute(text("INSERT INTO tickets (number, title) VALUES (0, '')"))

    with pytest.raises(IntegrityError):
        run(layer.retry_serializable(fail))
    assert tries == 1
    assert counter.numbers() == [1]


@pytest.mark.parametrize("attempts", [0, -1])
def test_no_attempt_is_no_answer(layer: Any, run: Run, attempts: int) -> None:
    with pytest.raises(ValueError, match=rf"^attempts is {attempts}: expected at least 1$"):
        run(layer.retry_serializable(increment, attempts=attempts))
