"""A release takes nothing from projects: paths, answers, names; and says what they must do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import releases
from compatibility import (
    PUBLIC,
    Names,
    changed_answers,
    changed_questions,
    claimed_paths,
    disowned,
    dropped_paths,
    faults_of_changelog,
    missing_names,
    names,
    raw_paths,
    render,
)
from frozen import FOLDER, missing
from host_manifest import HOSTS
from layering import ANSWERS, PROJECT, answers, commit, copy_template, git
from releases import name_release, release_before, unpack
from updating import make_project, report, restore, update

LAST = release_before()
LAYER = "template/project/{{ db_layer_dir }}"
HOST = "backend_frontend"
CHANGELOG = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")

Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template of the last release."""
    return unpack(LAST, tmp_path_factory.mktemp("old") / "template")


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template of the working tree."""
    return copy_template(tmp_path_factory.mktemp("new") / "template")


def replace(file: str, before: str, after: str) -> Change:
    """Return a change of a text that is in a file of the template."""
    return lambda template: releases.replace(template / file, before, after)


def rename(before: str, after: str) -> Change:
    return lambda template: (template / before).rename(template / after)


def drop(file: str) -> Change:
    return lambda template: (template / file).unlink()


def exclude(path: str) -> Change:
    return replace("copier.yml", "_exclude:\n", f'_exclude:\n  - "{path}"\n')


@pytest.fixture
def changed(new: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a changed copy of the working tree."""

    def make(*changes: Change) -> Path:
        template = copy_template(tmp_path / "changed", new)
        for change in changes:
            change(template)
        return template

    return make


def dropped(old: Path, new: Path) -> list[str]:
    return [
        *dropped_paths(raw_paths(old), raw_paths(new), disowned(new)),
        *claimed_paths(disowned(old), disowned(new)),
    ]


def test_paths(old: Path, new: Path) -> None:
    assert dropped(old, new) == []


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        (rename(f"{LAYER}/errors.py", f"{LAYER}/faults.py"), "{{ db_layer_dir }}/errors.py"),
        (drop("template/project/{{ db_seed_path }}.jinja"), None),
        (drop("template/project/{{ db_docs }}.jinja"), "{{ db_docs }}"),
        (drop(f"{LAYER}/{{% if db_primary_key == 'uuid7' %}}uuid7.py{{% endif %}}"), "uuid7.py"),
        # Neither is a change of what lands in a project.
        (rename(f"{LAYER}/errors.py", f"{LAYER}/errors.py.jinja"), None),
        (
            rename(f"{LAYER}/errors.py", f"{LAYER}/{{% if db_new_core %}}errors.py{{% endif %}}"),
            None,
        ),
    ],
    ids=["renamed", "seed", "dropped", "conditional", "suffix", "condition"],
)
def test_paths_that_are_gone(
    old: Path, changed: Callable[..., Path], change: Change, gone: str | None
) -> None:
    said = dropped(old, changed(change))
    if gone is None:
        assert said == []
    else:
        [sentence] = said
        assert f"{gone} is dropped or renamed: an update would delete it" in sentence
        assert sentence.endswith(f"{gone} in _exclude of copier.yml.")


def test_a_path_that_is_left_to_projects(old: Path, changed: Callable[..., Path]) -> None:
    assert (
        dropped(old, changed(drop(f"{LAYER}/errors.py"), exclude("/{{ db_layer_dir }}/errors.py")))
        == []
    )


def test_a_seed_that_is_excluded_no_more(old: Path, changed: Callable[..., Path]) -> None:
    line = "  - \"{% if _copier_operation == 'update' %}/{{ db_seed_path }}{% endif %}\"\n"
    [sentence] = dropped(old, changed(replace("copier.yml", line, "")))
    assert sentence.startswith("/{{ db_seed_path }} is not in _exclude of copier.yml any more")


def of_answers(old: Path, new: Path, host: str, tmp_path: Path, **data: object) -> Iterator[str]:
    """Yield what is gone or means something else where a project has these answers."""
    was = render(old, LAST, host, tmp_path / "was", **data)
    now = render(new, LAST, host, tmp_path / "now", **data)
    yield from dropped_paths(was.paths(), now.paths(), disowned(new, now.answers))
    yield from changed_answers(was, now, new, LAST)


@pytest.mark.parametrize("host", [host.name for host in HOSTS])
def test_answers(old: Path, new: Path, tmp_path: Path, host: str) -> None:
    assert [*of_answers(old, new, host, tmp_path)] == []


