"""Suites of a user, who tests with the fixtures of the layer."""

MAIN = """\
from fastapi import FastAPI

from layered.api import router
from layered.core.database import setup_database

app = FastAPI()
setup_database(app)
app.include_router(router)
"""
CONFTEST = 'pytest_plugins = ["layered.core.database.testing"]\n'

# Each leaves a row of which there may be one only, and looks for those of others.
MANY = """\
import pytest
from sqlalchemy import func, select

from layered.core.database import async_session
from layered.models.tickets import Ticket

COUNT = select(func.count()).select_from(Ticket)


@pytest.mark.anyio
@pytest.mark.parametrize("_", range({coroutines}))
async def test_a_session(_, db_session):
    assert await db_session.scalar(COUNT) == 0
    db_session.add(Ticket(number=1))
    await db_session.commit()
    assert await db_session.scalar(COUNT) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("_", range({functions}))
async def test_a_session_of_the_application(_, isolated_database):
    async with async_session() as session, session.begin():
        assert await session.scalar(COUNT) == 0
        session.add(Ticket(number=1))
    async with async_session() as session:
        assert await session.scalar(COUNT) == 1


@pytest.mark.parametrize("_", range({requests}))
def test_requests(_, client):
    assert client.get("/numbers").json() == []
    assert client.post("/tickets/1").status_code == 201
    assert client.get("/numbers").json() == [1]
"""

