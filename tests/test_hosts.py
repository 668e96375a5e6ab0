"""Every host, from its own repository to a running application with a database."""

import os
import re
import sys
from pathlib import Path, PurePosixPath

import httpx
import pytest

from host_manifest import HOSTS, Host
from layering import (
    ANSWERS,
    add_model,
    answers,
    changed,
    commit,
    dotted,
    files,
    layer,
    make_host,
    run,
    seed_rows,
    serving,
)

# Routes in front of all others, as routes of the host that no catch-all shadows.
PROBE = """
from datetime import datetime

from fastapi import APIRouter
from sqlalchemy import select

from {layer} import ReadSessionDep, SessionDep
from {models}.widget import Widget
from {asgi_module} import {asgi_name}

app = {asgi_name}{call}
router = APIRouter()


@router.post("/probe/widgets", status_code=201)
async def create(name: str, session: SessionDep) -> datetime:
    widget = Widget(name=name)
    session.add(widget)
    await session.flush()
    return widget.created_at


@router.get("/probe/widgets")
async def names(session: ReadSessionDep) -> list[str]:
    return list(await session.scalars(select(Widget.name).order_by(Widget.name)))


app.router.routes[0:0] = router.routes
"""


def own_tests(host: Host, root: Path) -> str:
    """Run the host's own tests with nothing to connect to, and return pytest's last line."""
    done = run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        cwd=root / host.test_cwd,
    )
    return done.stdout.splitlines()[-1]


def passed(summary: str) -> int:
    found = re.search(r"(\d+) passed", summary)
    assert found, summary
    return int(found[1])


LAYER = (
    "__init__ __main__ base check check_database conflicts connect create engine errors health"
    " http_errors liveness migrations/__init__ migrations/autogenerate migrations/commands"
    " migrations/down_revision migrations/environment migrations/history migrations/limits"
    " migrations/lint migrations/lock migrations/offline migrations/online migrations/programs"
    " migrations/rebase migrations/revisions migrations/server_defaults new_database production"
    " seeding/__init__ seeding/batches seeding/command seeding/progress seeding/references"
    " seeding/rows seeding/upsert session settings statements status tables transactions url"
    " variables waiting wiring"
)


def expected_changes(root: Path, touched: set[str]) -> set[str]:
    """Return what the table "What it touches" of the README means for these answers."""
    found = answers(root)
    app = PurePosixPath(found["db_app_dir"])
    package = ["__init__.py"] if found["db_tests_package"] else []
    folders = {
        app / found["db_layer"]: [f"{room}.py" for room in LAYER.split()],
        app / found["db_models"]: ["__init__.py", "base.py"],
        PurePosixPath(found["db_alembic"]): [
            *("env.py", "script.py.mako", "squawk.toml", "versions/.gitkeep"),
        ],
        PurePosixPath(found["db_tests"]): [
            *("test_database_health.py", "test_database_migrations.py"),
            *package,
        ],
    }
    added = [folder / name for folder, names in folders.items() for name in names]
    added += [app / found["db_seed"]]
    added += [app / "core/__init__.py"] if found["db_new_core"] else []
    named = ("db_alembic_ini", "db_compose", "db_docs", "db_env_example")
    edited = [found["db_app_module"], found["db_dependency_file"]]
    edited += [path for path in (found["db_compose_file"],) if path]
    return {*map(str, added), *(found[key] for key in named), *edited, ANSWERS} | {
        module for module in found["db_settings_modules"] if module in touched
    }


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_host(host: Host, template: Path, tmp_path: Path, database_url: str) -> None:
    root = make_host(host.folder, tmp_path / host.folder)
    before = own_tests(host, root)
    untouched = files(root)

    printed = layer(template, root, db_app_dir=host.app_dir).stderr

    found = answers(root)
    assert (found["db_app_module"], found["db_package"]) == (host.app_module, host.package)
    assert os.path.normpath(found["db_import_root"]) == os.path.normpath(host.import_root)
    left = [line for line in printed.splitlines() if line.startswith("☐")]
    ignored = ["☐ .gitignore: hides what was added. At its end add:"]
    assert left == (ignored if host.name == "factory_cached_settings" else []), printed
    # Not `git status` alone: one host ignores .env.example.
    now = files(root)
    touched = {path for path, content in now.items() if untouched.get(path) != content}
    assert set(untouched) <= set(now)
    assert touched == expected_changes(root, touched), printed
    assert set(changed(root)) <= touched

    # The layer's own tests join the host's; those that need a database are skipped.
    after = own_tests(host, root)
    assert passed(after) >= passed(before), after

    import_root = root / host.import_root
    with serving(host.asgi, cwd=import_root, factory=host.factory) as client:
        assert_host_works(host, client)
        health = client.get("/health/database")
        assert (health.status_code, health.json()) == (503, {"status": "unavailable"})

    everything = files(root)
    layer(template, root, db_app_dir=host.app_dir)
    assert files(root) == everything

    commit(root, "layer a database onto it")
    use_database(host, root, database_url)


def use_database(host: Host, root: Path, database_url: str) -> None:
    found = answers(root)
    import_root, home = root / host.import_root, root / found["db_home"]
    layer_module, models = dotted(host, found["db_layer"]), dotted(host, found["db_models"])
    seed = dotted(host, found["db_seed"].removesuffix(".py"))
    add_model(host, root)
    asgi_module, asgi_name = host.asgi.split(":")
    (import_root / "probe_app.py").write_text(
        PROBE.format(
            layer=layer_module,
            models=models,
            asgi_module=asgi_module,
            asgi_name=asgi_name,
            call="()" if host.factory else "",
        ),
        encoding="utf-8",
    )
    variables = {"DATABASE_URL": database_url}

    run("alembic", "revision", "--autogenerate", "-m", "add widgets", cwd=home, variables=variables)
    [revision] = (root / found["db_alembic"] / "versions").glob("*.py")
    assert re.search(r"op\.create_table\(\s*[\"']widgets[\"']", revision.read_text())
    run("alembic", "upgrade", "head", cwd=home, variables=variables)
    run("alembic", "check", cwd=home, variables=variables)
    assert "CREATE TABLE widgets" in run("alembic", "upgrade", "head", "--sql", cwd=home).stdout

    with serving("probe_app:app", cwd=import_root, variables=variables) as client:
        assert client.get("/health/database").json() == {"status": "ok"}
        created = client.post("/probe/widgets", params={"name": "first"})
        assert created.status_code == 201, created.text
        assert created.json().endswith(("Z", "+00:00"))
        assert client.get("/probe/widgets").json() == ["first"]
        assert_host_works(host, client)

    seed_rows(host, root, "first", "second")
    for new in (1, 0):
        seeded = run(sys.executable, "-m", seed, cwd=import_root, variables=variables)
        counts = f"{new} created, 0 updated, {2 - new} unchanged"
        assert seeded.stdout == f"widgets: {counts}\n"

    run("alembic", "downgrade", "base", cwd=home, variables=variables)
    run(sys.executable, "-m", layer_module, "check", cwd=import_root)

    # From an empty database through the migrations to the models, and back.
    tests = run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", root / found["db_tests"]),
        cwd=root / host.test_cwd,
        variables={"TEST_DATABASE_URL": database_url},
    )
    assert "skipped" not in tests.stdout


def assert_host_works(host: Host, client: httpx.Client) -> None:
    response = client.get(host.sample_path, headers=dict(host.sample_headers))
    assert response.status_code == 200, response.text
    assert host.sample_body_contains in response.text