def test_other_answers(old: Path, new: Path, tmp_path: Path) -> None:
    assert [*of_answers(old, new, HOST, tmp_path, db_primary_key="uuid7")] == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            [
                replace(
                    "copier.yml", "pathjoin(db_app_dir, db_models)", "pathjoin(db_app_dir, 'db')"
                )
            ],
            {
                "backend/app/models/__init__.py is dropped or renamed",
                "backend/app/models/base.py is dropped or renamed",
                "db_models_dir was 'backend/app/models', is 'backend/app/db'",
            },
        ),
        (
            [rename(f"{LAYER}/errors.py", f"{LAYER}/{{% if db_new_core %}}errors.py{{% endif %}}")],
            {"backend/app/core/database/errors.py is dropped or renamed"},
        ),
        ([drop(f"{LAYER}/errors.py"), exclude("/{{ db_layer_dir }}/errors.py")], set()),
    ],
    ids=["computed", "condition", "left to projects"],
)
def test_answers_that_mean_something_else(
    old: Path, changed: Callable[..., Path], tmp_path: Path, changes: list[Change], said: set[str]
) -> None:
    found = of_answers(old, changed(*changes), HOST, tmp_path)
    assert {sentence.split(": an update")[0].split(". Projects")[0] for sentence in found} == said


def test_questions(old: Path, new: Path) -> None:
    assert [*changed_questions(old, new, LAST)] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            replace("copier.yml", "\ndb_pool_size:", "\ndb_pool:"),
            "The question db_pool_size is gone.",
        ),
        (
            replace("copier.yml", "'int' if db_detected", "'float' if db_detected"),
            "db_pool_size: type was int, is float.",
        ),
        (
            replace("copier.yml", '": uuid7\n', '": uuid\n'),
            "db_primary_key: choices was {'",
        ),
        (
            replace(
                "copier.yml",
                'db_docs: {type: str, ask: false, when: "{{ db_detected }}"',
                "db_docs: {type: str, when: false",
            ),
            "db_docs: stored was True, is False.",
        ),
        (
            replace("copier.yml", "\ndb_layer_dir:", "\ndb_folder:"),
            "The question db_layer_dir is gone.",
        ),
    ],
    ids=["renamed", "type", "choices", "stored", "computed"],
)
def test_questions_that_are_others(
    old: Path, changed: Callable[..., Path], change: Change, said: str
) -> None:
    [sentence] = changed_questions(old, changed(change), LAST)
    assert sentence.startswith(said)
    assert sentence.endswith("in a _migrations entry with a version and the stage before.")


@pytest.mark.parametrize(
    "change",
    [
        replace("copier.yml", "  default: 5\n", "  default: 6\n"),
        replace("copier.yml", '": uuid7\n', '": uuid7\n    "both": both\n'),
        replace("copier.yml", "small and fast, tells how many rows there are", "small"),
    ],
    ids=["default", "one more choice", "advice"],
)
def test_questions_may_change(old: Path, changed: Callable[..., Path], change: Change) -> None:
    assert [*changed_questions(old, changed(change), LAST)] == []


@pytest.mark.parametrize(
    ("version", "stage", "gone"),
    [("v99.0.0", "before", 0), ("v99.0.0", "after", 1), (f"v{LAST}", "before", 1)],
)
def test_questions_with_a_migration(
    old: Path, changed: Callable[..., Path], version: str, stage: str, gone: int
) -> None:
    entry = f"""_migrations:
  - version: {version}
    command: ["true"]
    when: "{{{{ _stage == '{stage}' }}}}"
"""
    template = changed(
        replace("copier.yml", "\ndb_pool_size:", "\ndb_pool:"),
        replace("copier.yml", "_migrations:\n", entry),
    )
    assert len([*changed_questions(old, template, LAST)]) == gone


@pytest.fixture(scope="module")
def old_names(old: Path, tmp_path_factory: pytest.TempPathFactory) -> Names:
    return names(render(old, LAST, HOST, tmp_path_factory.mktemp("old") / "project"), old)


def test_names(old_names: Names, new: Path, tmp_path: Path) -> None:
    found = names(render(new, LAST, HOST, tmp_path / "project"), new)
    assert [*missing_names(PUBLIC, found), *missing_names(old_names, found)] == []


def test_names_that_are_gone(
    old_names: Names, changed: Callable[..., Path], tmp_path: Path
) -> None:
    template = changed(
        replace(f"{LAYER}/__init__.py", '    "retry_serializable",\n', ""),
        # It can be asked for, and is nowhere.
        replace(f"{LAYER}/__init__.py", '        "get_read_db": "session",\n', ""),
        replace(
            "template/project/{{ db_models_dir }}/__init__.py.jinja",
            '["Base", "TimestampMixin"]',
            '["TimestampMixin"]',
        ),
        replace(f"{LAYER}/settings.py.jinja", "database_ping_after:", "database_ping:"),
        replace(f"{LAYER}/settings.py.jinja", '            "APP_ENV",\n', ""),
        replace(f"{LAYER}/wiring.py.jinja", 'Route("/health', 'Route("/healthy'),
        replace(f"{LAYER}/__main__.py.jinja", '"wait",', '"await",'),
        replace("copier.yml", "\ndb_max_overflow:\n", "\ndb_overflow:\n"),
    )
    found = names(render(template, LAST, HOST, tmp_path / "project"), template)
    assert [sentence.split(", which")[0] for sentence in missing_names(old_names, found)] == [
        "get_read_db is gone from the names of the layer",
        "retry_serializable is gone from the names of the layer",
        "Base is gone from the names of the models",
        "APP_ENV is gone from the environment variables",
        "DATABASE_PING_AFTER is gone from the environment variables",
        "GET /health/database is gone from the routes",
        "wait is gone from the commands",
        "db_max_overflow is gone from the questions",
    ]
    assert len([*missing_names(PUBLIC, found)]) == 4