# As in production: each of these is true of a real database as well (own_database).
BEHAVIOUR = """\
import asyncio
import os

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from layered.core.database import async_session, retry_serializable
from layered.core.database.session import get_read_db
from layered.models.tickets import Ticket

pytestmark = [{marks}]
NUMBERS = select(Ticket.number).order_by(Ticket.number)


async def numbers():
    async with async_session() as session:
        return (await session.scalars(NUMBERS)).all()


def test_a_plain_function(client):
    assert client.post("/tickets/1").status_code == 201
    assert client.get("/numbers").json() == [1]


def test_another_plain_function(client):
    assert client.get("/numbers").json() == []


async def test_rows_of_the_test_and_of_the_application(async_client, db_session):
    db_session.add(Ticket(number=7))
    await db_session.commit()
    assert (await async_client.get("/numbers")).json() == [7]
    assert (await async_client.post("/tickets/8")).status_code == 201
    assert (await db_session.scalars(NUMBERS)).all() == [7, 8]


async def test_a_row_is_read_anew(async_client, db_session):
    ticket = Ticket(number=7, title="old")
    db_session.add(ticket)
    await db_session.commit()
    async with async_session() as session, session.begin():
        (await session.get_one(Ticket, ticket.id)).title = "new"
    assert (await db_session.scalars(select(Ticket))).one().title == "new"


async def test_a_client_in_another_thread(client, db_session):
    db_session.add(Ticket(number=7))
    await db_session.commit()
    assert client.get("/numbers").json() == [7]


async def test_a_constraint_that_is_checked_at_commit(async_client, db_session):
    assert (await async_client.post("/tickets/7")).status_code == 201
    for session in (async_session(), db_session):
        session.add(Ticket(number=7, title="another"))
        await session.flush()
        with pytest.raises(IntegrityError, match="uq_tickets_number"):
            await session.commit()
        await session.close()
    assert (await async_client.post("/tickets/7")).status_code == 409
    async with async_session() as session, session.begin():
        await session.execute(text("UPDATE tickets SET number = 8"))
        session.add(Ticket(number=8, title="gone"))
        await session.flush()
        await session.execute(text("DELETE FROM tickets WHERE title = 'gone'"))
    assert await numbers() == [8]


async def test_a_constraint_that_is_deferred_by_hand(isolated_database):
    parent = text("INSERT INTO tickets (number, title, parent_id) VALUES (1, '', 99)")
    with pytest.raises(IntegrityError):
        async with async_session() as session, session.begin():
            await session.execute(parent)
    assert await numbers() == []


async def test_a_rollback_after_two_have_read(isolated_database):
    async with async_session() as session:
        await session.scalars(NUMBERS)
        async for reading in get_read_db():
            assert (await reading.scalars(NUMBERS)).all() == []
        await session.rollback()
    assert await numbers() == []


async def test_what_is_raised_is_undone(async_client):
    assert (await async_client.post("/raised/1")).status_code == 400
    with pytest.raises(ZeroDivisionError):
        await async_client.post("/crashed/2")
    assert (await async_client.post("/returned/3")).status_code == 400
    assert await numbers() == [3]


async def test_an_error_that_is_caught_in_a_savepoint(isolated_database):
    async with async_session() as session, session.begin():
        session.add(Ticket(number=1))
        await session.flush()
        with pytest.raises(IntegrityError):
            async with session.begin_nested():
                await session.execute(text("INSERT INTO tickets (id) VALUES (NULL)"))
        session.add(Ticket(number=2))
    assert await numbers() == [1, 2]


async def test_an_error_that_is_swallowed(isolated_database):
    async with async_session() as session:
        session.add(Ticket(number=1))
        await session.flush()
        with pytest.raises(DBAPIError):
            await session.execute(text("SELECT 1/0"))
        with pytest.raises(DBAPIError) as caught:
            await session.commit()
        assert caught.value.orig.sqlstate == "25P02"
    assert await numbers() == []


async def test_requests_at_the_same_time(async_client):
    posts = (async_client.post(f"/tickets/{{n % 20 + 1}}") for n in range(40))
    found = [response.status_code for response in await asyncio.gather(*posts)]
    assert sorted(found) == [201] * 20 + [409] * 20
    assert await numbers() == [*range(1, 21)]


async def test_reading_only(async_client, db_session):
    for how in ("text", "objects"):
        with pytest.raises(DBAPIError, match="read-only"):
            await async_client.post(f"/refused/{{how}}")
    async for session in get_read_db():
        assert (await session.scalars(NUMBERS)).all() == []
    db_session.add(Ticket(number=1))
    await db_session.commit()
    assert (await async_client.get("/numbers")).json() == [1]


async def test_both_sessions_in_one_request(async_client):
    assert len({{*(await async_client.get("/which")).json()}}) == 1


async def test_units_of_work(isolated_database):
    async def work(session):
        session.add(Ticket(number=1))

    await retry_serializable(work)
    assert await numbers() == [1]


async def test_a_stream(isolated_database):
    async with async_session() as session, session.begin():
        session.add_all(Ticket(number=n) for n in range(1, 501))
    async with async_session() as session:
        stream = await session.stream_scalars(NUMBERS)
        assert [n async for n in stream] == [*range(1, 501)]


async def test_a_cancelled_task(isolated_database):
    async def work():
        async with async_session() as session, session.begin():
            session.add(Ticket(number=1))
            await session.flush()
            await session.execute(text("SELECT pg_sleep(60)"))

    task = asyncio.create_task(work())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with async_session() as session, session.begin():
        session.add(Ticket(number=2))
    assert await numbers() == [2]


async def test_an_unfinished_transaction(isolated_database):
    session = async_session()
    session.add(Ticket(number=1))
    await session.flush()
    await session.close()
    assert await numbers() == []


async def test_every_variable_leads_there(isolated_database, db_session):
    name = await db_session.scalar(select(func.current_database()))
    for variable in ("DATABASE_URL", "DATABASE_READ_URL", "ALEMBIC_DATABASE_URL"):
        assert os.environ[variable].endswith(name)
"""

LEAKS = """\
import pytest

from layered.core.database import async_session
from layered.models.tickets import Ticket

LEFT = []


@pytest.mark.anyio
async def test_that_leaves_a_transaction_open(isolated_database):
    session = async_session()
    LEFT.append(session)
    session.add(Ticket(number=1))
    await session.flush()
    raise AssertionError


def test_that_fails_in_a_request(client):
    assert client.post("/tickets/1").status_code == 500


@pytest.mark.anyio
async def test_after_them(db_session):
    db_session.add(Ticket(number=1))
    await db_session.commit()
"""

