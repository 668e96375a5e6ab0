"""Whose a path is: what the table "What it touches" of README.md means for given answers."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from layering import ANSWERS

ROOMS = (
    "__init__ __main__ base check check_database conflicts connect create engine errors health"
    " http_errors liveness migrations/__init__ migrations/autogenerate migrations/commands"
    " migrations/down_revision migrations/environment migrations/history migrations/limits"
    " migrations/lint migrations/lock migrations/offline migrations/online migrations/programs"
    " migrations/rebase migrations/revisions migrations/server_defaults new_database production"
    " seeding/__init__ seeding/batches seeding/command seeding/progress seeding/references"
    " seeding/rows seeding/upsert session settings statements status tables transactions url"
    " variables waiting wiring"
    " development/__init__ development/account development/dev development/diagram"
    " development/drawing development/programs"
    " development/psql development/server migrations/alembic_command"
    " testing/__init__ testing/application testing/databases testing/fixtures"
    " testing/loop_thread testing/savepoints testing/server testing/worker"
)
ADMIN_ROOMS = " admin/__init__ admin/access admin/fields admin/mount admin/pages admin/views"


def ours(found: Mapping[str, Any]) -> set[str]:
    """Return what an update merges a release into."""
    app = PurePosixPath(found["db_app_dir"])
    rooms = ROOMS + (ADMIN_ROOMS if found.get("db_admin") else "")
    folders = {
        app / found["db_layer"]: [f"{room}.py" for room in rooms.split()],
        app / found["db_models"]: ["__init__.py", "base.py"],
        PurePosixPath(found["db_alembic"]): [
            *("env.py", "script.py.mako", "squawk.toml", "versions/.gitkeep"),
        ],
        PurePosixPath(found["db_tests"]): [
            *("README.md", "test_database_diagram.py", "test_database_health.py"),
            "test_database_migrations.py",
            *(["__init__.py"] if found["db_tests_package"] else []),
        ],
    }
    rendered = {str(folder / name) for folder, names in folders.items() for name in names}
    rendered |= {found["db_workflow"]} if found.get("db_update_workflow") else set()
    return rendered | {found["db_alembic_ini"], found["db_compose"], found["db_docs"], ANSWERS}


def seeds(found: Mapping[str, Any]) -> set[str]:
    """Return what is written once."""
    app = PurePosixPath(found["db_app_dir"])
    written = {str(app / found["db_seed"])}
    written |= {str(app / "core/__init__.py")} if found["db_new_core"] else set()
    return written | ({found["db_env_example"]} if found["db_new_env_example"] else set())


def wired(found: Mapping[str, Any]) -> set[str]:
    """Return the files of the person that a copy adds lines to.

    Modules with settings are among them even where their classes need no line.
    """
    named = {found[key] for key in ("db_app_module", "db_dependency_file", "db_compose_file")}
    named |= set() if found["db_new_env_example"] else {found["db_env_example"]}
    return named - {""} | {*found["db_settings_modules"]}
