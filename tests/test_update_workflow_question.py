"""`db_update_workflow`: where it is asked, what it writes, and how one changes one's mind."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from host_manifest import HOSTS_ROOT
from layering import ANSWERS, answers, changed, commit, files, git, layer, make_repository, run
from releases import PAST, make_releases
from rendering import render, write
from updating import make_project, restore, update

NAME = ".github/workflows/update-database.yml"
OTHER_NAME = ".github/workflows/update-database-layer.yml"
YES = ("--data", "db_update_workflow=true")
NO = ("--data", "db_update_workflow=false")
APP = {
    "shop/__init__.py": "",
    "shop/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
    "requirements.txt": "fastapi\n",
}


def repository(root: Path, contents: dict[str, str] | None = None) -> Path:
    return make_repository(write(root, APP | (contents or {})))


def workflow(root: Path) -> str:
    return (root / NAME).read_text("utf-8")


def page_of(root: Path) -> str:
    return (root / "docs/database.md").read_text("utf-8")


def test_yes_is_a_file_that_the_page_names(template: Path, tmp_path: Path) -> None:
    roots = [repository(tmp_path / name / "shop") for name in ("with", "without")]
    before = files(roots[0])
    printed = layer(template, roots[0], db_update_workflow="yes").stderr
    layer(template, roots[1], "--skip-tasks", db_update_workflow="true")
    assert workflow(roots[0]) == workflow(roots[1])
    assert f"`{NAME}` looks for a release every Monday." in page_of(roots[0])
    assert "cron:" not in page_of(roots[0])
    for command in re.findall(r"^  (git (?:checkout|clean) .*)$", printed, re.MULTILINE):
        run(*shlex.split(command), cwd=roots[0])
    assert files(roots[0]) == before


def test_no_is_the_same_text_in_the_page(template: Path, tmp_path: Path) -> None:
    roots = [repository(tmp_path / name / "shop") for name in ("yes", "no")]
    layer(template, roots[0], db_update_workflow="true")
    layer(template, roots[1])
    assert not (roots[1] / ".github").exists()
    block = page_of(roots[1]).partition(f"```yaml\n# {NAME}\n")[2].partition("```")[0]
    assert block == workflow(roots[0])


def test_a_name_that_is_taken(template: Path, tmp_path: Path) -> None:
    root = repository(tmp_path / "shop", {NAME: "mine\n"})
    layer(template, root, db_update_workflow="true")
    assert workflow(root) == "mine\n"
    text = (root / OTHER_NAME).read_text("utf-8")
    assert yaml.safe_load(text)["name"] == "update-database-layer"


@pytest.mark.parametrize("kind", ["names", "file", "link"])
def test_no_place_for_a_workflow(template: Path, tmp_path: Path, kind: str) -> None:
    root = repository(tmp_path / "shop")
    if kind == "names":
        write(root, {NAME: "mine\n", OTHER_NAME: "mine\n"})
    elif kind == "file":
        write(root, {".github": "mine\n"})
    else:
        (tmp_path / "elsewhere").mkdir()
        (root / ".github").symlink_to(tmp_path / "elsewhere")
    before = files(root)
    layer(template, root, db_update_workflow="true")
    assert "db_update_workflow" not in answers(root)
    now = {path: content for path, content in files(root).items() if ".github" in path}
    assert now == {path: content for path, content in before.items() if ".github" in path}
    commit(root, "layer a database onto it")
    update(root, *YES)
    assert changed(root) == {}


def test_a_folder_of_a_repository_is_refused(template: Path, tmp_path: Path) -> None:
    root = write(tmp_path / "all/services/shop", APP)
    make_repository(tmp_path / "all")
    before = files(root)
    sentence = (
        "GitHub runs the workflows in the root of a repository alone, and this is its folder "
        "services/shop/. Next: leave out db_update_workflow;"
    )
    done = layer(template, root, check=False, db_update_workflow="true")
    assert sentence in " ".join(done.stderr.split())
    assert files(root) == before
    layer(template, root)
    commit(root, "layer a database onto it")
    refused = update(root, *YES, check=False)
    assert sentence in " ".join(refused.stderr.split())
    assert changed(root) == {}


def test_without_git_it_can_be_had(template: Path, tmp_path: Path) -> None:
    root = write(tmp_path / "shop", APP)
    layer(template, root, db_update_workflow="true")
    assert (root / NAME).is_file()


@pytest.fixture(scope="module")
def project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with the workflow, which no test may change."""
    folder = tmp_path_factory.mktemp("with_workflow")
    return make_project(template, "bigger_applications", folder / "shop", *YES)


