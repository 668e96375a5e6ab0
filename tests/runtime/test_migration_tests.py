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
from runtime.test_enums import autogenerate

MODELS = """\
import enum
from datetime import date

from sqlalchemy import ARRAY, CheckConstraint, Computed, Enum, Index, UniqueConstraint
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
        Index(None, "price", postgresql_concurrently=True),
        Index(None, "total", info={"skip_autogenerate": True}),
        {"schema": "shop"},
    )

    number: Mapped[int]
    price: Mapped[int]
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
        sa.PrimaryKeyConstraint("day", name="pk_before_it_was_renamed"),
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
    name = op.f("ck_items_price")
    op.drop_constraint(name, "items", schema="shop")
    op.create_check_constraint(
        name, "items", "price > 0", schema="shop", postgresql_not_valid=True
    )
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
TREES = """\
import enum

from sqlalchemy import CheckConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base


class Size(enum.StrEnum):
    SMALL = "small (it's ::text)"
    LARGE = "large"


class Tree(Base):
    __tablename__ = "trees"
    __table_args__ = (
        CheckConstraint("word IN ('x', 'y')", name="word"),
        CheckConstraint("word <> 'z'", name="other"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bark: Mapped[Size]
    word: Mapped[str] = mapped_column(String(20), index=True)
"""
# Revisions that autogenerate writes: what PostgreSQL says of a CHECK comes back in other words.
REWRITTEN = {
    "a column for a text enum": ("bark: Mapped[Size]", "more: Mapped[int | None]"),
    "no model": (TREES[TREES.index("class Tree") :], ""),
    "no CHECK": ("CheckConstraint(\"word IN ('x', 'y')\", name=\"word\"),", ""),
    "another type of text": ("String(20)", "Text"),
}
KINDS = """\
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    CHAR,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Numeric,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base, TimestampMixin


class Animal(TimestampMixin, Base):
    __tablename__ = "animals"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}
    __table_args__ = (
        Index("ix_animals_lower_name", func.lower(text("name")), unique=True),
        Index("ix_animals_lost", "code", postgresql_where=text("kind IN ('cat', 'it''s')")),
        Index("ix_animals_new", text("created_at DESC NULLS LAST"), "id"),
        Index("ix_animals_data", "data", postgresql_using="gin"),
        Index(
            "ix_animals_path",
            "data",
            postgresql_using="gin",
            postgresql_ops={"data": "jsonb_path_ops"},
        ),
        Index("ix_animals_both", "code", "kind", postgresql_include=["name"]),
        Index("ix_animals_name_like", "name", postgresql_ops={"name": "varchar_pattern_ops"}),
        Index("uq_animals_chip", "chip", unique=True, postgresql_nulls_not_distinct=True),
        Index("ix_animals_hash", "name", postgresql_using="hash"),
        Index("ix_animals_brin", "updated_at", postgresql_using="brin"),
        Index("ix_animals_full", "price", postgresql_with={"fillfactor": 70}),
        UniqueConstraint("code", "name", deferrable=True, initially="DEFERRED"),
        UniqueConstraint("code", "kind", postgresql_nulls_not_distinct=True),
        ExcludeConstraint(
            ("awake", "&&"), name="ex_animals_awake", where=text("kind <> 'bat'")
        ),
        CheckConstraint("name ~ '^[^:]+$' AND length(name) BETWEEN 1 AND 20", name="name"),
        CheckConstraint("kind NOT IN ('a', 'b') OR code IN ('x', 'y')", name="kind"),
        CheckConstraint("price > -1.5 AND price IN (1, 2)", name="price"),
    )

    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(CHAR(3))
    chip: Mapped[UUID | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    title: Mapped[str] = mapped_column(Computed("name || ' (' || kind || ')'", persisted=True))
    twice: Mapped[Decimal] = mapped_column(Computed("price * 2"))
    awake: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    order: Mapped[Literal["up", "down"] | None] = mapped_column(index=True, unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("animals.id"))


class Dog(Animal):
    __tablename__ = "dogs"
    __mapper_args__ = {"polymorphic_identity": "dog"}

    id: Mapped[int] = mapped_column(ForeignKey("animals.id"), primary_key=True)
    loud: Mapped[bool] = mapped_column(index=True)


class Cat(Animal):
    __mapper_args__ = {"polymorphic_identity": "cat"}

    lives: Mapped[int | None] = mapped_column(index=True)


class Visit(Base):
    __tablename__ = "Visits"
    __table_args__ = (
        Index(None, "when", "why"),
        {"schema": "Vet"},
    )

    animal_id: Mapped[int] = mapped_column(ForeignKey("animals.id"), primary_key=True)
    when: Mapped[datetime] = mapped_column(primary_key=True, server_default=func.now())
    why: Mapped[Literal["ill", "well"]]
"""
MAKE_SCHEMA = """op.execute('CREATE SCHEMA "Vet"')"""
DROP_SCHEMA = """op.execute('DROP SCHEMA "Vet"')"""
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
        "test_constraints_and_indexes_are_those_of_the_models",
    ),
    "another CHECK": (
        {MODEL_FILE: MODELS.replace("price > 0", "price >= 0")},
        "test_constraints_and_indexes_are_those_of_the_models",
    ),
    "an index of fewer rows": (
        {MODEL_FILE: MODELS.replace("concurrently=True", 'where="price > 9"')},
        "test_constraints_and_indexes_are_those_of_the_models",
    ),
    "a constraint that cannot wait": (
        {MODEL_FILE: MODELS.replace(', deferrable=True, initially="DEFERRED"', "")},
        "test_constraints_and_indexes_are_those_of_the_models",
    ),
    "another key": (
        {
            MODEL_FILE: MODELS.replace(
                "kind: Mapped[Color]", "kind: Mapped[Color] = mapped_column(primary_key=True)"
            )
        },
        "test_constraints_and_indexes_are_those_of_the_models",
    ),
    "a computed value that is not stored": (
        {MODEL_FILE: MODELS.replace("persisted=True", "persisted=False")},
        "test_constraints_and_indexes_are_those_of_the_models",
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


@pytest.mark.parametrize("change", REWRITTEN)
def test_revisions_as_autogenerate_writes_them(change: str, home: Path, database_url: str) -> None:
    for models in (TREES, TREES.replace(*REWRITTEN[change])):
        write(home, {MODEL_FILE: models})
        autogenerate(home, database_url)
    outcomes, printed = run_tests(home, {"TEST_DATABASE_URL": database_url})
    assert set(outcomes.values()) == {"PASSED"}, printed


def test_models_of_many_kinds(home: Path, database_url: str) -> None:
    Server(database_url).ask('CREATE SCHEMA "Vet"')
    write(home, {MODEL_FILE: KINDS})
    autogenerate(home, database_url)
    [revision] = (home / "alembic/versions").glob("*.py")
    text = revision.read_text("utf-8")
    text = text.replace("upgrade() -> None:", f"upgrade() -> None:\n    {MAKE_SCHEMA}")
    revision.write_text(f"{text}    {DROP_SCHEMA}\n", "utf-8")
    outcomes, printed = run_tests(home, {"TEST_DATABASE_URL": database_url})
    assert set(outcomes.values()) == {"PASSED"}, printed


def test_a_model_that_needs_an_extension(home: Path, database_url: str) -> None:
    models = MODELS.replace("concurrently=True", 'ops={"price": "of_an_extension"}')
    write(home, GOOD | {MODEL_FILE: models})
    outcomes, printed = run_tests(home, {"TEST_DATABASE_URL": database_url})
    failed = [name for name, outcome in outcomes.items() if outcome != "PASSED"]
    assert failed == ["test_constraints_and_indexes_are_those_of_the_models"], printed
    assert "write a revision that makes what it needs, such as an extension" in printed


def test_a_server_that_is_down(home: Path) -> None:
    url = "postgresql://me:pa55word@127.0.0.1:1/nowhere"
    _, printed = run_tests(home, {"TEST_DATABASE_URL": url})
    assert "TEST_DATABASE_URL: [Errno 111] Connect call failed ('127.0.0.1', 1)" in printed
    assert "pa55word" not in printed


def test_day_one(home: Path, database_url: str) -> None:
    outcomes, printed = run_tests(home, {"TEST_DATABASE_URL": database_url})
    assert set(outcomes.values()) == {"PASSED"}, printed


def test_what_needs_a_database_is_skipped_without(home: Path) -> None:
    write(home, GOOD)
    outcomes, printed = run_tests(home, {"DATABASE_PROGRAMS": "nowhere"})
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
