"""The tests that pytest-alembic brings, on what our env.py does with its engines."""

import re
import shutil
import sys
from pathlib import Path

import layering
from rendering import Tree, write
from runtime.application import TICKETS

TESTS = """\
import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from pytest_alembic.plugin.fixtures import alembic_config, alembic_runner
from pytest_alembic.tests import *
from pytest_alembic.tests.experimental import (
    test_all_models_register_on_metadata as all_models_register_on_metadata,
    test_downgrade_leaves_no_trace,
)


url = {url!r}
sync_engine = create_engine(url.replace("ql:", "ql+psycopg:"), poolclass=NullPool)
async_engine = create_async_engine(url.replace("ql:", "ql+asyncpg:"), poolclass=NullPool)


@pytest.fixture(params=[sync_engine, async_engine])
def alembic_engine(request):
    with sync_engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    return request.param


def test_all_models(alembic_runner):
    all_models_register_on_metadata(alembic_runner, "layered.models")
"""


def test_the_tests_of_pytest_alembic(rendered: Tree, tmp_path: Path, database_url: str) -> None:
    root = shutil.copytree(rendered.root, tmp_path / "repository")
    home = root / "backend"
    write(home, {"layered/models/tickets.py": TICKETS})
    url = {"DATABASE_URL": database_url}
    for message in ("tickets", "price"):
        layering.run(
            *("alembic", "revision", "--autogenerate", "-m", message), cwd=home, variables=url
        )
        layering.run("alembic", "upgrade", "head", cwd=home, variables=url)
        model = TICKETS + "    price: Mapped[float | None]\n"
        write(home, {"layered/models/tickets.py": model})
    # It knows only the base classes of SQLAlchemy 1, or the metadata.
    models = home / "layered/models/__init__.py"
    models.write_text(f"{models.read_text('utf-8')}\nmetadata = Base.metadata\n", "utf-8")
    write(home, {"test_theirs.py": TESTS.format(url=database_url)})

    # pytest-alembic uses what pytest and SQLAlchemy have deprecated.
    done = layering.run(
        *(sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "test_theirs.py"),
        cwd=home,
        variables=url,
        check=False,
    )
    assert re.search(r"\b12 passed", done.stdout), done.stdout
    assert "skipped" not in done.stdout
