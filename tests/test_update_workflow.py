"""The workflow that opens a pull request for a new release, step by step as GitHub runs it."""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from actions import GitHub
from layering import ANSWERS, answers, commit, files, git, layer, make_host, make_repository, run
from releases import name_release

WORKFLOW = ".github/workflows/update-database.yml"
BRANCH = "update-database"
# What it needs is installed where the tests run; one of them installs it all the same.
HAVING = ("install",)
TRYING = ("install", "check", "test")
HEALTH = "backend/app/core/database/health.py"


class World(NamedTuple):
    """A template, a project that has the workflow, and its origin on GitHub."""

    template: Path
    project: Path
    origin: Path
    github: GitHub

    def push(self) -> None:
        git(self.project, "push", "--quiet", "origin", "main")

    def release(
        self, version: str, *changes: tuple[str, str, str], to_do: str = "Nothing."
    ) -> None:
        for path, old, new in changes:
            file = self.template / "template" / path
            text = file.read_text("utf-8")
            assert old in text
            file.write_text(text.replace(old, new), "utf-8")
        name_release(self.template, version, to_do)

    def branch(self, path: str) -> str:
        return git(self.origin, "show", f"{BRANCH}:{path}")

    def commits(self) -> list[str]:
        return git(self.origin, "log", "--format=%an %s", f"main..{BRANCH}").splitlines()


def clone_template(template: Path, into: Path) -> Path:
    git(template, "clone", "--quiet", str(template), str(into))
    git(into, "config", "user.name", "Maintainers")
    git(into, "config", "user.email", "maintainers@example.com")
    return into


