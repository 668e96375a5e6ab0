"""`copier update` on the layer: edits are kept, nothing is done twice.

From every past release, on every host, over the working tree to a release that changes one file of
each kind, needs one more dependency, and another one in a newer version.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.version import Version

from edits.plan import plan
from frozen import frozen_path, frozen_text
from host_application import add_widgets, assert_host_works, own_tests, passed, seed
from host_manifest import HOSTS, Host
from layering import (
    add_model,
    answers,
    changed,
    commit,
    dotted,
    files,
    git,
    layer,
    make_host,
    run,
    seed_rows,
    serving,
)
from ownership import ours
from releases import PAST, add_migration, make_releases, name_release, replace
from rendering import write
from updating import make_project, report, restore, update

LATER = "99.1.0"
PROJECT = "template/project"
LAYER = f"{PROJECT}/{{{{ db_layer_dir }}}}"
ADDED_ROOM = "added.py"
# A database for each of them would take too long. These differ the most: modules under bare names
# beside Alembic, a factory in a folder below, one of two services under a dotted name.
IN_USE = {"flat_main_crlf", "poetry_backend", "monorepo_billing"}
HOST = "backend_frontend"
APP = "backend/app"


@pytest.fixture(scope="session")
def every_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return all past releases, the working tree, and one on top of it."""
    source = make_releases(tmp_path_factory.mktemp("releases") / "template")
    for path in (
        f"{LAYER}/health.py",
        f"{LAYER}/migrations/environment.py.jinja",
        f"{PROJECT}/{{{{ db_alembic }}}}/env.py.jinja",
        f"{PROJECT}/{{{{ db_alembic_ini }}}}.jinja",
        f"{PROJECT}/{{{{ db_compose }}}}.jinja",
        f"{PROJECT}/{{{{ db_docs }}}}.jinja",
        f"{PROJECT}/{{{{ db_models_dir }}}}/base.py.jinja",
        f"{PROJECT}/{{{{ db_tests }}}}/test_database_health.py.jinja",
        # Seeds: no project that has them gets this.
        f"{PROJECT}/{{{{ db_seed_path }}}}.jinja",
        f"{PROJECT}/{{% if db_new_core %}}{{{{ db_core_init }}}}{{% endif %}}",
        f"{PROJECT}/{{% if db_new_env_example %}}{{{{ db_env_example }}}}{{% endif %}}.jinja",
    ):
        with (source / path).open("a", encoding="utf-8") as file:
            file.write("\n# released\n")
    (source / LAYER / ADDED_ROOM).write_text('"""A room that is new."""\n', encoding="utf-8")
    plan_file, last = source / "template/edits/plan.py", '    "pydantic-settings>=2.12",\n'
    replace(plan_file, last, f'{last}    "greenlet>=3",\n')
    # No host has it of its own: a copy leaves what it finds as it is, if that admits the floor.
    replace(plan_file, "asyncpg>=0.32", "asyncpg>=0.33")
    add_migration(source, LATER, "dependencies", "greenlet")
    add_migration(source, LATER, "floors", "asyncpg")
    return name_release(source, LATER)


def edit_ours(root: Path) -> Path:
    found = answers(root)
    room = root / found["db_app_dir"] / found["db_layer"] / "health.py"
    replace(room, "_DEADLINE = 3", "_DEADLINE = 2")
    replace(root / found["db_docs"], "# The database\n", "# The database\n\nAsk Maria first.\n")
    replace(root / found["db_compose"], "127.0.0.1:5432", "127.0.0.1:5433")
    return root


def edit_seeds(host: Host, root: Path) -> None:
    """Fill the one with rows, delete one, add a line to the last."""
    seed_rows(host, root, "first", "second")
    found = answers(root)
    if found["db_new_core"]:
        (root / found["db_app_dir"] / "core/__init__.py").unlink()
    with (root / found["db_env_example"]).open("a", encoding="utf-8") as example:
        example.write("OURS=1\n")


def faults(
    root: Path, before: Mapping[str, bytes], fresh: Mapping[str, bytes], edited: set[str]
) -> Iterator[str]:
    """Yield what an update has done and should not have.

    `fresh` is a copy of the new release with the same edits in ours; `edited` are the files of the
    person that the release edits.
    """
    found, after = answers(root), files(root)
    room = Path(found["db_app_dir"], found["db_layer"], ADDED_ROOM).as_posix()
    merged = ours(found) | edited | {room}
    for path in sorted(before.keys() | after.keys() | fresh.keys()):
        was, now, expected = before.get(path), after.get(path), fresh.get(path)
        if was is not None and now is None:
            yield f"{path} is gone"
        elif now is not None and (b"<<<<<<< before updating\n" in now or path.endswith(".rej")):
            yield f"{path} is in conflict"
        elif path not in merged and now != was:
            yield f"{path} is not ours, and was changed"
        elif path in merged and now != expected:
            yield f"{path} is not as in a fresh copy"
    for path, letters in changed(root).items():
        if letters not in {"M", "A", "??"} and path in after:
            yield f"{path} is {letters} in the index"
        if path not in merged and before.get(path) == after.get(path):
            yield f"{path} is not ours, and has another mode or state in the index: {letters}"


