"""`python -m ...database check`, as a person runs it."""

import runpy
import shutil
import sys
from pathlib import Path

import pytest

import layering
from rendering import Tree, render, write
from runtime.application import REPOSITORY

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