TWO_AT_ONCE = """\
import asyncio
import os

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from layered.core.database import async_session
from layered.core.database.session import get_read_db
from layered.models.tickets import Ticket

pytestmark = pytest.mark.anyio


async def work():
    async with async_session() as outer, async_session() as inner:
        outer.add(Ticket(number=1))
        await outer.flush()
        inner.add(Ticket(number=2))
        await inner.commit()
        await outer.rollback()
    async with async_session() as session:
        return (await session.scalars(select(Ticket.number))).all()


async def read_inside():
    async with async_session() as session, session.begin():
        session.add(Ticket(number=1))
        await session.flush()
        async for reading in get_read_db():
            return (await reading.scalars(select(Ticket.number))).all()


async def only_read():
    async with async_session() as outer, async_session() as inner:
        await outer.scalars(select(Ticket))
        await inner.scalars(select(Ticket))


async def test_isolated(isolated_database):
    for two_at_once in (only_read, work, read_inside):
        with pytest.raises(RuntimeError, match="own_database"):
            await two_at_once()


async def test_a_read_before_the_first_write(isolated_database):
    async with async_session() as session, session.begin():
        await session.scalars(select(Ticket))
        async for reading in get_read_db():
            assert (await reading.scalars(select(Ticket))).all() == []
        session.add(Ticket(number=1))


async def test_isolated_again(isolated_database):
    async with async_session() as session:
        assert (await session.scalars(select(Ticket))).all() == []


async def test_own(own_database):
    assert await work() == [2]
    assert await read_inside() == [2]


async def test_own_asked_for_later(request):
    request.getfixturevalue("own_database")
    assert await work() == [2]


async def test_own_asked_for_too_late(request, isolated_database):
    with pytest.raises(RuntimeError, match="among its arguments"):
        request.getfixturevalue("own_database")


async def test_a_rollback_that_would_undo_the_work_of_others(isolated_database, db_session):
    await db_session.scalars(select(Ticket))
    async with async_session() as session, session.begin():
        session.add(Ticket(number=1))
    with pytest.raises(RuntimeError, match="commit that before"):
        await db_session.rollback()


async def test_a_listener(own_database):
    heard = asyncio.Queue()
    # So that it raises when another thread wakes it.
    asyncio.get_running_loop().set_debug(True)
    waiting = asyncio.create_task(heard.get())
    async with async_session() as session, async_session() as other:
        connection = await (await session.connection()).get_raw_connection()
        await connection.driver_connection.add_listener("news", lambda *a: heard.put_nowait(a[3]))
        await session.commit()
        await other.execute(text("NOTIFY news, 'here'"))
        await other.commit()
        assert await asyncio.wait_for(waiting, 5) == "here"
    asyncio.get_running_loop().set_debug(False)


async def test_a_connection_that_is_ended(isolated_database):
    with pytest.raises(DBAPIError):
        async with async_session() as session:
            await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


async def test_after_it(isolated_database, db_session):
    async with async_session() as session, session.begin():
        session.add(Ticket(number=1))
    assert (await db_session.scalars(select(Ticket.number))).all() == [1]


async def test_a_test_that_patches_and_undoes(isolated_database, monkeypatch):
    monkeypatch.undo()
    async with async_session() as session, session.begin():
        session.add(Ticket(number=1))


async def test_a_test_that_asks_for_nothing():
    assert "me:pa55word" not in os.environ["DATABASE_URL"]
    async with async_session() as session:
        with pytest.raises(OperationalError):
            await session.scalars(select(Ticket))


async def test_own_again(own_database, db_session):
    assert (await db_session.scalars(select(Ticket))).all() == []
"""

FACTORY = """\
import pytest
from polyfactory.factories.sqlalchemy_factory import SQLAlchemyFactory

from layered.models.tickets import Ticket


class TicketFactory(SQLAlchemyFactory[Ticket]):
    __set_primary_key__ = False

    parent_id = None


@pytest.mark.anyio
async def test_a_row_that_a_factory_makes(db_session, async_client):
    db_session.add(TicketFactory.build(number=7))
    await db_session.commit()
    assert (await async_client.get("/numbers")).json() == [7]
"""
