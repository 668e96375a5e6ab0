"""Enums as text with a CHECK, through autogenerate and in sessions; ids made by the server."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import layering
from rendering import Tree, render, write
from runtime.application import REPOSITORY, TICKETS, Server

MODELS = """\
import enum
from typing import Literal

from sqlalchemy import ARRAY, Boolean, CheckConstraint, Enum
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base, TimestampMixin


class Color(enum.StrEnum):
    RED = "red"
    GREEN = "it's 100% green"
    ALSO_RED = "red"


class Old(str, enum.Enum):
    A = "a"


class Priority(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Shape(TimestampMixin, Base):
    __tablename__ = "shapes"
    __table_args__ = (CheckConstraint("length(note) > 0", name="note"),)

    note: Mapped[str]
    fill: Mapped[Color] = mapped_column(server_default=Color.RED)
    line: Mapped[Color | None]
    old: Mapped[Old] = mapped_column(default=Old.A)
    priority: Mapped[Priority]
    word: Mapped[Literal["x", "y"]]
    native: Mapped[Color] = mapped_column(Enum(Color))
    flag: Mapped[bool] = mapped_column(Boolean(create_constraint=True))
    many: Mapped[list[Color]] = mapped_column(ARRAY(Enum(Color, native_enum=False)))


class Other(Base):
    __tablename__ = "others"
    __table_args__ = {"schema": "else"}

    id: Mapped[int] = mapped_column(primary_key=True)
    given: Mapped[Color] = mapped_column(
        Enum(Color, native_enum=False, create_constraint=True, length=20)
    )
"""
ADDED = """\
    later: Mapped[Color] = mapped_column(server_default=Color.RED)
    maybe: Mapped[Literal["p", "q"] | None]
"""
CHECKS = """\
SELECT conrelid::regclass || '.' || conname FROM pg_constraint
WHERE contype = 'c' AND connamespace <> 'information_schema'::regnamespace ORDER BY 1
"""
SESSION = """\
import asyncio

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from layered.core.database import async_session
from layered.core.database.engine import dispose_engines
from layered.models.shapes import Color, Old, Priority, Shape


def shape(**more):
    values = {"note": "a", "line": Color.GREEN, "word": "x", "flag": True, "native": Color.RED}
    return Shape(**values | {"priority": Priority.HIGH, "many": [Color.GREEN]} | more)


async def main():
    async with async_session() as session, session.begin():
        session.add_all([shape(), shape(line=None, word="y")])
    async with async_session() as session:
        one, two = await session.scalars(select(Shape).order_by(Shape.id))
        assert (one.fill, one.line, one.old) == (Color.RED, Color.GREEN, Old.A)
        assert (one.priority, one.word, one.many) == (Priority.HIGH, "x", [Color.GREEN])
        assert (one.later, two.line, two.word) == (Color.RED, None, "y")
        where = select(Shape.id).where(Shape.line == Color.GREEN, Shape.priority == Priority.HIGH)
        assert list(await session.scalars(where)) == [one.id]
        stored = "SELECT concat_ws('|', fill, line, old, priority, word, native) FROM shapes"
        assert await session.scalar(text(stored)) == "red|it's 100% green|a|HIGH|x|RED"
    for column in ("fill", "word"):
        async with async_session() as session:
            try:
                await session.execute(text(f"UPDATE shapes SET {column} = 'blue'"))
            except DBAPIError as error:
                assert f"ck_shapes_{column}" in str(error)
            else:
                raise AssertionError(column)
    async with async_session() as session:
        session.add(shape(line="blue"))
        try:
            await session.flush()
        except DBAPIError as error:
            assert "ck_shapes_line" in str(error)
        else:
            raise AssertionError
    await dispose_engines()


asyncio.run(main())
"""
LABELLED = """\
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base


class Parcel(Base):
    __tablename__ = "parcels"

    id: Mapped[UUID] = mapped_column(
        primary_key=True, server_default=func.uuidv7(monotonic=True)
    )
    number: Mapped[int]
"""
BATCH = """\
import asyncio

from sqlalchemy import event, select

from layered.core.database import async_session
from layered.core.database.engine import dispose_engines, get_engine
from layered.models.parcels import Parcel

COUNT = 2500


async def main():
    statements = []
    listening = event.listens_for(get_engine().sync_engine, "before_cursor_execute")
    listening(lambda *given: statements.append(given[2]))
    parcels = [Parcel(number=number) for number in range(COUNT)]
    async with async_session() as session, session.begin():
        session.add_all(parcels)
    # Not one for each row, and each object has the id of its own row.
    inserts = [statement for statement in statements if "INSERT" in statement]
    assert 0 < len(inserts) < 10, len(inserts)
    made = {parcel.id: parcel.number for parcel in parcels}
    async with async_session() as session:
        rows = (await session.execute(select(Parcel.id, Parcel.number).order_by(Parcel.id))).all()
    assert dict(map(tuple, rows)) == made
    assert [number for _, number in rows] == list(range(COUNT))
    assert {identifier.version for identifier in made} == {7}
    await dispose_engines()


asyncio.run(main())
"""


@pytest.fixture
def home(rendered: Tree, tmp_path: Path) -> Path:
    return shutil.copytree(rendered.root, tmp_path / "repository") / "backend"


def alembic(
    home: Path, url: str, *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    return layering.run(
        "alembic", *arguments, cwd=home, check=check, variables={"DATABASE_URL": url}
    )


def autogenerate(home: Path, url: str) -> str:
    """Write a revision, run it, and see that nothing is left to do."""
    before = set((home / "alembic/versions").glob("*.py"))
    alembic(home, url, "revision", "--autogenerate", "-m", "models")
    [revision] = set((home / "alembic/versions").glob("*.py")) - before
    alembic(home, url, "upgrade", "head")
    alembic(home, url, "check")
    # However ruff has laid it out.
    return re.sub(r"\s+", " ", revision.read_text("utf-8")).replace("'", '"')


def run_tests(home: Path, url: str) -> str:
    """Run the tests of the migrations that compare, and go there and back."""
    return layering.run(
        *(sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider"),
        *("tests/database/test_database_migrations.py", "-k", "not head_file"),
        cwd=home,
        variables={"TEST_DATABASE_URL": url},
        check=False,
    ).stdout


def test_from_models_to_tables_and_rows(home: Path, database_url: str) -> None:
    server = Server(database_url)
    server.ask('CREATE SCHEMA "else"')
    write(
        home,
        {"layered/models/shapes.py": MODELS.replace("\n\nclass Other", "#MORE\n\nclass Other")},
    )
    first = autogenerate(home, database_url)
    assert 'sa.Column("fill", sa.String(), server_default="red", nullable=False)' in first
    assert 'sa.Column("line", sa.String(), nullable=True)' in first
    assert 'sa.CheckConstraint( "fill IN ("red", "it""s 100% green")", name=op.f("ck_sha' in first
    model = home / "layered/models/shapes.py"
    model.write_text(model.read_text("utf-8").replace("#MORE", f"\n{ADDED}"), "utf-8")
    second = autogenerate(home, database_url)
    # Once, and behind the column.
    assert second.count('"ck_shapes_later"') == 2
    assert second.index("add_column") < second.index("create_check_constraint")
    columns = ("fill", "later", "line", "maybe", "note", "old", "priority", "word")
    assert server.ask(CHECKS) == [
        '"else".others.ck_others_given',
        *(f"shapes.ck_shapes_{column}" for column in columns),
    ]
    layering.run("python", "-c", SESSION, cwd=home, variables={"DATABASE_URL": database_url})
    alembic(home, database_url, "downgrade", "-1")
    alembic(home, database_url, "upgrade", "head")
    alembic(home, database_url, "check")


def test_the_tests_of_the_migrations_are_green(home: Path, database_url: str) -> None:
    models = MODELS.replace('    __table_args__ = {"schema": "else"}\n', "")
    models = re.sub(r"    native: .*\n", "", models)
    write(home, {"layered/models/shapes.py": models})
    autogenerate(home, database_url)
    added = models.replace("\n\nclass Other", f"\n{ADDED}\n\nclass Other").replace(
        "]))\n\n    l", "]))\n    l"
    )
    write(home, {"layered/models/shapes.py": added})
    autogenerate(home, database_url)
    printed = run_tests(home, database_url)
    assert "9 passed, 1 deselected" in printed, printed


def test_a_longer_value_is_another_check_only(home: Path, database_url: str) -> None:
    write(home, {"layered/models/shapes.py": MODELS.replace('{"schema": "else"}', "{}")})
    autogenerate(home, database_url)
    model = home / "layered/models/shapes.py"
    text = model.read_text("utf-8")
    model.write_text(text.replace('Literal["x", "y"]', 'Literal["x", "yellow"]'), "utf-8")
    # Alembic compares the names of CHECK constraints, and types have not changed.
    alembic(home, database_url, "check")


def test_a_check_without_a_name_is_refused(home: Path, database_url: str) -> None:
    write(home, {"layered/models/shapes.py": MODELS.replace(', name="note"', "")})
    done = alembic(home, database_url, "check", check=False)
    assert 'A CheckConstraint of shapes has no name: add name="..."' in done.stderr


@pytest.mark.parametrize("key", ["integer", "uuid7"])
def test_the_mixin_equals_its_tables(
    key: str, template: Path, tmp_path: Path, database_url: str
) -> None:
    root = write(tmp_path / "repository", REPOSITORY)
    tree = render(template, root, root, db_primary_key=key)
    kind = "UUID" if key == "uuid7" else "int"
    tickets = TICKETS.replace("Mapped[int | None]", f"Mapped[{kind} | None]")
    write(tree.import_root, {"layered/models/tickets.py": f"from uuid import UUID\n\n{tickets}"})
    revision = autogenerate(tree.import_root, database_url)
    assert ("sa.Uuid()" if key == "uuid7" else "sa.BigInteger(), sa.Identity(") in revision


@pytest.mark.usefixtures("_uuids_of_the_server")
def test_ids_made_by_the_server_keep_the_order_of_a_batch(home: Path, database_url: str) -> None:
    write(home, {"layered/models/parcels.py": LABELLED})
    revision = autogenerate(home, database_url)
    assert 'server_default=sa.text("uuidv7()")' in revision
    layering.run("python", "-c", BATCH, cwd=home, variables={"DATABASE_URL": database_url})
