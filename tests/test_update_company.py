"""Updates beside other templates, services, machines and habits."""

import json
from pathlib import Path

import pytest

from layering import (
    ANSWERS,
    answers,
    changed,
    commit,
    files,
    git,
    layer,
    make_host,
    make_repository,
    run,
)
from updating import FIRST, SECOND, UPDATE, make_project, restore, update

HOST = "backend_frontend"
LAYER = "backend/app/core/database"
DOCS = "docs/database.md"
OURS = {f"{LAYER}/{name}.py" for name in ("errors", "health", "local")} | {
    *(ANSWERS, "compose.database.yaml", DOCS),
}
OTHER_TEMPLATE = {
    "copier.yml": """\
_subdirectory: files
project_name: {type: str, default: theirs}
db_pool_size: {type: int, default: 77}
db_layer: {type: str, default: theirs}
""",
    "files/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
    "files/other.txt.jinja": "{{ project_name }} {{ db_pool_size }} {{ db_layer }}\n",
}


@pytest.fixture(scope="module")
def layered(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layered")
    return make_project(releases, HOST, folder / "shop", "--vcs-ref", f"v{FIRST}")


@pytest.fixture
def project(layered: Path, tmp_path: Path) -> Path:
    return restore(layered, tmp_path / "shop")


def edit(root: Path, line: str = "_DEADLINE = 2") -> None:
    """Change the line that the release changes."""
    room = root / LAYER / "health.py"
    text = room.read_text(encoding="utf-8")
    room.write_text(text.replace("_DEADLINE = 3", line), encoding="utf-8")
    commit(root, "our own work")


def test_another_template_with_the_same_questions(releases: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for path, text in OTHER_TEMPLATE.items():
        (other / path).parent.mkdir(parents=True, exist_ok=True)
        (other / path).write_text(text, encoding="utf-8")
    git(make_repository(other), "tag", "v1.0.0")

    root = tmp_path / "shop"
    run("copier", "copy", "--defaults", other, root, cwd=tmp_path)
    host = make_project(releases, HOST, tmp_path / "host", "--vcs-ref", f"v{FIRST}")
    other_files = files(root)
    for name, content in other_files.items():
        (host / name).write_bytes(content)
    commit(host, "another template")

    (other / "files/other.txt.jinja").write_text("{{ project_name }} 2 {{ db_layer }}\n")
    git(commit(other, "two"), "tag", "v2.0.0")
    update(host)
    found = answers(host)
    assert (found["_commit"], found["db_pool_size"], found["db_layer"]) == (
        *(f"v{SECOND}", 5, "core/database"),
    )
    assert files(host)[".copier-answers.yml"] == other_files[".copier-answers.yml"]
    commit(host, "update ours")
    run("copier", "update", "--defaults", cwd=host)
    assert (host / "other.txt").read_text(encoding="utf-8") == "theirs 2 theirs\n"
    assert set(changed(host)) == {".copier-answers.yml", "other.txt"}


def test_a_copy_beside_the_answers_of_another_template(template: Path, tmp_path: Path) -> None:
    theirs = "db_pool_size: 77\nproject_name: theirs\ndb_layer: theirs\ndb_primary_key: uuid7\n"
    root = make_host(HOST, tmp_path / "shop")
    (root / ".copier-answers.yml").write_text(theirs, encoding="utf-8")
    layer(template, root)
    found = answers(root)
    assert (found["db_pool_size"], found["db_layer"], found["db_primary_key"]) == (
        *(5, "core/database", "integer"),
    )
    assert found["project_name"] != "theirs"
    assert (root / ".copier-answers.yml").read_text(encoding="utf-8") == theirs


def test_two_services_of_one_repository(layered: Path, tmp_path: Path) -> None:
    root = tmp_path / "mono"
    for name in ("one", "two"):
        service = restore(layered, root / "services" / name)
        run("rm", "-rf", service / ".git", cwd=root)
    (root / "untracked.txt").parent.mkdir(exist_ok=True)
    make_repository(root)
    (root / "untracked.txt").write_text("of somebody else\n")
    edit(root / "services/one")

    before = files(root)
    update(root / "services/one")
    assert set(changed(root)) - {"untracked.txt"} == {f"services/one/{path}" for path in OURS}
    unmerged = git(root, "diff", "--name-only", "--diff-filter=U").splitlines()
    assert unmerged == [f"services/one/{LAYER}/health.py"]
    after = files(root)
    others = {path for path in before if not path.startswith("services/one/")}
    assert {path: after[path] for path in others} == {path: before[path] for path in others}

    git(root, "checkout", "--theirs", "--", f"services/one/{LAYER}/health.py")
    commit(root, "update one")
    update(root / "services/two")
    assert set(changed(root)) == {f"services/two/{path}" for path in OURS}


def test_looking_for_a_release(project: Path) -> None:
    look = ("copier", "check-update", "-a", ANSWERS)
    done = run(*look, "--output-format", "json", cwd=project)
    assert json.loads(done.stdout) == {
        "update_available": True,
        "current_version": FIRST,
        "latest_version": SECOND,
    }
    assert run(*look, "--quiet", cwd=project, check=False).returncode == 2
    update(project)
    assert run(*look, "--quiet", cwd=project).returncode == 0


def test_the_call_of_renovate(project: Path) -> None:
    call = ("copier", "update", "--skip-answered", "--defaults", "--trust")
    run(*call, "--answers-file", ANSWERS, "--vcs-ref", f"v{SECOND}", cwd=project)
    assert set(changed(project)) == OURS
    assert answers(project)["_commit"] == f"v{SECOND}"


def test_recopy(project: Path) -> None:
    """Edits in ours are thrown away, which is what it is for. A seed comes back if deleted."""
    edit(project)
    seed, variables = project / "backend/app/core/seed.py", project / ".env.example"
    variables.write_text("MINE=1\n", encoding="utf-8")
    seed.unlink()
    application = project / "backend/app/main.py"
    application.write_text(application.read_text("utf-8").replace("setup_database(app)\n", ""))
    before = files(commit(project, "our own work"))
    run("copier", "recopy", "--trust", "--defaults", "--overwrite", "-a", ANSWERS, cwd=project)
    after = files(project)
    touched = {path for path in before | after if before.get(path) != after.get(path)}
    assert touched == {*OURS, "backend/app/core/seed.py"}
    assert b"_DEADLINE = 4" in after[f"{LAYER}/health.py"]


def test_interactively_the_place_is_not_asked_for(project: Path) -> None:
    """Without --defaults the first question is the first that an update may change."""
    done = run(*(part for part in UPDATE if part != "--defaults"), cwd=project, check=False)
    assert "Interactive session required" in done.stderr
    assert changed(project) == {}


@pytest.mark.parametrize("eol", ["lf", "crlf"])
def test_configurations_of_git(project: Path, tmp_path: Path, eol: str) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "post-commit"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/called; exit 1\n")
        (hooks / name).chmod(0o755)
    edit(project)
    (project / ".gitattributes").write_text(f"* text=auto eol={eol}\n" if eol == "crlf" else "")
    commit(project, "attributes")
    settings = {
        "core.autocrlf": "true" if eol == "crlf" else "input",
        "commit.gpgsign": "true",
        "user.signingKey": "NONE",
        "gpg.program": "false",
        "core.hooksPath": str(hooks),
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "color.ui": "always",
        "merge.conflictStyle": "zdiff3",
    }
    config = tmp_path / "config"
    for key, value in settings.items():
        git(project, "config", "--file", str(config), key, value)
    variables = {"GIT_CONFIG_GLOBAL": str(config)}
    # As a clone on such a machine has the files.
    run("git", "rm", "-r", "--quiet", "--cached", ".", cwd=project, variables=variables)
    run("git", "-c", "core.hooksPath=", "reset", "--hard", cwd=project, variables=variables)
    assert (b"\r\n" in files(project)[f"{LAYER}/health.py"]) == (eol == "crlf")
    update(project, variables=variables)
    states = changed(project)
    assert states.pop(f"{LAYER}/health.py") == "UU"
    assert set(states) == OURS - {f"{LAYER}/health.py"}, states
    text = (project / LAYER / "health.py").read_text(encoding="utf-8")
    assert "_DEADLINE = 2" in text
    assert "_DEADLINE = 4" in text