def test_a_second_thought(project: Path, tmp_path: Path) -> None:
    root = restore(project, tmp_path / "shop")
    before = files(root)
    update(root, *NO)
    assert not (root / NAME).exists()
    assert set(changed(root)) == {ANSWERS, NAME, "docs/database.md"}
    commit(root, "no workflow")
    update(root, *YES)
    assert files(root) == before


def test_a_second_thought_keeps_an_edited_file(project: Path, tmp_path: Path) -> None:
    root = restore(project, tmp_path / "shop")
    (root / NAME).write_text(workflow(root).replace("on Mondays", "when we sleep"), "utf-8")
    commit(root, "at another time")
    done = update(root, *NO)
    assert "when we sleep" in workflow(root)
    assert f"☐ {NAME}: the layer has no such file any more. It is kept" in done.stderr


def test_a_release_merges_into_an_edited_file(
    template: Path, project: Path, tmp_path: Path
) -> None:
    source = tmp_path / "template"
    git(tmp_path, "clone", "--quiet", str(template), str(source))
    git(source, "config", "user.name", "Maintainers")
    git(source, "config", "user.email", "maintainers@example.com")
    root = restore(project, tmp_path / "shop")
    remembered = root / ANSWERS
    remembered.write_text(remembered.read_text("utf-8").replace(str(template), str(source)))
    text = workflow(root).replace("pip install -r requirements.txt", "make install")
    assert "make install" in text
    (root / NAME).write_text(text, "utf-8")
    commit(root, "our own way to install it")
    partial = source / "template/update_workflow.yml.jinja"
    partial.write_text(partial.read_text("utf-8").replace("on Mondays", "every Monday"), "utf-8")
    commit(source, "another word")
    git(source, "tag", "v99.1.0")
    update(root)
    assert workflow(root) == text.replace("on Mondays", "every Monday")


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_releases(tmp_path_factory.mktemp("releases") / "template")


@pytest.mark.parametrize("version", PAST)
def test_a_project_of_a_past_release(releases: Path, tmp_path: Path, version: str) -> None:
    """Those that were made before the question was there can have it, too."""
    options = ("--vcs-ref", f"v{version}")
    root = make_project(releases, "bigger_applications", tmp_path / "shop", *options)
    update(root, *YES)
    assert (root / NAME).is_file()
    assert answers(root)["db_git_folder"] == "."


INSTALL = {
    "bigger_applications": "pip install -r requirements.txt\npip install pytest httpx\n",
    "backend_frontend": "uv sync --active\n",
    "lifespan_middleware": "uv sync --active\npip install pytest httpx\n",
    "on_event_handlers": "uvx pdm lock && uvx pdm sync\n",
    "poetry_backend": "uvx poetry lock && uvx poetry install\n",
}


def test_zizmor_and_bash_find_nothing(template: Path, tmp_path: Path) -> None:
    """Actions are pinned to a version, which a person can read; the rest is zizmor's default."""
    rules = {"unpinned-uses": {"config": {"policies": {"actions/*": "ref-pin"}}}}
    (tmp_path / "zizmor.yml").write_text(yaml.safe_dump({"rules": rules}), "utf-8")
    paths = []
    for host, expected in INSTALL.items():
        tree = render(template, HOSTS_ROOT / host, tmp_path / host, db_update_workflow=True)
        paths.append(tree.root / NAME)
        steps = yaml.safe_load(workflow(tree.root))["jobs"]["update"]["steps"]
        scripts = {step["name"]: step["run"] for step in steps if "run" in step}
        assert scripts["Install the project"].partition('"$GITHUB_PATH"\n')[2] == expected
        assert [step["uses"] for step in steps if "uses" in step] == ["actions/checkout@v5"]
        for script in scripts.values():
            assert "${{" not in script
            run("bash", "-n", "-c", script, cwd=tmp_path)
    run("zizmor", "--offline", "--config", "zizmor.yml", *paths, cwd=tmp_path)


def test_a_compiled_requirements_file(template: Path, tmp_path: Path) -> None:
    compiled = "# This file is autogenerated by pip-compile\n#    pip-compile requirements.in\n"
    both = {"requirements.in": "fastapi\n", "requirements.txt": f"{compiled}fastapi==1\n"}
    root = write(tmp_path / "host", APP | both)
    tree = render(template, root, tmp_path / "to", db_update_workflow=True)
    assert (
        "          uv pip compile requirements.in -o requirements.txt\n"
        "          pip install -r requirements.txt\n"
    ) in workflow(tree.root)
