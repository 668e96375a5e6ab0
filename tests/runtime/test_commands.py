"""`python -m ...database`, as a person runs it: `check` and the commands of every day."""

import json
import re
import runpy
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import layering
import postgres
from rendering import Tree, render, write
from runtime.application import REPOSITORY, TICKETS, Server

SETTINGS = """\
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env")
"""
WIRED = """\
from fastapi import FastAPI
from layered.core.database import setup_database

app = FastAPI()
setup_database(app)
"""
DECLARED = """\
[project]
name = "layered"
dependencies = ["fastapi", "SQLAlchemy[asyncio]", "alembic", "asyncpg", "pydantic_settings"]
"""
UNWIRED = "☐ backend/layered/main.py: setup_database(app), directly after the app is created"
UNREADABLE = (
    "☐ backend/layered/main.py: cannot be read as Python: invalid syntax (<unknown>, line 1)"
)
KNOWN = "backend/layered/config.py: settings that know the variables of the layer in .env"
ALL_DONE = [
    UNWIRED.replace("☐", "✔"),
    f"✔ {KNOWN}",
    "✔ backend/.env.example: DATABASE_URL",
    *("✔ fastapi", "✔ sqlalchemy", "✔ alembic", "✔ asyncpg", "✔ pydantic-settings"),
    *(
        f"✔ backend/pyproject.toml: {name}"
        for name in ("sqlalchemy", "alembic", "asyncpg", "pydantic-settings")
    ),
]
NOT_ASKED = (
    "· database: its revision is not known: DATABASE_URL is not set in the environment or in .env:"
    " expected postgresql://user:password@host:5432/name"
)


@pytest.fixture(scope="module")
def rendered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    files = REPOSITORY | {"backend/layered/config.py": SETTINGS}
    root = write(tmp_path_factory.mktemp("commands") / "repository", files)
    return render(template, root, root)


@pytest.fixture
def root(rendered: Tree, tmp_path: Path) -> Path:
    """Return a repository that has what the editor would have added."""
    root = shutil.copytree(rendered.root, tmp_path / "repository")
    lenient = SETTINGS.replace('env_file=".env"', 'env_file=".env", extra="ignore"')
    return write(
        root,
        {
            "backend/layered/main.py": WIRED,
            "backend/layered/config.py": lenient,
            "backend/pyproject.toml": DECLARED,
        },
    )


