"""What it costs that each test is undone, against tests that do nothing.

Also how long a process waits for its copy of the migrated database, and how much faster this is
than `create_all` and `drop_all` around each test. All in one process of pytest, with 30 tables.

uv run tests/benchmarks/isolation_time.py [tests of each kind]
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "template")]

import postgres
from layering import make_template, run
from rendering import render, write
from runtime.application import REPOSITORY
from runtime.test_enums import autogenerate

TABLE = """

class Table{n}(TimestampMixin, Base):
    __tablename__ = "table_{n}"

    name: Mapped[str] = mapped_column(unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("table_1.id"), index=True)
"""
MODELS = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base, TimestampMixin
""" + "".join(TABLE.format(n=n) for n in range(1, 31))

CONFTEST = """\
import json
import time
from collections import defaultdict

import pytest

pytest_plugins = ["layered.core.database.testing"]
SECONDS = defaultdict(list)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    began = time.perf_counter()
    try:
        return (yield)
    finally:
        SECONDS[item.originalname].append(time.perf_counter() - began)


def pytest_sessionfinish():
    with open("seconds.json", "w") as file:
        json.dump(SECONDS, file)
"""
SUITE = """\
import asyncio
import time

import pytest
from sqlalchemy import func, select

from layered.core.database import Base
from layered.core.database.create import create_migration_engine
from layered.core.database.settings import read_settings
from layered.core.database.testing.worker import run_of
from layered.core.database.url import read_url
from layered.models.tables import Table1

from conftest import SECONDS


@pytest.fixture
def made(pytestconfig):
    run = run_of(pytestconfig)
    name = run.databases.name("made")
    address = read_url(run.make(name), "TEST_DATABASE_URL")
    yield create_migration_engine(read_settings(), address)
    run.drop(name)


@pytest.mark.parametrize("_", range({count}))
def test_empty(_): ...


@pytest.mark.parametrize("_", range({count}))
def test_isolated(_, isolated_database): ...


@pytest.mark.anyio
@pytest.mark.parametrize("_", range({count}))
async def test_empty_coroutine(_): ...


@pytest.mark.anyio
@pytest.mark.parametrize("_", range({count}))
async def test_isolated_coroutine(_, db_session): ...


@pytest.mark.anyio
@pytest.mark.parametrize("_", range({count}))
async def test_write_and_read(_, db_session):
    db_session.add(Table1(name="a"))
    await db_session.commit()
    assert await db_session.scalar(select(func.count()).select_from(Table1)) == 1


def test_clones(pytestconfig, database_worker):
    run = run_of(pytestconfig)
    for index in range(20):
        began = time.perf_counter()
        run.make(run.databases.name("clone"), run.databases.name("template"))
        SECONDS["clone"].append(time.perf_counter() - began)
        run.drop(run.databases.name("clone"))


def test_create_all_and_drop_all(made):
    async def work():
        for index in range(20):
            began = time.perf_counter()
            async with made.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
            async with made.begin() as connection:
                await connection.run_sync(Base.metadata.drop_all)
            SECONDS["create_all"].append(time.perf_counter() - began)
        await made.dispose()

    asyncio.run(work())
"""


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name, postgres.running() as server:
        folder = Path(name)
        root = write(folder / "repository", REPOSITORY)
        tree = render(make_template(folder / "template"), root, root)
        home = tree.import_root
        files = {
            "layered/models/tables.py": MODELS,
            "tests/conftest.py": CONFTEST,
            "tests/test_suite.py": SUITE.format(count=count),
        }
        write(home, files)
        postgres.create_database(server.url(), "shop")
        autogenerate(home, server.url("shop"))
        run(
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "anyio"),
            "tests/test_suite.py",
            cwd=home,
            variables={
                "TEST_DATABASE_URL": server.url(),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTEST_ADDOPTS": "",
            },
        )
        seconds: dict[str, list[float]] = json.loads((home / "seconds.json").read_text("utf-8"))
    medians = {
        label.removeprefix("test_"): 1000 * statistics.median(values)
        for label, values in seconds.items()
        if len(values) > 1
    }
    for label, median in medians.items():
        print(f"{label:24}{median:10.2f} ms")
    cost = medians["isolated"] - medians["empty"]
    print(f"isolation of a function: {cost:.2f} ms, aim 2")
    coroutine = medians["isolated_coroutine"] - medians["empty_coroutine"]
    print(f"a session of a coroutine: {coroutine:.2f} ms, aim 2")
    print(f"clone: {medians['clone']:.0f} ms, aim 150")
    print(f"create_all and drop_all: {medians['create_all'] / cost:.0f} times as long, aim 50")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
