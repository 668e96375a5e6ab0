"""Each message in the table "Troubleshooting" of docs/database.md is one that somebody says."""

import ast
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

import postgres
from rendering import Tree

PAGE = "docs/database.md"
LIBRARIES = ("sqlalchemy/util", "sqlalchemy/pool", "alembic")


@pytest.fixture(scope="module")
def page(rendered: Tree) -> str:
    return (rendered.root / PAGE).read_text("utf-8")


@pytest.fixture(scope="module")
def said(rendered: Tree) -> str:
    """Return what the layer, its libraries and PostgreSQL say, with %s for what they fill in."""
    packages = Path(sysconfig.get_path("purelib"))
    folders = [rendered.application / "core/database", *(packages / name for name in LIBRARIES)]
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    server = (postgres.installation() / "bin/postgres").read_bytes().decode("ascii", "ignore")
    return "\n".join([*(text for source in sources for text in texts(source)), server])


def texts(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "%s" for part in node.values)
            yield "".join(map(str, parts))


def test_each_message_is_one_that_somebody_says(page: str, said: str) -> None:
    table = page.partition("\n## Troubleshooting\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \| \S.* \|$", table, re.MULTILINE)
    assert len(rows) >= 15
    for message in (text for row in rows for text in re.findall("`(.+?)`", row)):
        form = re.sub(r'"\w+"', '"%s"', message).replace("INSERT", "%s")
        assert form in said, message


def test_the_trap_is_the_one_that_sqlalchemy_has(page: str, said: str) -> None:
    [shown] = re.findall(
        r"^```text\nsqlalchemy\.exc\.MissingGreenlet: (.*)\n```$", page, re.MULTILINE
    )
    assert f"{shown}\n" in said


def test_the_contents_name_sections_that_are_there(page: str) -> None:
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.MULTILINE
    )
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(#(.+?)\)", page)
    assert len(links) > 15
    assert set(links) <= anchors
    assert len(headings) == len({*headings})