def check(root: Path, cwd: Path) -> tuple[int, list[str]]:
    done = layering.run(
        *(sys.executable, "-m", "layered.core.database", "check"),
        cwd=cwd,
        check=False,
        variables={"PYTHONPATH": str(root / "backend")},
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def check_here(root: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Run the same in this process."""
    path = root / "backend/layered/core/database/check.py"
    namespace = runpy.run_path(str(path), run_name="check")
    return namespace["report"](namespace["find"]()), capsys.readouterr().out.splitlines()


def left(lines: list[str]) -> list[str]:
    """Return what is left to do: the lines with a box, and what is to be pasted."""
    return [line for line in lines if line[0] in "☐ "]


def test_check_finds_everything_from_anywhere(root: Path, tmp_path: Path) -> None:
    for cwd in (root, root / "backend", tmp_path):
        code, lines = check(root, cwd)
        assert (code, left(lines)) == (0, [])
    assert [line.partition(">=")[0] for line in lines] == [*ALL_DONE, NOT_ASKED]


@pytest.mark.parametrize(
    ("file", "content", "lines"),
    [
        (
            "layered/main.py",
            "from fastapi import FastAPI\n\napp = FastAPI()  # setup_database(app)\n",
            [
                UNWIRED,
                "    from layered.core.database import setup_database",
                "    setup_database(app)",
            ],
        ),
        (
            "layered/main.py",
            None,
            [
                "☐ backend/layered/main.py: no such file any more",
                UNWIRED,
                "    from layered.core.database import setup_database",
                "    setup_database(app)",
            ],
        ),
        (
            "layered/main.py",
            "app =\n",
            [
                UNREADABLE,
            ],
        ),
        (
            "layered/config.py",
            SETTINGS,
            [
                f"☐ {KNOWN}",
                "    from layered.core.database.variables import DatabaseVariables",
                "    class Settings(DatabaseVariables, BaseSettings):",
            ],
        ),
        ("layered/config.py", None, []),
        (
            ".env.example",
            "OTHER=1\n",
            [
                "☐ backend/.env.example: DATABASE_URL",
                "    DATABASE_URL=postgresql://user:password@host:5432/name",
            ],
        ),
        (
            ".env.example",
            None,
            [
                "☐ backend/.env.example: no such file any more",
                "☐ backend/.env.example: DATABASE_URL",
                "    DATABASE_URL=postgresql://user:password@host:5432/name",
            ],
        ),
        (
            "pyproject.toml",
            DECLARED.replace('"asyncpg"', '"asyncpg-stubs"').replace("SQLAlchemy[asyncio]", "x"),
            [
                "☐ backend/pyproject.toml: sqlalchemy",
                "    sqlalchemy[asyncio]>=2.1.9",
                "☐ backend/pyproject.toml: asyncpg",
                "    asyncpg>=0.32",
            ],
        ),
        (
            "pyproject.toml",
            None,
            [
                "☐ backend/pyproject.toml: no such file any more",
                "☐ backend/pyproject.toml: sqlalchemy",
                "    sqlalchemy[asyncio]>=2.1.9",
                "☐ backend/pyproject.toml: alembic",
                "    alembic>=1.20.1",
                "☐ backend/pyproject.toml: asyncpg",
                "    asyncpg>=0.32",
                "☐ backend/pyproject.toml: pydantic-settings",
                "    pydantic-settings>=2.12",
            ],
        ),
    ],
)
def test_check_tells_what_is_left(
    root: Path,
    file: str,
    content: str | None,
    lines: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = root / "backend" / file
    path.unlink() if content is None else path.write_text(content, "utf-8")
    code, printed = check_here(root, capsys)
    assert left(printed) == lines
    assert code == bool(lines)


def test_check_reads_what_windows_writes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "backend/pyproject.toml"
    path.write_text(path.read_text("utf-8"), "utf-16")
    assert check_here(root, capsys)[0] == 0


def test_check_compares_versions(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, version in (("asyncpg", "0.9.0"), ("alembic", "1.100.0b1")):
        metadata = f"Name: {name}\nVersion: {version}\n"
        write(tmp_path / "other", {f"{name}-{version}.dist-info/METADATA": metadata})
    monkeypatch.syspath_prepend(tmp_path / "other")
    code, lines = check_here(root, capsys)
    assert (code, left(lines)) == (1, ["☐ asyncpg>=0.32: 0.9.0 is installed"])


def command(
    root: Path, *arguments: str, cwd: Path | None = None, **variables: str
) -> tuple[int, str, str]:
    done = layering.run(
        *(sys.executable, "-m", "layered.core.database", *arguments),
        cwd=cwd or root / "backend",
        check=False,
        variables={"PYTHONPATH": str(root / "backend"), **variables},
    )
    return done.returncode, done.stdout, done.stderr


def alembic(root: Path, *arguments: str, **variables: str) -> tuple[int, str, str]:
    done = layering.run(
        "alembic", *arguments, cwd=root / "backend", check=False, variables=variables
    )
    return done.returncode, done.stdout, done.stderr


def test_help_lists_the_commands_in_the_order_of_a_day(root: Path) -> None:
    code, out, _ = command(root, "--help")
    names = re.findall(r"^    (\w+)  ", out, flags=re.MULTILINE)
    day = ["dev", "wait", "create", "revision", "upgrade", "seed", "psql"]
    assert (code, [name for name in names if name in day]) == (0, day)
    assert {"lint", "rebase", "check"} < {*names}
    assert "Exit code 0: done." in out
    assert command(root, "revision", "--empty")[0] == 2
    assert command(root, "lint", "--nonsense")[0] == 2


def test_revision_and_upgrade_are_those_of_alembic(
    root: Path, tmp_path: Path, database_url: str
) -> None:
    write(root / "backend/layered/models", {"tickets.py": TICKETS})
    variables: dict[str, Any] = {"DATABASE_URL": database_url}
    versions = root / "backend/alembic/versions"

    revise = ("revision", "-m", "add tickets", "--rev-id", "first")
    code, out, told = command(root, *revise, cwd=tmp_path, **variables)
    assert (code, out.count("Generating"), "Detected added table" in told) == (0, 1, True)
    assert "create_table" in next(versions.glob("*first*")).read_text("utf-8")
    # Without a database.
    code, *_ = command(root, "revision", "--empty", "-m", "by hand", "--rev-id", "second")
    assert (code, "create_table" in next(versions.glob("*second*")).read_text()) == (0, False)

    assert command(root, "upgrade", "first", cwd=tmp_path, **variables)[0] == 0
    assert Server(database_url).ask("SELECT version_num FROM alembic_version") == ["first"]
    assert command(root, "upgrade", cwd=tmp_path, **variables)[0] == 0
    assert Server(database_url).ask("SELECT version_num FROM alembic_version") == ["second"]

    for arguments in (("head",), ("nowhere",), ("head", "--sql")):
        ours = command(root, "upgrade", *arguments, **variables)
        assert ours == alembic(root, "upgrade", *arguments, **variables)


def test_seed_is_that_of_the_application(root: Path, tmp_path: Path) -> None:
    scaffold = root / "backend/layered/core/seed.py"
    scaffold.write_text("import sys\n\nprint(__name__, sys.argv[1:])\nsys.exit(3)\n", "utf-8")
    passed = ["--production", "-h", "x y"]
    assert command(root, "seed", *passed, cwd=tmp_path) == (3, f"__main__ {passed}\n", "")


FAKE = """\
#!/usr/bin/env python3
import json, os, sys

print(json.dumps([sys.argv[1:], os.environ.get("PGPASSWORD")]))
sys.exit(7)
"""


def test_psql_has_the_password_in_no_argument(root: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin/psql"
    write(tmp_path, {"bin/psql": FAKE})
    program.chmod(0o755)
    url = (
        "postgresql+asyncpg://me:c%40nary@one:1,two/data%20base?ssl=true&application_name=a%2Bb"
        "&target_session_attrs=prefer-standby&connect_timeout=3&options=-c%20search_path%3Dx"
    )
    path = f"{program.parent}:/usr/bin:/bin"
    code, out, told = command(root, "psql", "-c", "select 1", DATABASE_URL=url, PATH=path)
    assert (code, told) == (7, "")
    [_, dsn, *passed], password = json.loads(out)
    assert (passed, password) == (["-c", "select 1"], "c@nary")
    scheme, _, query = dsn.partition("?")
    assert scheme == "postgresql://"
    assert sorted(query.split("&")) == [
        "application_name=a%2Bb",
        "connect_timeout=3",
        "dbname=data%20base",
        "host=one%2Ctwo",
        "options=-c%20search_path%3Dx",
        "port=1%2C",
        "sslmode=require",
        "target_session_attrs=prefer-standby",
        "user=me",
    ]


def test_psql_asks_the_database(root: Path, tmp_path: Path, database_url: str) -> None:
    given = ("psql", "-Atc", "select current_database()")
    there = database_url.rpartition("/")[2].partition("?")[0]
    code, out, told = command(root, *given, cwd=tmp_path, DATABASE_URL=database_url)
    assert (code, out, told) == (0, f"{there}\n", "")
    broken = command(root, "psql", "-c", "select", "-c", "nonsense", DATABASE_URL=database_url)
    assert broken[0] == 1
    without: dict[str, Any] = {"DATABASE_URL": database_url, "PATH": str(tmp_path)}
    assert command(root, *given, **without)[:2] == (0, f"{there}\n")  # that of the wheel


def test_psql_that_is_missing_is_a_sentence(
    layer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = import_module(f"{layer.__name__}.development.psql")
    errors = import_module(f"{layer.__name__}.errors")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@localhost/x")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DATABASE_PROGRAMS", str(tmp_path))
    with pytest.raises(errors.DatabaseUnavailableError, match=r"^psql was not found on PATH: pip"):
        module.psql([])
    monkeypatch.setenv("DATABASE_PROGRAMS", str(postgres.installation() / "bin"))
    assert module.psql(["--version"]) == 0
