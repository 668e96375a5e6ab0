"""`python -m ...database diagram`: the picture of the tables in docs/database.md."""

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import layering
from layering import commit, git
from releases import name_release
from rendering import Tree, write
from updating import make_project, update

PAGE = "docs/database.md"
TEST = "tests/database/test_database_diagram.py"
NOTE = "Not drawn yet."
# What pictures cannot show as it is: names, types, comments, keys of several columns.
ODD = """\
from enum import StrEnum
from typing import Literal

from sqlalchemy import (
    ARRAY, Column, Enum, ForeignKey, ForeignKeyConstraint, Index, Numeric, String, Table,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base, TimestampMixin


class Size(StrEnum):
    SMALL = 'sm"all'
    LARGE = "large"


class One(TimestampMixin, Base):
    __tablename__ = "one"

    pk: Mapped[int] = mapped_column(comment='say "hi"\\n} --> %% `x`')
    size: Mapped[Size]
    native: Mapped[Size] = mapped_column(Enum(Size))
    literal: Mapped[Literal["x", "y"] | None]
    price: Mapped[int] = mapped_column(Numeric(10, 2), unique=True)
    tags: Mapped[list[str]] = mapped_column(ARRAY(String(50)), index=True)
    speed: Mapped[float] = mapped_column(DOUBLE_PRECISION)
    first: Mapped[int] = mapped_column("1st place (now)")
    second: Mapped[int] = mapped_column("1st_place__now_")
    größe: Mapped[int]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("one.id"))


class Link(Base):
    __tablename__ = "links of two"
    __table_args__ = (Index("one_link", "class", unique=True),)

    left: Mapped[int] = mapped_column(ForeignKey("one.id"), primary_key=True)
    to: Mapped[int] = mapped_column(
        ForeignKey("one.id"), ForeignKey("other.one.id"), primary_key=True
    )
    klass: Mapped[int] = mapped_column("class", ForeignKey("one.id"))


class Other(Base):
    __tablename__ = "one"
    __table_args__ = {"schema": "other"}

    id: Mapped[int] = mapped_column(ForeignKey("one.id"), primary_key=True)


class Graph(Base):
    __tablename__ = "graph"
    __table_args__ = (
        ForeignKeyConstraint(["a", "b"], ["links of two.left", "links of two.to"]),
        UniqueConstraint("a", "b"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int]
    b: Mapped[int]


Table("nodes", Base.metadata, Column("node", ForeignKey("graph.id"), unique=True))
"""
DRAWN = """\
erDiagram
  "graph" {
    integer id PK
    integer a FK
    integer b FK
  }

  "links_of_two" {
    bigint left PK,FK
    bigint to PK,FK
    bigint class FK
  }

  "nodes" {
    integer node FK "nullable"
  }

  "one" {
    bigint id PK
    integer pk_ "say 'hi' } --> %% `x`"
    ENUM size "values: sm'all, large"
    ENUM native "values: SMALL, LARGE"
    ENUM literal "nullable; values: x, y"
    numeric(10-2) price UK
    varchar(50)[] tags "indexed"
    double_precision speed
    integer _1st_place__now_
    integer _1st_place__now__
    integer größe
    bigint parent_id FK "nullable"
    timestamp_with_time_zone created_at
    timestamp_with_time_zone updated_at
  }

  "other_one" {
    bigint id PK,FK
  }

  "graph" ||--o| "nodes" : "node"
  "links_of_two" ||--o{ "graph" : "a"
  "links_of_two" ||--o{ "graph" : "b"
  "one" ||--o{ "links_of_two" : "left"
  "one" ||--o{ "links_of_two" : "to"
  "one" ||--o{ "one" : "parent_id"
  "one" ||--o| "links_of_two" : "class"
  "one" ||--o| "other_one" : "id"
  "other_one" ||--o{ "links_of_two" : "to"
"""
# Of the lexer of Mermaid 11, which has parsed DRAWN, what stands in this file.
GRAMMAR = (
    r"erDiagram|",
    r'  "\w+" \{|  \}',
    r"    [A-Za-z_][\w\[\]()-]* (?!(?:[PFU]K)\b)[^\W\d]\w*( (PK|FK|UK)(,FK)?)?( \"[^\"]*\")?",
    r'  "\w+" (\|\||\}o)--o(\||\{) "\w+" : "\w+"',
)

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def root(rendered: Tree, tmp_path: Path) -> Path:
    return shutil.copytree(rendered.root, tmp_path / "repository")


