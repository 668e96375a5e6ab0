"""The tests of the user's migrations: green when all is well, each red for its own reason."""

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url

import layering
from rendering import Tree, write
from runtime.application import Server

MODELS = """\
import enum
from datetime import date

from sqlalchemy import ARRAY, CheckConstraint, Computed, Enum, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base, TimestampMixin


class Color(enum.StrEnum):
    RED = "red"
    GREEN = "green"


class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


class Item(TimestampMixin, Base):
    __tablename__ = "items"
    __table_args__ = (
        UniqueConstraint("number", deferrable=True, initially="DEFERRED"),
        CheckConstraint("price > 0", name="price"),
        {"schema": "shop"},
    )

    number: Mapped[int]
    price: Mapped[int] = mapped_column(index=True)
    total: Mapped[int] = mapped_column(Computed("price * number", persisted=True))
    color: Mapped[Color]
    back: Mapped[Color | None]
    sizes: Mapped[list[Size]] = mapped_column(ARRAY(Enum(Size)))


class Event(Base):
    __tablename__ = "events"
    __table_args__ = {"postgresql_partition_by": "RANGE (day)"}

    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[Color]
"""
FIRST = """\
import sqlalchemy as sa

from alembic import op

revision = "000000000001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA shop")
    op.create_table(
        "items",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), sa.Computed("price * number", persisted=True)),
        sa.Column("color", sa.String(), nullable=False),
        sa.Column("sizes", sa.ARRAY(sa.Enum("SMALL", "LARGE", name="size")), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        sa.CheckConstraint("color IN ('red', 'green')", name=op.f("ck_items_color")),
        sa.CheckConstraint("price > 0", name=op.f("ck_items_price")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
        sa.UniqueConstraint(
            "number", deferrable=True, initially="DEFERRED", name=op.f("uq_items_number")
        ),
        schema="shop",
    )
    op.create_index(op.f("ix_items_price"), "items", ["price"], schema="shop")
    for name in ("total", "created_at", "updated_at"):
        op.alter_column("items", name, nullable=False, schema="shop")


def downgrade() -> None:
    op.drop_table("items", schema="shop")
    sa.Enum(name="size").drop(op.get_bind())
    op.execute("DROP SCHEMA shop")
"""
SECOND = """\
import sqlalchemy as sa

from alembic import op

revision = "000000000002"
down_revision = "000000000001"


def upgrade() -> None:
    op.add_column("items", sa.Column("back", sa.String()), schema="shop")
    op.create_check_constraint(
        op.f("ck_items_back"), "items", "back IN ('red', 'green')", schema="shop"
    )
    op.create_table(
        "events",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('red', 'green')", name=op.f("ck_events_kind")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_events")),
        postgresql_partition_by="RANGE (day)",
    )
    op.execute("CREATE TABLE events_later PARTITION OF events DEFAULT")
    op.execute(
        "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN NEW.updated_at = now(); RETURN NEW; END'"
    )
    op.execute(
        "CREATE TRIGGER touch BEFORE UPDATE ON shop.items FOR EACH ROW EXECUTE FUNCTION touch()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER touch ON shop.items")
    op.execute("DROP FUNCTION touch()")
    op.drop_table("events")
    op.drop_column("items", "back", schema="shop")
"""
MODEL_FILE = "layered/models/shop.py"
FIRST_FILE = "alembic/versions/1_items.py"
SECOND_FILE = "alembic/versions/2_events.py"
HEAD_FILE = "alembic/versions/HEAD"
GOOD = {
    MODEL_FILE: MODELS,
    FIRST_FILE: FIRST,
    SECOND_FILE: SECOND,
    HEAD_FILE: "000000000002 events\n",
}
OTHER_HEAD = """\
revision = "000000000003"
down_revision = "000000000001"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
"""
LOOKS_AT_ROWS = 'for row in op.get_bind().execute(sa.text("SELECT 1")):\n        assert row'
# What is changed, and the one test that fails.
MUTANTS = {
    "a column without a revision": (
        {MODEL_FILE: MODELS + "    more: Mapped[int | None]\n"},
        "test_the_models_equal_the_tables",
    ),
    "a text enum without a revision": (
        {MODEL_FILE: MODELS + "    more: Mapped[Color | None]\n"},
        "test_the_models_equal_the_tables",
    ),
    "an enum type with a new value": (
        {MODEL_FILE: MODELS.replace("LARGE = 2", "LARGE = 2\n    HUGE = 3")},
        "test_the_enum_types_have_the_values_of_the_models",
    ),
    "a text enum with a new value": (
        {MODEL_FILE: MODELS.replace('GREEN = "green"', 'GREEN = "green"\n    BLUE = "blue"')},
        "test_the_check_constraints_are_those_of_the_models",
    ),
    "another CHECK": (
        {MODEL_FILE: MODELS.replace("price > 0", "price >= 0")},
        "test_the_check_constraints_are_those_of_the_models",
    ),
    "a downgrade that refuses": (
        {SECOND_FILE: SECOND.replace('op.drop_table("events")', "raise NotImplementedError")},
        "test_the_migrations_lead_up_down_and_up",
    ),
    "a downgrade that leaves a function": (
        {SECOND_FILE: SECOND.replace('op.execute("DROP FUNCTION touch()")', "pass")},
        "test_a_downgrade_leaves_no_trace",
    ),
    "a downgrade that loses an index": (
        {SECOND_FILE: f"{SECOND}    op.drop_index('ix_items_price', schema='shop')\n"},
        "test_a_downgrade_leaves_no_trace",
    ),
    "two heads": (
        {"alembic/versions/3_other.py": OTHER_HEAD},
        "test_there_is_one_head",
    ),
    "a stale HEAD": ({HEAD_FILE: "000000000001 items\n"}, "test_the_head_file_names_the_head"),
    "a HEAD in conflict": (
        {HEAD_FILE: "<<<<<<< HEAD\n000000000002 events\n=======\n000000000001\n>>>>>>> main\n"},
        "test_the_head_file_names_the_head",
    ),
    "an upgrade that fails": (
        {SECOND_FILE: SECOND.replace("CREATE TABLE events_later", "CREATE TABLE events")},
        "test_an_empty_database_can_be_upgraded",
    ),
    "an upgrade that needs a database": (
        {
            SECOND_FILE: SECOND.replace(
                "upgrade() -> None:", f"upgrade() -> None:\n    {LOOKS_AT_ROWS}"
            )
        },
        "test_upgrades_can_be_written_as_sql",
    ),
    "a downgrade that needs a database": (
        {SECOND_FILE: f"{SECOND}    {LOOKS_AT_ROWS}\n"},
        "test_downgrades_can_be_written_as_sql",
    ),
}


