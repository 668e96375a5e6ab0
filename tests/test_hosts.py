"""Every host, from its own repository to a running application with a database."""

import os
import sys
from pathlib import Path

import pytest

from host_application import add_widgets, assert_host_works, own_tests, passed, seed
from host_manifest import HOSTS, Host
from layering import (
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
from ownership import ours, seeds, wired


def expected_changes(root: Path, touched: set[str]) -> set[str]:
    """Return what the table "What it touches" of the README means for these answers."""
    found = answers(root)
    lenient = set(found["db_settings_modules"]) - touched
    return ours(found) | seeds(found) | wired(found) - lenient


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
    variables = {"DATABASE_URL": database_url}
    add_widgets(host, root, database_url)
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
        counts = f"{new} created, 0 updated, {2 - new} unchanged"
        assert seed(host, root, database_url) == f"widgets: {counts}\n"

    run("alembic", "downgrade", "base", cwd=home, variables=variables)
    run(sys.executable, "-m", dotted(host, found["db_layer"]), "check", cwd=import_root)

    # From an empty database through the migrations to the models, and back.
    tests = own_tests(host, root, root / found["db_tests"], TEST_DATABASE_URL=database_url)
    assert "skipped" not in tests