@pytest.fixture
def diagram(root: Path) -> Run:
    def run(*options: str, python: Path = Path(sys.executable), **names: str) -> tuple[int, str]:
        command = ("-m", "layered.core.database", "diagram", *options)
        done = layering.run(
            python,
            *command,
            cwd=root / "backend",
            check=False,
            variables=names,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


def add_widget(root: Path) -> None:
    model = layering.MODEL.format(models="layered.models")
    write(root, {"backend/layered/models/widget.py": model})


def users_tests(root: Path) -> str:
    done = layering.run(
        *(sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", TEST),
        cwd=root / "backend",
        check=False,
        variables={"PYTHONPATH": str(root / "backend")},
    )
    return done.stdout


def test_odd_tables_are_drawn_in_one_way(root: Path, diagram: Run) -> None:
    write(root, {"backend/layered/models/odd.py": ODD})
    for seed in "123":
        assert diagram(PYTHONHASHSEED=seed)[0] == 0
        page = (root / PAGE).read_text("utf-8")
        [text] = re.findall(r"^```mermaid\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        assert text == DRAWN
    for line in DRAWN.splitlines():
        assert any(re.fullmatch(form, line) for form in GRAMMAR), line


def test_the_rest_of_the_page_stays_byte_for_byte(root: Path, diagram: Run) -> None:
    page = root / PAGE
    page.write_bytes(b"\r\n" + page.read_bytes().replace(b"\n", b"\r\n") + b"mine\n no end")
    start, _, end = page.read_bytes().partition(NOTE.encode() + b"\r\n")
    assert end
    assert diagram() == (0, f"The diagram in {PAGE} is that of the models\n")
    assert page.read_bytes() == start + b"There is no model yet.\r\n" + end
    add_widget(root)
    assert diagram()[0] == 0
    found = page.read_bytes()
    assert found.startswith(start + b"```mermaid\r\nerDiagram\r\n")
    assert found.endswith(b"  }\r\n```\r\n" + end)
    assert diagram("--check")[0] == 0
    assert page.read_bytes() == found


def test_the_tests_of_the_project_look_once_there_is_a_diagram(root: Path, diagram: Run) -> None:
    assert "1 passed" in users_tests(root)
    add_widget(root)
    unread = (root / PAGE).read_bytes()
    assert "1 passed" in users_tests(root)
    command = "python -m layered.core.database diagram"
    stale = f"The diagram in {PAGE} is not that of the models: run {command}\n"
    assert diagram("--check") == (1, stale)
    assert (root / PAGE).read_bytes() == unread
    assert diagram()[0] == 0
    assert "1 passed" in users_tests(root)
    model = root / "backend/layered/models/widget.py"
    model.write_text(model.read_text("utf-8").replace("name:", "title:"), "utf-8")
    assert diagram("--check") == (1, stale)
    printed = users_tests(root)
    assert "1 failed" in printed
    assert f"Run {command}" in printed


def test_what_is_missing_is_told_in_a_sentence(
    root: Path, diagram: Run, bare_python: Path, tmp_path: Path
) -> None:
    page = root / PAGE
    text = page.read_text("utf-8")
    start, end = "<!-- diagram -->", "<!-- end of the diagram -->"
    add_widget(root)
    for without in (text.replace(start, ""), text.replace(end, ""), text + text):
        page.write_text(without, "utf-8")
        code, printed = diagram()
        assert code == 1
        assert re.match(rf"{PAGE} has [02] places for the diagram, expected one: add ", printed)
        assert page.read_text("utf-8") == without
    page.write_bytes(b"\xff")
    assert diagram()[0] == 1
    page.unlink()
    code, printed = diagram()
    assert code == 1
    assert printed.startswith(f"{PAGE} cannot be read (")
    assert "1 passed" in users_tests(root)

    page.write_text(text, "utf-8")
    hidden = write(tmp_path / "hidden", {"paracelsus/__init__.py": "raise ImportError"})
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: (\n"
        "    None if name == 'paracelsus' else find(name, *rest)\n)\n"
    )
    code, printed = diagram(PYTHONPATH=str(hidden))
    assert (code, printed) == (1, "The diagram needs paracelsus: pip install paracelsus\n")
    code, printed = diagram("--output", "x.svg", python=bare_python, PATH=str(tmp_path))
    wanted = "dot was not found on PATH: install Graphviz (graphviz.org)\n"
    assert (code, printed) == (1, wanted)
    code, printed = diagram("--output", "x.gif")
    wanted = "x.gif is no file for a picture: expected one with .svg or .png\n"
    assert (code, printed) == (1, wanted)
    assert page.read_text("utf-8") == text


def test_pictures(root: Path, diagram: Run) -> None:
    if shutil.which("dot") is None and "CI" not in os.environ:
        pytest.skip("Graphviz is not installed")
    write(root, {"backend/layered/models/odd.py": ODD})
    assert diagram("--output", "tables.svg") == (0, "tables.svg was written\n")
    texts = re.findall(r"<text [^>]*>([^<]*)", (root / "backend/tables.svg").read_text("utf-8"))
    for name in ("graph", "links_of_two", "nodes", "one", "other_one"):
        assert texts.count(name) == 1
    assert {"größe", "double_precision", "Foreign Key, Primary Key"} <= {*texts}
    assert diagram("--output", str(root / "tables.png"))[0] == 0
    assert (root / "tables.png").read_bytes().startswith(b"\x89PNG")
    assert NOTE in (root / PAGE).read_text("utf-8")


def test_an_update_keeps_the_diagram(template: Path, tmp_path: Path) -> None:
    source = tmp_path / "template"
    git(tmp_path, "clone", "--quiet", str(template), str(source))
    git(source, "config", "user.name", "Maintainers")
    git(source, "config", "user.email", "maintainers@example.com")
    root = make_project(source, "backend_frontend", tmp_path / "shop")
    model = layering.MODEL.format(models="app.models")
    write(root, {"backend/app/models/widget.py": model})
    command = (sys.executable, "-m", "app.core.database", "diagram")
    layering.run(*command, cwd=root / "backend")
    commit(root, "a model and its diagram")

    released = source / "template/project/{{ db_docs }}.jinja"
    text = released.read_text("utf-8").replace("# A picture of", "# The picture of")
    lines = text.replace("needs [Graphviz]", "asks for [Graphviz]").splitlines(keepends=True)
    released.write_text("".join([*lines, "Released.\n"]), "utf-8")
    name_release(source, "99.1.0")
    update(root)
    page = (root / PAGE).read_text("utf-8")
    assert page.endswith("Released.\n")
    assert "asks for [Graphviz]" in page
    assert "\n<<<<<<< " not in page
    assert layering.run(*command, "--check", cwd=root / "backend").returncode == 0
