"""Alembic's commands as functions, with a connection that was made elsewhere."""

import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url

import layering
from rendering import Tree
from runtime.application import Server
from runtime.migrating import THREE, make_home

PREPARE = """
import asyncio
import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

sys.path.insert(0, os.curdir)
url = os.environ["URL"].replace("postgresql", "postgresql+psycopg")
async_url = os.environ["URL"].replace("postgresql", "postgresql+asyncpg")
config = Config("alembic.ini")


def current(connection):
    return connection.scalar(text("SELECT version_num FROM alembic_version"))
"""
WAYS = {
    "Engine": """
engine = create_engine(url)
config.attributes["connection"] = engine
command.upgrade(config, "head")
with engine.connect() as connection, engine.connect() as another:
    assert current(connection) == "index"
    for each in (connection, another):
        assert each.scalar(text("SHOW statement_timeout")) == "9min"
command.downgrade(config, "base")
command.upgrade(config, "head")
""",
    "AsyncEngine": """
config.attributes["connection"] = create_async_engine(async_url)
command.upgrade(config, "head")
command.downgrade(config, "base")
command.upgrade(config, "head")
""",
    "AsyncEngine of a running loop": """
async def main():
    engine = create_async_engine(async_url)
    config.attributes["connection"] = engine
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    command.upgrade(config, "head")
    async with engine.connect() as connection:
        assert await connection.run_sync(current) == "index"
    await asyncio.to_thread(command.downgrade, config, "base")
    command.upgrade(config, "head")
    await engine.dispose()


asyncio.run(main())
""",
    "none, in a running loop": """
async def main():
    command.upgrade(config, "head")


os.environ["DATABASE_URL"] = os.environ["URL"]
asyncio.run(main())
""",
    "Connection": """
with create_engine(url).connect() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.rollback()
    command.upgrade(config, "head")
    connection.rollback()
""",
    "Connection of an AsyncConnection": """
def upgrade(connection):
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def main():
    engine = create_async_engine(async_url)
    async with engine.connect() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


asyncio.run(main())
""",
}


@pytest.fixture(scope="module")
def home(rendered: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(rendered, tmp_path_factory.mktemp("three") / "repository", THREE)


@pytest.mark.parametrize("way", WAYS)
def test_a_connection_may_be_passed(home: Path, database_url: str, way: str) -> None:
    server = Server(database_url)
    server.ask(f"ALTER DATABASE {make_url(database_url).database} SET statement_timeout = '9min'")
    layering.run(
        *(sys.executable, "-W", "error", "-c", PREPARE + WAYS[way]),
        cwd=home,
        variables={"URL": database_url},
    )
    assert server.ask("SELECT version_num FROM alembic_version") == ["index"]


LEAN = """
import sys

sys.path.insert(0, ".")

import layered.core.database.migrations.environment
import layered.models

assert not {"fastapi", "starlette"} & sys.modules.keys()
assert set(layered.core.database.__all__) - vars(layered.core.database).keys()
for name in layered.core.database.__all__:
    getattr(layered.core.database, name)
try:
    layered.core.database.typo
except AttributeError as error:
    assert str(error) == "module 'layered.core.database' has no attribute 'typo'"
"""


def test_alembic_starts_without_fastapi(home: Path) -> None:
    layering.run(sys.executable, "-c", LEAN, cwd=home)
