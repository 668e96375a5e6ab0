"""The tables of README.md against reality."""

import re
from pathlib import Path

import pytest
import yaml
from pytest_copier.plugin import CopierFixture

from host_manifest import HOSTS
from layering import PROJECT, TEMPLATE_FILES, files, layer, make_host

README = (PROJECT / "README.md").read_text(encoding="utf-8")
EDITS = "yours"


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its two header lines."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def in_folder(path: str, row: str) -> bool:
    return row.endswith("/") and path.startswith(row)


def code(cell: str) -> str:
    return re.sub(r"`([^`]*)`", r"\1", cell)


def test_what_it_touches_is_what_the_table_says(template: Path, tmp_path: Path) -> None:
    owners = {code(path): whose for path, whose, _ in table("What it touches")}
    root = make_host("backend_frontend", tmp_path / "host")
    before = files(root)
    layer(template, root)
    after = files(root)

    touched = {path for path, content in after.items() if before.get(path) != content}
    rows = {
        path: next(
            (row for row in owners if path == row or path.startswith(row.rstrip("/") + "/")), None
        )
        for path in touched
    }
    assert None not in rows.values(), rows
    for path, row in rows.items():
        assert row
        assert owners[row].endswith(EDITS) == (path in before), path
    # Of two rows this host has no need, and for one it takes a yes.
    conditional = {
        "backend/app/core/__init__.py",
        "backend/app/core/config.py",
        ".github/workflows/update-database.yml",
    }
    assert set(owners) - set(rows.values()) == conditional


def test_the_questions_are_those_of_the_table() -> None:
    questions = yaml.safe_load((PROJECT / "copier.yml").read_text(encoding="utf-8"))
    asked = {
        name: question["default"]
        for name, question in questions.items()
        if not name.startswith("_")
        and question.get("ask", True)
        and question.get("when") is not False
    }
    rows = {code(name): code(default) for name, default, _ in table("Questions")}
    assert list(rows) == list(asked)
    for name, default in rows.items():
        if default != "found in your project":
            assert yaml.safe_load(default) == asked[name], name


def test_the_settings_are_those_of_the_documentation() -> None:
    folder = PROJECT / "template/project"
    docs = (folder / "{{ db_docs }}.jinja").read_text(encoding="utf-8")
    settings = (folder / "{{ db_layer_dir }}/settings.py.jinja").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", docs, re.MULTILINE))
    fields = set(re.findall(r"^    (\w+): .*=", settings, re.MULTILINE))
    assert {name.lower() for name in documented} == fields


@pytest.fixture(scope="session")
def copier_template_paths() -> list[str]:
    return list(TEMPLATE_FILES)


@pytest.fixture(scope="session")
def copier_template_root() -> Path:
    return PROJECT


@pytest.mark.parametrize("key", ["integer", "uuid7"])
def test_answers_are_remembered(copier: CopierFixture, tmp_path: Path, key: str) -> None:
    root = make_host("bigger_applications", tmp_path / "host")
    project = copier.copy(root, db_primary_key=key, db_pool_size=7, project_name="Book Shop")
    remembered = yaml.safe_load((project / ".copier-answers.database.yml").read_text())
    assert remembered["db_primary_key"] == key
    assert remembered["db_pool_size"] == 7
    assert remembered["db_layer"] == "core/database"
    assert "db_layouts" not in remembered
    assert "/book_shop" in (project / ".env.example").read_text()
    assert (project / "app/core/database/uuid7.py").exists() == (key == "uuid7")


def test_every_host_is_listed() -> None:
    listed = (PROJECT / "tests/hosts/README.md").read_text(encoding="utf-8")
    assert all(f"`{host.folder}" in listed for host in HOSTS)
