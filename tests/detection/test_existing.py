"""Repositories that cannot take the layer."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from detection import Refusal, detect

Plant = Callable[[Mapping[str, str | bytes]], Path]

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
EXPECTED = (
    ": expected an application without a database layer, since adopting an existing set-up is a"
    " later release. If it is unused, remove it and run the copy again."
)


def refusal(root: Path, app_dir: str | None = None) -> str:
    with pytest.raises(Refusal) as refused:
        detect(root, app_dir)
    return str(refused.value)


def test_nothing_there(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    assert refusal(missing) == (
        f"{missing} does not exist: expected the folder of a FastAPI project. Check the path."
    )


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(APP)
    assert refusal(file) == (
        f"{file} is a file: expected the folder of a FastAPI project. Name its folder instead."
    )


def test_no_application(plant: Plant) -> None:
    assert refusal(plant({"app/main.py": "import flask"})) == (
        "No FastAPI application was found in this repository: expected a module with"
        " `FastAPI(...)`, outside of tests, examples and scripts. Start with one, then layer the"
        " database onto it."
    )


def test_only_an_example(plant: Plant) -> None:
    assert refusal(plant({"examples/demo.py": APP})) == (
        "No FastAPI application was found in this repository: expected a module with"
        " `FastAPI(...)`, outside of tests, examples and scripts. examples/demo.py has one: name"
        " its folder with db_app_dir."
    )


@pytest.mark.parametrize(
    ("path", "content", "found"),
    [
        ("alembic.ini", "", "alembic.ini is an Alembic configuration"),
        ("app/alembic.ini", "", "app/alembic.ini is an Alembic configuration"),
        ("alembic/env.py", "", "alembic holds migrations"),
        ("alembic/versions/1.py", "", "alembic holds migrations"),
        ("app/migrations/env.py", "", "app/migrations holds migrations"),
        ("pyproject.toml", "[tool.alembic]\n", "pyproject.toml has a table [tool.alembic]"),
        *(
            ("app/store.py", source, f"app/store.py creates an SQLAlchemy engine in line {line}")
            for source, line in (
                ("from sqlalchemy import create_engine as c\n\nc('sqlite://')", 3),
                ("import sqlalchemy as sa\nsa.create_engine('sqlite://')", 2),
                ("import sqlalchemy.ext.asyncio\nsqlalchemy.ext.asyncio.create_async_engine(1)", 2),
                ("from sqlalchemy.ext import asyncio\nx = asyncio.create_async_engine(1)", 2),
                ("from sqlmodel import *\ndef f():\n    return create_engine(1)", 3),
                ("from sqlalchemy.ext.asyncio import async_engine_from_config as e\ne({})", 2),
                ("import sqlalchemy\n(\nx = create_engine(1)", 3),
            )
        ),
    ],
)
def test_an_existing_layer(plant: Plant, path: str, content: str, found: str) -> None:
    root = plant({"app/main.py": APP, path: content})
    assert refusal(root) == found + EXPECTED
    assert refusal(root, "app") == found + EXPECTED


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("requirements.txt", "fastapi\nsqlalchemy\nalembic\n"),
        ("app/models.py", "from sqlalchemy.orm import DeclarativeBase"),
        ("app/store.py", "from sqlalchemy import create_engine"),
        ("app/store.py", "from duck import create_engine\ncreate_engine()"),
        ("app/store.py", "x = '\\n(\ncreate_engine('"),
        ("app/db.py", "import asyncpg\nasyncpg.create_pool()"),
        ("migrations/1.sql", ""),
        ("app/env.py", ""),
        ("alembic/README", ""),
        ("tests/conftest.py", "from sqlalchemy import create_engine\ncreate_engine('sqlite://')"),
        ("examples/alembic.ini", ""),
        (".venv/lib/alembic/env.py", ""),
        ("pyproject.toml", "tool = 3"),
    ],
)
def test_false_signals(plant: Plant, path: str, content: str) -> None:
    assert len(detect(plant({"app/main.py": APP, path: content})).candidates) == 1


SERVICES = {
    "one/app/main.py": APP,
    "one/requirements.txt": "fastapi",
    "two/app/main.py": APP,
    "two/requirements.txt": "fastapi",
}


@pytest.mark.parametrize("own", ["one/alembic.ini", "one/app/alembic.ini", "one/x/alembic/env.py"])
def test_the_set_up_of_a_sibling_is_no_refusal(plant: Plant, own: str) -> None:
    root = plant({**SERVICES, own: ""})
    assert [layout.app_dir for layout in detect(root).candidates] == ["two/app"]
    assert detect(root, "two/app").candidates[0].app_dir == "two/app"
    assert refusal(root, "one/app").endswith(EXPECTED)


def test_a_set_up_that_services_share_belongs_to_none(plant: Plant) -> None:
    root = plant({**SERVICES, "alembic.ini": ""})
    assert len(detect(root).candidates) == 2


def test_a_set_up_at_the_root_belongs_to_services_without_files_of_their_own(
    plant: Plant,
) -> None:
    root = plant({"one/main.py": APP, "two/main.py": APP, "pyproject.toml": "", "alembic.ini": ""})
    assert refusal(root) == f"alembic.ini is an Alembic configuration{EXPECTED}"


def test_a_set_up_at_home_belongs_to_all_who_live_there(plant: Plant) -> None:
    root = plant(
        {
            "main.py": f"{APP}import x",
            "x.py": "",
            "app/main.py": f"{APP}import app.y",
            "app/y.py": "",
            "requirements.txt": "fastapi",
            "alembic.ini": "",
        }
    )
    assert refusal(root) == f"alembic.ini is an Alembic configuration{EXPECTED}"


def test_a_lesser_find_does_not_stand_in_for_the_application(plant: Plant) -> None:
    root = plant({"app/main.py": APP, "app/alembic.ini": "", "tools/mock.py": APP})
    assert refusal(root) == f"app/alembic.ini is an Alembic configuration{EXPECTED}"
    assert detect(root, "tools").candidates[0].app_dir == "tools"
