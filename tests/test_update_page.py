"""The section "Update" of docs/database.md, command by command."""

import re
import shlex
from pathlib import Path

import pytest

from layering import ANSWERS, answers, changed, commit, files, git, layer, make_host, run
from releases import name_release

HEALTH = "backend/app/core/database/health.py"
SETTINGS = "backend/app/core/database/settings.py"
SEED = "backend/app/core/seed.py"


class Project:
    """A project with an edit in the line that each new release of the template changes."""

    def __init__(self, template: Path, folder: Path) -> None:
        self.template, self.root = folder / "template", folder / "shop"
        git(folder, "clone", "--quiet", str(template), str(self.template))
        git(self.template, "config", "user.name", "Maintainers")
        git(self.template, "config", "user.email", "maintainers@example.com")
        make_host("backend_frontend", self.root)
        layer(self.template, self.root)
        self.deadline(2)
        commit(self.root, "layer a database onto it")
        page = (self.root / "docs/database.md").read_text("utf-8")
        section = page.partition("\n### Update\n")[2].partition("\n### Leave\n")[0]
        self.commands = re.findall(r"^\| `(uvx copier .+?)` \|", section, re.MULTILINE)
        [self.restore] = re.findall(r"^git restore .*$", section, re.MULTILINE)
        self.section = section

    def deadline(self, seconds: int) -> None:
        health = self.root / HEALTH
        text = re.sub(r"_DEADLINE = \d", f"_DEADLINE = {seconds}", health.read_text("utf-8"))
        health.write_text(text, "utf-8")

    def release(self, version: str, seconds: int) -> None:
        room = self.template / "template/project/{{ db_layer_dir }}"
        health = (room / "health.py").read_text("utf-8")
        text = re.sub(r"_DEADLINE = \d", f"_DEADLINE = {seconds}", health)
        (room / "health.py").write_text(text, "utf-8")
        (room / f"new_{seconds}.py").write_text('"""New."""\n', "utf-8")
        name_release(self.template, version)

    def command(self, part: str) -> str:
        """Run the command of the table with this part; return what it printed."""
        [command] = [command for command in self.commands if part in command]
        words = shlex.split(command)[1:]
        if words[1] != "check-update":
            words.append("--defaults")
        done = run(*words, cwd=self.root)
        return done.stdout + done.stderr

    def go_back(self) -> None:
        run("bash", "-ec", self.restore, cwd=self.root)

    def shown(self) -> str:
        return "".join(re.findall(r"_DEADLINE = (\d)", (self.root / HEALTH).read_text("utf-8")))


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Project:
    return Project(template, tmp_path)


def test_a_conflict_is_seen_resolved_and_taken_back(project: Project) -> None:
    before = files(project.root)
    assert "Project is up-to-date!" in project.command("check-update")
    project.release("99.1.0", 4)
    printed = project.command("check-update")
    assert "Current version is 99.0.0, latest version is 99.1.0." in printed

    project.command("--conflict rej")
    assert "_DEADLINE = 2" in (project.root / f"{HEALTH}.rej").read_text("utf-8")
    assert (project.shown(), answers(project.root)["_commit"]) == ("4", "v99.1.0")
    project.go_back()
    assert files(project.root) == before
    assert changed(project.root) == {}

    run("copier", "update", "--trust", "--defaults", "-a", ANSWERS, cwd=project.root)
    assert project.shown() == "24"
    listing = "git diff --name-only --diff-filter=U"
    assert f"`{listing}`" in project.section
    assert run(*listing.split(), cwd=project.root).stdout == f"{HEALTH}\n"
    text = (project.root / HEALTH).read_text("utf-8")
    mine, theirs = text.index("<<<<<<< before updating"), text.index("=======\n")
    assert mine < text.index("_DEADLINE = 2") < theirs < text.index("_DEADLINE = 4")
    [sides] = re.findall(
        r"`git checkout (--\w+) FILE` takes yours, `(--\w+)` that\s+of the release", project.section
    )
    for side, seconds in zip(sides, "24", strict=True):
        git(project.root, "checkout", side, HEALTH)
        assert project.shown() == seconds
    project.go_back()
    assert files(project.root) == before
    assert changed(project.root) == {}


def test_an_answer_is_changed(project: Project) -> None:
    project.command("--data db_pool_size=20")
    assert answers(project.root)["db_pool_size"] == 20
    assert "default=20," in (project.root / SETTINGS).read_text("utf-8")
    assert project.shown() == "2"


def test_recopy_throws_edits_away(project: Project) -> None:
    (project.root / SEED).unlink()
    commit(project.root, "no seed")
    main = (project.root / "backend/app/main.py").read_bytes()
    project.command("copier recopy")
    assert changed(project.root) == {HEALTH: "M", SEED: "??"}
    assert project.shown() == "3"
    assert (project.root / "backend/app/main.py").read_bytes() == main


def test_the_call_of_renovate(project: Project) -> None:
    project.release("99.1.0", 4)
    run(
        *("copier", "update", "--skip-answered", "--defaults", "--trust"),
        *("--answers-file", ANSWERS, "--vcs-ref", "v99.1.0"),
        cwd=project.root,
    )
    assert project.shown() == "24"
    assert changed(project.root)[HEALTH] == "UU"