@pytest.fixture
def home(rendered: Tree, tmp_path: Path) -> Path:
    return shutil.copytree(rendered.root, tmp_path / "repository") / "backend"


@pytest.fixture
def role_url(database_url: str) -> Iterator[str]:
    """URL with a role that may do nothing but create databases."""
    role, password = f"role_{uuid4().hex}", uuid4().hex
    server = Server(database_url)
    server.ask(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD '{password}'")
    url = make_url(database_url).set(username=role, password=password)
    yield url.render_as_string(hide_password=False)
    server.ask(f"DROP ROLE {role}")


def run_tests(home: Path, variables: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return the outcome of each test, and what was printed."""
    done = layering.run(
        *(sys.executable, "-m", "pytest", "-v", "-rs", "-p", "no:cacheprovider", "-W", "error"),
        "tests/database/test_database_migrations.py",
        cwd=home,
        variables={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **variables},
        check=False,
    )
    outcomes = re.findall(r"::(\w+) (PASSED|FAILED|SKIPPED|ERROR)", done.stdout)
    assert len(outcomes) == 10, done.stdout
    return dict(outcomes), done.stdout


def test_all_is_well(home: Path, role_url: str, database_url: str) -> None:
    write(home, GOOD)
    # They are not used, nor is the database that is named: it is where others are made.
    nowhere = "postgresql://me:secret@127.0.0.1:1/nowhere"
    variables = dict.fromkeys(
        ("DATABASE_URL", "ALEMBIC_DATABASE_URL", "DATABASE_READ_URL"), nowhere
    )
    outcomes, printed = run_tests(
        home, {**variables, "DATABASE_PGBOUNCER": "true", "TEST_DATABASE_URL": role_url}
    )
    assert set(outcomes.values()) == {"PASSED"}, printed
    server = Server(database_url)
    assert (
        server.ask("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []
    )
    owners = server.ask("SELECT rolname FROM pg_database JOIN pg_roles ON datdba = pg_roles.oid")
    assert make_url(role_url).username not in owners


@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_fails_for_its_own_reason(mutant: str, home: Path, database_url: str) -> None:
    change, expected = MUTANTS[mutant]
    write(home, GOOD | change)
    outcomes, printed = run_tests(home, {"TEST_DATABASE_URL": database_url})
    failed = [name for name, outcome in outcomes.items() if outcome in {"FAILED", "ERROR"}]
    assert failed == [expected], printed
    if "SKIPPED" in outcomes.values():
        assert set(re.findall(r": see (\w+)", printed)) == {expected}


def test_day_one(home: Path, database_url: str) -> None:
    outcomes, printed = run_tests(home, {"TEST_DATABASE_URL": database_url})
    assert set(outcomes.values()) == {"PASSED"}, printed


def test_what_needs_a_database_is_skipped_without(home: Path) -> None:
    write(home, GOOD)
    outcomes, printed = run_tests(home, {})
    assert [name for name, outcome in outcomes.items() if outcome == "PASSED"] == [
        "test_there_is_one_head",
        "test_the_head_file_names_the_head",
        "test_upgrades_can_be_written_as_sql",
        "test_downgrades_can_be_written_as_sql",
    ]
    assert "TEST_DATABASE_URL is not set" in printed
    assert "FAILED" not in outcomes.values()


def test_a_role_that_may_not_create_databases(home: Path, role_url: str, database_url: str) -> None:
    Server(database_url).ask(f"ALTER ROLE {make_url(role_url).username} NOCREATEDB")
    _, printed = run_tests(home, {"TEST_DATABASE_URL": role_url})
    assert "tests need a role that may create databases: ALTER ROLE ... CREATEDB" in printed