def edited_by_releases(found: Mapping[str, Any], since: str) -> set[str]:
    """Return the files of the person that migrations name, of releases after that one."""
    text = Path(found["_src_path"], "copier.yml").read_text(encoding="utf-8")
    configuration = yaml.safe_load(text)
    kinds = {
        kind
        for migration in configuration["_migrations"]
        if Version(migration.get("version", "0")) > Version(since)
        for kind in migration["command"]
    }
    if kinds & {"dependencies", "floors"}:
        kinds |= {"pyproject", "requirements", "other", "nowhere"}
    everything = {**found, "db_layer_module": "", "db_env": {}}
    return {target.path for target in plan(everything) if target.kind in kinds}


@pytest.mark.parametrize("version", PAST)
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_from_every_release(
    host: Host, version: str, every_release: Path, tmp_path: Path, database_url: str
) -> None:
    root = make_host(host.folder, tmp_path / host.folder)
    layer(every_release, root, "--vcs-ref", f"v{version}", db_app_dir=host.app_dir)
    frozen = frozen_path(version, host.name).read_text(encoding="utf-8")
    assert frozen_text(root) == frozen, "a past release gives other answers than it did"
    commit(root, "layer a database onto it")

    edit_ours(root)
    if host.name in IN_USE:
        add_widgets(host, root, database_url)
        edit_seeds(host, root)
        assert seed(host, root, database_url) == "widgets: 2 created, 0 updated, 0 unchanged\n"
        tests = own_tests(host, root, TEST_DATABASE_URL=database_url)
    else:
        add_model(host, root)
        edit_seeds(host, root)
    before = files(commit(root, "our own work"))

    update(root)

    fresh = make_host(host.folder, tmp_path / "fresh" / host.folder)
    layer(every_release, fresh, db_app_dir=host.app_dir)
    edited = edited_by_releases(answers(root), version)
    assert [*faults(root, before, files(edit_ours(fresh)), edited)] == []
    if host.name in IN_USE:
        assert_data_are_there(host, root, database_url)
        after = own_tests(host, root, TEST_DATABASE_URL=database_url)
        assert passed(after) >= passed(tests)  # a release may bring tests of its own
    else:
        own_tests(host, root)
        assert_nothing_is_left_to_do(host, root)

    before = files(commit(root, "update"))
    update(root)
    assert files(root) == before
    assert changed(root) == {}


def assert_nothing_is_left_to_do(host: Host, root: Path, **variables: str) -> None:
    module = dotted(host, answers(root)["db_layer"])
    run(*(sys.executable, "-m", module, "check"), cwd=root / host.import_root, variables=variables)


def assert_data_are_there(host: Host, root: Path, database_url: str) -> None:
    """Use the database that the earlier release has made and filled."""
    variables = {"DATABASE_URL": database_url}
    home = root / answers(root)["db_home"]
    run("alembic", "upgrade", "head", cwd=home, variables=variables)
    run("alembic", "check", cwd=home, variables=variables)
    assert_nothing_is_left_to_do(host, root, **variables)
    with serving("probe_app:app", cwd=root / host.import_root, variables=variables) as client:
        assert client.get("/health/database").json() == {"status": "ok"}
        assert client.get("/probe/widgets").json() == ["first", "second"]
        assert_host_works(host, client)
    assert seed(host, root, database_url) == "widgets: 0 created, 0 updated, 2 unchanged\n"


