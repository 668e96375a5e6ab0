"""One application under several event loops and in forked processes.

Each way is a process of its own where every warning is an error, up to its last moment.
"""

import subprocess
import sys

import pytest

import layering
from rendering import Tree

STRICT = (
    *("-X", "dev", "-W", "error"),
    # Python 3.12 and later warn of any fork in a process that ever had a second thread.
    *("-W", "ignore:This process:DeprecationWarning"),
)
APPLICATION = """
import asyncio
import gc
import logging
import multiprocessing
import os
import threading
import time
import warnings

import httpx
from fastapi import FastAPI
from sqlalchemy import select, text

from layered.api import router
from layered.core.database import async_session, engine, setup_database
from layered.models.tickets import Ticket

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

# Not how long a callback took, which it tells in development mode.
logging.getLogger("asyncio").setLevel(logging.ERROR)

OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)

app = FastAPI()
setup_database(app)
app.include_router(router)


def request(client, number):
    assert client.post(f"/tickets/{number}").status_code == 201
    return client.get("/numbers").json()


async def request_in_this_loop(number):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        assert (await client.post(f"/tickets/{number}")).status_code == 201
        return (await client.get("/numbers")).json()


async def add(number):
    async with async_session() as session, session.begin():
        session.add(Ticket(number=number))


async def read(statement):
    async with async_session() as session:
        return list(await session.scalars(statement))
"""
# PostgreSQL needs a moment to notice that somebody has gone; who has not gone stays.
AT_THE_END = """
for _ in range(250):
    [others] = asyncio.run(read(OTHERS))
    if not others:
        break
    time.sleep(0.02)
print("connections:", others)
"""
IN_TURN = "[1]\n[1, 2]\n[1, 2, 3]\n"
WAYS = {
    "TestClient": """
client = TestClient(app)
for number in range(1, 4):
    print(request(client, number))
""",
    "TestClient with lifespan": """
for number in range(1, 4):
    with TestClient(app) as client:
        print(request(client, number))
""",
    "TestClient of both kinds": """
with TestClient(app) as client:
    print(request(client, 1))
    print(request(TestClient(app), 2))
    print(request(client, 3))
""",
    "ASGITransport": """
for number in range(1, 4):
    print(asyncio.run(request_in_this_loop(number)))
""",
    "scripts": """
for number in range(1, 4):
    asyncio.run(add(number))
    print(asyncio.run(read(select(Ticket.number).order_by(Ticket.number))))
""",
    "a loop inside of a loop's thread": """
async def main():
    print(await request_in_this_loop(1))
    print(await asyncio.to_thread(asyncio.run, request_in_this_loop(2)))
    print(await request_in_this_loop(3))

asyncio.run(main())
""",
    # The child has the sockets of the parent, and must leave them alone.
    "fork": """
async def main():
    print(await request_in_this_loop(1), flush=True)
    child = os.fork()
    if not child:
        code = 1
        try:
            print(asyncio.run(request_in_this_loop(2)), flush=True)
            gc.collect()
            code = 0
        finally:
            os._exit(code)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert status == 0
    print(await request_in_this_loop(3))

asyncio.run(main())
""",
    "multiprocessing": """
def child():
    print(asyncio.run(request_in_this_loop(2)), flush=True)

async def main():
    print(await request_in_this_loop(1), flush=True)
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode == 0
    print(await request_in_this_loop(3))

asyncio.run(main())
""",
}
# Both are connected before either goes on.
AT_THE_SAME_TIME = """
both = threading.Barrier(2, timeout=60)
seen = []

async def work(first):
    await add(first)
    await asyncio.to_thread(both.wait)
    for number in range(first + 1, first + 10):
        assert number in await request_in_this_loop(number)
    seen.append(first)

threads = [threading.Thread(target=asyncio.run, args=(work(first),)) for first in (100, 200)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(seen), len(asyncio.run(read(select(Ticket.number)))))
"""
FIFTY_LOOPS = """
for number in range(50):
    asyncio.run(add(number + 1))
    assert len(engine._engines) == 1, len(engine._engines)
"""
# Without what asyncio.run() does before it closes its loop.
CLOSED_ONLY = """
for number in range(1, 4):
    loop = asyncio.new_event_loop()
    print(loop.run_until_complete(request_in_this_loop(number)))
    loop.close()
asyncio.run(add(4))
gc.collect()
assert len(engine._engines) == 1
"""


def run(project: Tree, url: str, script: str) -> subprocess.CompletedProcess[str]:
    return layering.run(
        *(sys.executable, *STRICT, "-c", APPLICATION + script + AT_THE_END),
        cwd=project.import_root,
        variables={"DATABASE_URL": url},
    )


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        *(pytest.param(script, IN_TURN, id=name) for name, script in WAYS.items()),
        pytest.param(AT_THE_SAME_TIME, "[100, 200] 20\n", id="at the same time"),
        pytest.param(FIFTY_LOOPS, "", id="fifty loops"),
    ],
)
def test_it_works_and_leaves_nothing(
    project: Tree, database: str, script: str, printed: str
) -> None:
    done = run(project, database, script)
    assert (done.stdout, done.stderr) == (f"{printed}connections: 0\n", "")


def test_a_loop_that_is_only_closed(project: Tree, database: str) -> None:
    """Its connections end as garbage, and asyncpg tells so: the others above are closed."""
    done = run(project, database, CLOSED_ONLY)
    assert done.stdout == f"{IN_TURN}connections: 0\n"
    assert "ResourceWarning: unclosed connection" in done.stderr
    assert "RuntimeError" not in done.stderr