def test_changelog() -> None:
    assert [*faults_of_changelog(CHANGELOG)] == []


ONE = "# Changelog\n\n## 1.0.0 - 2026-01-31\n\n### What you must do\n\nNothing.\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ONE, ""),
        (ONE.replace("## 1", "## Unreleased\n\n### Added\n\n- It.\n\n## 1"), ""),
        (ONE.replace("## 1", "## 1.1.0rc1 - 2026-01-31\n\n### What you must do\n\nA.\n\n## 1"), ""),
        (ONE.replace("Nothing.", "Set {{ it }}."), "CHANGELOG.md holds {{, which Jinja reads"),
        (ONE.replace("1.0.0 ", "one "), "## one - 2026-01-31: expected a version"),
        (ONE.replace(" - 2026-01-31", ""), "## 1.0.0: expected a version as in PEP 440 and a date"),
        (ONE.replace("-31", "-32"), "## 1.0.0 - 2026-01-32: expected a version"),
        (ONE.replace("Nothing.\n", ""), "## 1.0.0 - 2026-01-31 lacks a text under"),
        (ONE.replace("### What you must do", "### Changed"), "## 1.0.0 - 2026-01-31 lacks a text"),
        (f"{ONE}\n{ONE[13:].replace('1.0', '1.1')}", "## 1.1.0 - 2026-01-31 stands below an older"),
        (
            f"{ONE}\n{ONE[13:].replace('1.0', '0.9').replace('-31', '-32')}",
            "## 0.9.0 - 2026-01-32: ",
        ),
        (f"{ONE}\n## Unreleased\n", "## Unreleased: expected a version"),
    ],
)
def test_changelog_with_a_fault(text: str, said: str) -> None:
    found = [*faults_of_changelog(text)]
    assert len(found) == bool(said)
    assert "".join(found).startswith(said)


def test_frozen_answers() -> None:
    released = [section.split()[0] for section in CHANGELOG.split("\n## ")[1:]]
    versions = [version for version in released if version != "Unreleased"]
    assert [missing(version) for version in versions if missing(version)] == []
    assert missing("0.0.1") == (
        "tests/releases/0.0.1 lacks answers. Next: uv run tests/freeze_answers.py, and commit "
        "the folder."
    )
    assert {folder.name for folder in FOLDER.iterdir()} == {*versions}


@pytest.fixture(scope="module")
def three(template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a template with three releases, and a project of the first."""
    folder = tmp_path_factory.mktemp("three")
    source = folder / "template"
    git(folder, "clone", "--quiet", str(template), str(source))
    git(source, "config", "user.name", "Maintainers")
    git(source, "config", "user.email", "maintainers@example.com")
    name_release(source, "99.0.1", "Nothing.")
    project = make_project(source, "flat_main_crlf", folder / "project")
    name_release(source, "99.1.0", "Restart `app`:\nit \"has\" <a> new & 'old' name.\n\n- twice")
    name_release(source, "99.2.0", "Nothing.")
    return source, project


def to_do(printed: str) -> str:
    """Return what the closing message says between its heading and the next steps."""
    return printed.partition("What you must do:\n")[2].partition("Next: ")[0].strip()


def test_the_message_says_what_the_releases_ask_for(
    three: tuple[Path, Path], tmp_path: Path
) -> None:
    root = restore(three[1], tmp_path / "project")
    assert answers(root)["db_release"] == "99.0.1"

    # To the third, over the second.
    asked = "99.1.0: Restart `app`:\nit \"has\" <a> new & 'old' name.\n\n- twice"
    assert to_do(update(root).stderr) == f"99.2.0: Nothing.\n{asked}"
    assert answers(root)["db_release"] == "99.2.0"
    commit(root, "update")

    again = update(root).stderr
    assert "What you must do" not in again
    assert "Next: read `git diff`" in again

    # From the second, which renders what the first does.
    root = restore(three[1], tmp_path / "second")
    text = (root / ANSWERS).read_text(encoding="utf-8")
    (root / ANSWERS).write_text(text.replace("99.0.1", "99.1.0"), encoding="utf-8")
    commit(root, "an earlier update")
    assert to_do(update(root).stderr) == "99.2.0: Nothing."
    assert answers(root)["db_release"] == "99.2.0"


def test_quiet_says_nothing(three: tuple[Path, Path], tmp_path: Path) -> None:
    root = restore(three[1], tmp_path / "project")
    # Where there is something to say: the database has another name.
    done = update(root, "--quiet", "--data", "project_name=Other")
    assert report(done) == ""
    assert done.stdout == ""
    assert answers(root)["db_release"] == "99.2.0"