@pytest.fixture(scope="module")
def project(every_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with edits in files that are ours.

    Its template is its own, for releases that do what they must not.
    """
    folder = tmp_path_factory.mktemp("project")
    source = Path(shutil.copytree(every_release, folder / "template"))
    root = make_project(source, HOST, folder / "shop")
    return commit(edit_ours(root), "our own work")


def update_over(root: Path, *changes: Callable[[Path], object]) -> str:
    """Make one more release, update to it, and return what was printed."""
    source = Path(answers(root)["_src_path"])
    git(source, "checkout", "--quiet", f"v{LATER}")
    for change in changes:
        change(source)
    version = f"99.2.{len(git(source, 'tag').split())}"
    name_release(source, version)
    return report(update(root, "--vcs-ref", f"v{version}"))


def add_task(root: Path) -> None:
    """Mend what a person has written, as a maintainer may be tempted to."""
    script = (
        "from pathlib import Path; p = Path('backend/app/main.py'); p.exists() and p.write_text('')"
    )
    command = f'  - command: ["{{{{ _copier_python }}}}", -c, {json.dumps(script)}]\n'
    replace(root / "copier.yml", "_tasks:\n", f"_tasks:\n{command}")


def rename(before: str, after: str) -> Callable[[Path], object]:
    return lambda root: (root / LAYER / before).rename(root / LAYER / after)


def drop(path: str) -> Callable[[Path], object]:
    return lambda root: (root / PROJECT / path).unlink()


def add(path: str) -> Callable[[Path], object]:
    return lambda root: write(root / PROJECT, {path: "# ours\n"})


def forget_seed(root: Path) -> None:
    line = "  - \"{% if _copier_operation == 'update' %}/{{ db_seed_path }}{% endif %}\"\n"
    replace(root / "copier.yml", line, "")


@pytest.mark.parametrize(
    ("changes", "expected", "given_back"),
    [
        ([add_task], ["main.py is not ours, and was changed"], ""),
        (
            [rename("url.py", "urls.py")],
            [
                "core/database/url.py is gone",
                "core/database/urls.py is not ours, and was changed",
            ],
            "",
        ),
        (
            [rename("health.py", "healthy.py")],
            ["core/database/healthy.py is not ours, and was changed"],
            f"{APP}/core/database/health.py",
        ),
        ([drop("{{ db_docs }}.jinja")], [], "docs/database.md"),
        (
            [add("{{ db_app_module }}")],
            ["main.py is in conflict", "main.py is UU in the index"],
            "",
        ),
        ([add("{{ db_app_dir }}/new.py")], ["new.py is not ours, and was changed"], ""),
    ],
    ids=[
        *("task", "rename", "rename with edits", "drop with edits"),
        *("a path of the person", "a path that no table names"),
    ],
)
def test_releases_that_take_from_projects(
    project: Path,
    tmp_path: Path,
    changes: Sequence[Callable[[Path], object]],
    expected: Sequence[str],
    given_back: str,
) -> None:
    root = restore(project, tmp_path / "shop")
    before = files(root)
    said = update_over(root, *changes)
    found = [*faults(root, before, files(root), set())]
    assert found == [f"{APP}/{fault}" for fault in expected]
    sentence = ": the layer has no such file any more. It is kept, since it has edits of yours."
    assert f"☐ {given_back}{sentence}" in said if given_back else sentence not in said


def test_a_seed_that_a_release_forgets(project: Path, tmp_path: Path) -> None:
    root = restore(project, tmp_path / "shop")
    before = files(root)
    update_over(root, forget_seed)
    assert [*faults(root, before, files(root), set())] == []

    before = files(commit(root, "update"))
    update_over(root, forget_seed, drop("{{ db_seed_path }}.jinja"))
    assert [*faults(root, before, files(root), set())] == [f"{APP}/core/seed.py is gone"]


def release_a_line(template: Path, tag: str) -> None:
    """Release a change of one file that is ours."""
    room = template / "template/project/{{ db_layer_dir }}/errors.py"
    room.write_text(room.read_text() + f"\n# {tag}\n")
    commit(template, tag)
    git(template, "tag", tag)


def test_an_update_merges_ours_and_leaves_the_rest(template: Path, tmp_path: Path) -> None:
    source = tmp_path / "template"
    git(tmp_path, "clone", "--quiet", str(template), str(source))
    git(source, "config", "user.name", "Maintainers")
    git(source, "config", "user.email", "maintainers@example.com")
    root = make_host("factory_cached_settings", tmp_path / "host")
    layer(source, root)
    commit(root, "layer a database onto it")

    # Months of work: an edit in ours, one in a seed, a seed that was deleted, an edit taken back.
    package = root / "inventory"
    health = package / "core/database/health.py"
    health.write_text(health.read_text().replace("_DEADLINE = 3", "_DEADLINE = 2"))
    seed = package / "core/seed.py"
    seed.write_text(seed.read_text() + "\n# ours\n")
    (package / "core/__init__.py").unlink()
    (package / "core/database/waiting.py").unlink()
    (package / "core/database/production.py").rename(package / "core/database/where.py")
    application = package / "app.py"
    application.write_text(
        "".join(
            line
            for line in application.read_text().splitlines(keepends=True)
            if "setup_database" not in line
        )
    )
    commit(root, "our own work")
    before = files(root)

    release_a_line(source, "v99.1.0")
    update(root)

    after = files(root)
    touched = {path for path in before | after if before.get(path) != after.get(path)}
    assert touched == {".copier-answers.database.yml", "inventory/core/database/errors.py"}
    assert answers(root)["_commit"] == "v99.1.0"
    assert (package / "core/database/errors.py").read_text().endswith("# v99.1.0\n")

    commit(root, "update")
    update(root)
    assert changed(root) == {}
