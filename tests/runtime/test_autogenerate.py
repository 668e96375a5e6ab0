"""What `alembic revision` writes, and what it leaves alone."""

import re
import shutil
from pathlib import Path

import pytest

import layering
from rendering import Tree, write
from runtime.application import Server

MODELS = """\
from datetime import datetime

from sqlalchemy import Index, Table, func
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base

Table("celery_taskmeta", Base.metadata, info={"skip_autogenerate": True})


class Thing(Base):
    __tablename__ = "things"
    __table_args__ = (Index("ix_by_hand", "code", info={"skip_autogenerate": True}),)

    code: Mapped[str] = mapped_column(primary_key=True)
    counter: Mapped[int] = mapped_column(info={"skip_autogenerate": True})
    made: Mapped[datetime] = mapped_column(server_default=func.now())


class Archived(Base):
    __tablename__ = "things"
    __table_args__ = {"schema": "archive"}

    code: Mapped[str] = mapped_column(primary_key=True)
"""
# What no model stands for, and what is no concern of the application.
TABLES = """\
CREATE SCHEMA archive;
CREATE SCHEMA tiger;
CREATE TABLE tiger.county (id int);
CREATE TABLE things (
    code varchar NOT NULL CONSTRAINT pk_things PRIMARY KEY,
    made timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE archive.things (code varchar NOT NULL CONSTRAINT pk_things PRIMARY KEY);
CREATE TABLE celery_taskmeta (id int);
CREATE TABLE "Spatial_Ref_Sys" (srid int PRIMARY KEY);
ALTER EXTENSION plpgsql ADD TABLE "Spatial_Ref_Sys";
"""
PARTS = """\
CREATE TABLE parts (n int NOT NULL) PARTITION BY RANGE (n);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (2);
"""


@pytest.fixture
def home(rendered: Tree, tmp_path: Path) -> Path:
    root = shutil.copytree(rendered.root, tmp_path / "repository")
    write(root / "backend/layered/models", {"things.py": MODELS})
    return root / "backend"


def alembic(home: Path, url: str, *arguments: str) -> str:
    done = layering.run("alembic", *arguments, cwd=home, variables={"DATABASE_URL": url})
    return done.stdout + done.stderr


def revisions(home: Path) -> list[Path]:
    return sorted((home / "alembic/versions").glob("*.py"))


def test_what_is_not_the_application_s_is_left_alone(home: Path, database_url: str) -> None:
    server = Server(database_url)
    for statement in TABLES.split(";\n")[:-1]:
        server.ask(statement)
    assert "No new upgrade operations detected" in alembic(home, database_url, "check")

    server.ask("CREATE TABLE forgotten (id int)")
    server.ask("ALTER TABLE archive.things ADD COLUMN forgotten int")
    alembic(home, database_url, "revision", "--autogenerate", "-m", "tidy up")
    [revision] = revisions(home)
    text = revision.read_text("utf-8")
    upgrade = text.partition("def upgrade")[2].partition("def downgrade")[0]
    assert re.findall(r"op\.(\w+)\(\s*[\"'](\w+)", upgrade) == [
        ("drop_table", "forgotten"),
        ("drop_column", "things"),
    ]


def test_partitions_belong_to_their_table(home: Path, database_url: str) -> None:
    server = Server(database_url)
    for statement in (TABLES + PARTS).split(";\n")[:-1]:
        server.ask(statement)
    things = home / "layered/models/things.py"
    part = 'Table("parts", Base.metadata, Column("n", Integer, nullable=False))\n'
    text = things.read_text("utf-8").replace("import Index,", "import Column, Index, Integer,")
    things.write_text(text.replace("\n\n\nclass Thing", f"\n{part}\n\nclass Thing"), "utf-8")
    assert "No new upgrade operations detected" in alembic(home, database_url, "check")


def test_types_and_defaults_are_compared(home: Path, database_url: str) -> None:
    server = Server(database_url)
    for statement in TABLES.split(";\n")[:-1]:
        server.ask(statement)
    things = home / "layered/models/things.py"
    text = things.read_text("utf-8")
    for changed, found in {
        text.replace("made: Mapped[datetime]", "made: Mapped[int]"): "modify_type",
        text.replace("func.now()", "func.clock_timestamp()"): "modify_default",
        text.replace("made: Mapped[datetime]", "made: Mapped[datetime | None]"): "modify_nullable",
    }.items():
        things.write_text(changed, "utf-8")
        with pytest.raises(AssertionError, match=found):
            alembic(home, database_url, "check")


def test_a_revision_without_a_change_is_not_written(home: Path, database_url: str) -> None:
    Server(database_url).ask("CREATE SCHEMA archive")
    new = ("revision", "--autogenerate", "-m", "things of mine")
    alembic(home, database_url, *new)
    alembic(home, database_url, "upgrade", "head")
    printed = alembic(home, database_url, *new)
    assert "No revision was written: the database equals the models" in printed
    [revision] = revisions(home)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_[0-9a-f]{12}_things_of_mine\.py", revision.name)


def test_nor_is_it_by_a_program(home: Path, database_url: str) -> None:
    Server(database_url).ask("CREATE SCHEMA archive")
    script = (
        "import sys; sys.path.insert(0, '.'); from alembic import command;"
        "from alembic.config import Config; config = Config('alembic.ini');"
        "command.revision(config, 'things', autogenerate=True); command.upgrade(config, 'head');"
        "command.revision(config, 'none', autogenerate=True); command.check(config)"
    )
    layering.run("python", "-c", script, cwd=home, variables={"DATABASE_URL": database_url})
    assert len(revisions(home)) == 1


DEFAULTS = """\
from typing import Any

from sqlalchemy import JSON, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base, TimestampMixin


class Defaults(TimestampMixin, Base):
    __tablename__ = "defaults"

    quote: Mapped[str] = mapped_column(server_default="it's")
    plain: Mapped[str] = mapped_column(server_default="plain")
    empty: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")
    made: Mapped[dict[str, Any]] = mapped_column(JSON, server_default=func.json_build_object())
    sql: Mapped[dict[str, Any]] = mapped_column(JSON, server_default=text("'{}'"))
    binary: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{\\"it's\\": 1}")
    number: Mapped[int] = mapped_column(server_default="7")
    yes: Mapped[bool] = mapped_column(server_default="true")
"""


def test_defaults_that_postgresql_does_not_compare(home: Path, database_url: str) -> None:
    Server(database_url).ask("CREATE SCHEMA archive")
    write(home, {"layered/models/defaults.py": DEFAULTS})
    alembic(home, database_url, "revision", "--autogenerate", "-m", "things")
    alembic(home, database_url, "upgrade", "head")
    assert "No new upgrade operations detected" in alembic(home, database_url, "check")
    for there, changed in (("it's", "it's so"), ('"{}"', '"[]"'), ('"7"', '"8"')):
        write(home, {"layered/models/defaults.py": DEFAULTS.replace(there, changed)})
        with pytest.raises(AssertionError, match="modify_default"):
            alembic(home, database_url, "check")


def test_a_revision_by_hand_needs_no_database(home: Path) -> None:
    nowhere = "postgresql://me:secret@127.0.0.1:1/nowhere"
    alembic(home, nowhere, "revision", "-m", "by hand")
    alembic(home, nowhere, "revision", "-m", "another", "--head", "base", "--splice")
    alembic(home, nowhere, "merge", "heads", "-m", "both")
    assert len(revisions(home)) == 3