@pytest.fixture(scope="module")
def prepared(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a template and a project, which no test may change."""
    folder = tmp_path_factory.mktemp("prepared")
    source = name_release(clone_template(template, folder / "template"), "99.0.1")
    project = make_host("backend_frontend", folder / "project")
    layer(source, project, db_update_workflow="true")
    commit(project, "layer a database onto it")
    return folder


@pytest.fixture
def world(prepared: Path, tmp_path: Path, postgres_url: str) -> World:
    source, project = tmp_path / "template", tmp_path / "project"
    shutil.copytree(prepared / "template", source)
    shutil.copytree(prepared / "project", project)
    remembered = project / ANSWERS
    text = remembered.read_text("utf-8").replace(str(prepared / "template"), str(source))
    remembered.write_text(text, "utf-8")
    commit(project, "where the template is")
    origin = tmp_path / "origin.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(project), str(origin))
    git(project, "remote", "add", "origin", str(origin))
    return World(source, project, origin, GitHub(tmp_path / "github", origin, postgres_url))


DEADLINE = ("project/{{ db_layer_dir }}/health.py", "_DEADLINE = 3", "_DEADLINE = 4")


def test_no_release(world: World) -> None:
    done = world.github.run(WORKFLOW)
    assert done.steps == {"Look for a release": "success"}
    assert "There is no new release." in done.printed
    assert world.github.requests == []
    assert "update-database" not in git(world.origin, "branch", "--list")


def test_a_release_becomes_a_pull_request_once(world: World) -> None:
    world.release("99.1.0", DEADLINE, to_do="Look at the health route.")
    done = world.github.run(WORKFLOW)
    assert set(done.steps.values()) == {"success"}, done.printed

    [request] = world.github.requests
    body = request.pop("body")
    assert request == {
        "number": 1,
        "state": "open",
        "draft": False,
        "base": "main",
        "head": BRANCH,
        "title": "Update the database layer to 99.1.0",
    }
    assert body.startswith(
        "From v99.0.1 to v99.1.0.\n"
        "Install: success, check: success, tests: success "
        "([log](https://github.example/acme/shop/actions/runs/7)).\n"
    )
    assert "What you must do:\n\n99.1.0: Look at the health route.\n" in body
    assert "Running task" not in body
    assert "conflict" not in body
    assert world.commits() == ["github-actions[bot] Update the database layer to 99.1.0"]
    changed = git(world.origin, "diff", "--name-only", "main", BRANCH).split()
    assert changed == [ANSWERS, HEALTH]
    # The layer's own tests had a database.
    assert re.search(r"\d+ passed", done.printed)
    assert "skipped" not in done.printed

    head = git(world.origin, "rev-parse", BRANCH)
    for state in ("open", "closed"):
        world.github.requests = [{**request, "body": body, "state": state}]
        again = world.github.run(WORKFLOW)
        assert again.steps == {"Look for a release": "success"}
        assert "There is a pull request for 99.1.0 already, open or closed." in again.printed
        assert world.github.requests == [{**request, "body": body, "state": state}]
        assert git(world.origin, "rev-parse", BRANCH) == head


def meet(world: World) -> None:
    """Change the line that the next release changes."""
    health = world.project / HEALTH
    health.write_text(health.read_text("utf-8").replace("_DEADLINE = 3", "_DEADLINE = 2"), "utf-8")
    commit(world.project, "our own deadline")
    world.push()
    world.release("99.1.0", DEADLINE)


def test_a_conflict_becomes_a_draft(world: World) -> None:
    meet(world)
    done = world.github.run(WORKFLOW, skip=HAVING)

    [request] = world.github.requests
    assert request["draft"] is True
    assert (
        "\nIn conflict. Resolve what stands between the markers, and push to this branch:\n\n"
        f"- `{HEALTH}`\n"
    ) in request["body"]
    assert "Install: skipped, check: failure, tests: failure (" in request["body"]
    assert f"☐ {HEALTH}: your lines and those of the release meet." in request["body"]
    assert re.search(
        r"^<<<<<<< before updating\n_DEADLINE = 2 .*\n=======\n_DEADLINE = 4 .*\n"
        r">>>>>>> after updating$",
        world.branch(HEALTH),
        re.MULTILINE,
    ), done.printed


def test_a_conflict_where_github_has_no_drafts(world: World) -> None:
    meet(world)
    world.github.forbid_drafts()
    world.github.run(WORKFLOW, skip=TRYING)
    [request] = world.github.requests
    assert request["draft"] is False
    assert "\nIn conflict. " in request["body"]


def test_failing_tests_are_reported(world: World) -> None:
    (world.project / "backend/tests/test_wrong.py").write_text("def test_it() -> None: raise\n")
    commit(world.project, "a test that fails")
    world.push()
    world.release("99.1.0", DEADLINE)
    done = world.github.run(WORKFLOW, skip=HAVING)
    assert done.steps["Test"] == "failure"
    assert done.steps["Open a pull request"] == "success"
    [request] = world.github.requests
    assert "Install: skipped, check: success, tests: failure (" in request["body"]
    assert request["draft"] is False


def test_a_newer_release_takes_the_same_pull_request(world: World) -> None:
    meet(world)
    world.github.run(WORKFLOW, skip=TRYING)
    assert [request["draft"] for request in world.github.requests] == [True]

    back = (DEADLINE[0], DEADLINE[2], DEADLINE[1])
    world.release("99.2.0", back, ("project/{{ db_layer_dir }}/errors.py", '"""', '"""Now: '))
    world.github.run(WORKFLOW, skip=TRYING)
    [request] = world.github.requests
    assert request["title"] == "Update the database layer to 99.2.0"
    assert request["draft"] is False
    assert request["body"].startswith("From v99.0.1 to v99.2.0.\n")
    assert world.commits() == ["github-actions[bot] Update the database layer to 99.2.0"]
    assert "_DEADLINE = 2" in world.branch(HEALTH)
    assert "<<<<" not in world.branch(HEALTH)


@pytest.mark.parametrize("how", ["commit", "amend"])
def test_the_work_of_a_person_stays(world: World, tmp_path: Path, how: str) -> None:
    world.release("99.1.0", DEADLINE)
    world.github.run(WORKFLOW, skip=TRYING)
    person = tmp_path / "person"
    git(tmp_path, "clone", "--quiet", "--branch", BRANCH, str(world.origin), str(person))
    git(person, "config", "user.name", "A person")
    git(person, "config", "user.email", "person@example.com")
    (person / "notes.txt").write_text("mine\n")
    git(person, "add", "--all")
    git(person, "commit", "--quiet", *(["--amend", "-C", "HEAD"] if how == "amend" else ["-mx"]))
    git(person, "push", "--quiet", "--force", "origin", BRANCH)
    before = world.github.requests

    world.release("99.2.0", (DEADLINE[0], "_DEADLINE = 4", "_DEADLINE = 5"))
    done = world.github.run(WORKFLOW, skip=TRYING)
    assert done.steps == {"Look for a release": "success"}
    assert f"::warning::99.2.0 waits: a person has committed to {BRANCH}." in done.printed
    assert world.branch("notes.txt") == "mine\n"
    assert world.github.requests == before


def test_a_change_of_the_workflow_is_left_to_a_person(world: World) -> None:
    """GitHub refuses a push by a workflow when it changes one."""
    world.release("99.1.0", DEADLINE, ("update_workflow.yml.jinja", "on Mondays", "every Monday"))
    done = world.github.run(WORKFLOW, skip=TRYING)
    assert set(done.steps.values()) == {"success"}, done.printed
    changed = git(world.origin, "diff", "--name-only", "main", BRANCH).split()
    assert changed == [ANSWERS, HEALTH]
    [request] = world.github.requests
    assert "Not in this branch, since GitHub lets no workflow change workflows." in request["body"]
    patch = request["body"].partition("~~~diff\n")[2].partition("~~~")[0]
    patched = world.project / "by-hand.patch"
    patched.write_text(patch, "utf-8")
    git(world.project, "apply", str(patched))
    assert "# every Monday" in (world.project / WORKFLOW).read_text("utf-8")


def test_in_a_folder_of_the_repository_the_page_has_it(
    template: Path, tmp_path: Path, postgres_url: str
) -> None:
    source = clone_template(template, tmp_path / "template")
    root = tmp_path / "all"
    project = make_host("backend_frontend", root / "services/Shop API")
    git(project, "config", "core.bare", "false")
    run("rm", "-rf", project / ".git", cwd=root)
    make_repository(root)
    layer(source, project)
    assert "db_update_workflow" not in answers(project)
    assert not [path for path in files(root) if ".github" in path]

    page = (project / "docs/database.md").read_text("utf-8")
    [block] = re.findall(r"(?ms)^```yaml\n# (\S+update-database\S+)\n(.*?)^```$", page)
    path, text = block
    assert path == ".github/workflows/update-database-services-shop-api.yml"
    (root / path).parent.mkdir(parents=True)
    (root / path).write_text(text, "utf-8")
    commit(root, "layer a database onto it")
    origin = tmp_path / "origin.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(root), str(origin))
    github = GitHub(tmp_path / "github", origin, postgres_url)
    world = World(source, project, origin, github)
    world.release("99.1.0", DEADLINE)
    done = github.run(path, skip=HAVING)
    assert set(done.steps.values()) == {"success"}, done.printed
    [request] = github.requests
    assert request["head"] == "update-database-services-shop-api"
    assert request["body"].startswith(
        "From v99.0.0 to v99.1.0.\nInstall: skipped, check: success, tests: success ("
    )
