"""Random edits meet random releases: an update loses no line, and no conflict is hidden.

300 projects each time, always the same ones, so that a red run is about the change. Others, as many
as you like, with `UPDATE_EXAMPLES=3000 uv run pytest tests/test_update_property.py`; what fails is
printed as the steps that led there. Those become tests with names, at the end of this file.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from layering import git
from merging import Edit, Files, Layered, Templates, make_layered, quick_and_alone, tree
from update_machine import Given, Release, Updates, has_conflict

ASKED = os.environ.get("UPDATE_EXAMPLES")
EXAMPLES = int(ASKED or 300)
# Each takes a quarter, so that they run side by side. The last is a folder of its repository.
HOSTS = {
    "factory_cached_settings": ".",
    "backend_frontend": ".",
    "flat_main_crlf": ".",
    "monorepo_two_services": "services/catalog",
}
MEMORY = Path("/dev/shm")  # noqa: S108 - most of the time goes to small files
ROOMS = "template/project/{{ db_layer_dir }}"
FIRST = Edit("insert", 0, 0, (b"theirs",))
LAST = Edit("insert", -2, 0, (b"mine",))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    place = MEMORY if MEMORY.is_dir() else None
    with (
        tempfile.TemporaryDirectory(dir=place) as name,
        pytest.MonkeyPatch.context() as patch,
        quick_and_alone(Path(name)),
    ):
        # Copier's own folders too.
        patch.setattr(tempfile, "tempdir", name)
        yield Path(name)


@pytest.fixture(scope="module")
def layered(folder: Path) -> Layered:
    return make_layered(folder / "layered", "factory_cached_settings", ".")


def machine_of(what: Given) -> type[Updates]:
    class Machine(Updates):
        given = what

    return Machine


def run(given: Given, number: int, examples: int, *phases: Phase) -> None:
    machine = machine_of(given)
    run_state_machine_as_test(
        machine if ASKED else seed(number)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=8,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            phases=phases or (Phase.generate, Phase.shrink),
        ),
    )


@pytest.mark.timeout(0 if ASKED else 1800)
@pytest.mark.parametrize("host", HOSTS)
def test_no_line_is_lost(host: str, folder: Path) -> None:
    given = Given(make_layered(folder / host, host, HOSTS[host]))
    run(given, [*HOSTS].index(host), EXAMPLES // len(HOSTS))
    print(host, dict(given.done))
    # Else the others have shown little.
    assert given.done["conflicts"] > EXAMPLES // 40
    assert given.done["merged"] > EXAMPLES // 40


# What a maintainer may do wrong, which the machine has to find.


def without_excluded_seeds(templates: Templates, files: Files) -> None:
    questions = templates.files["copier.yml"]
    files["copier.yml"] = questions.replace(b"_copier_operation == 'update' %}/", b"false %}/")


def with_a_skipped_everything(templates: Templates, files: Files) -> None:
    """Before a release asks its questions this is a lone slash, which matches every file."""
    questions = templates.files["copier.yml"]
    files["copier.yml"] = questions.replace(b"{% if db_seed_path %}/", b"/{% if true %}")


def with_a_skipped_everything_unseen(templates: Templates, files: Files) -> None:
    """As before, and nothing gives back the files that have lost lines."""
    with_a_skipped_everything(templates, files)
    questions = files["copier.yml"] or b""
    lines = questions.splitlines(keepends=True)
    files["copier.yml"] = b"".join(line for line in lines if b'update.py", after,' not in line)


def with_a_task(templates: Templates, files: Files) -> None:
    questions = templates.files["copier.yml"]
    task = b"_tasks:\n  - \"sed -i 's/$/ /' README.* || true\"\n"
    files["copier.yml"] = questions.replace(b"_tasks:\n", task)


def renaming(templates: Templates, files: Files) -> None:
    files[f"{ROOMS}/problems.py"] = templates.files[f"{ROOMS}/errors.py"]
    files[f"{ROOMS}/errors.py"] = None


def dropping(_: Templates, files: Files) -> None:
    files[f"{ROOMS}/health.py"] = None


@pytest.mark.parametrize(
    ("mistake", "found"),
    [
        (without_excluded_seeds, "in no release|is the person's"),
        (with_a_skipped_everything, "has lost lines of the release|was deleted by the person"),
        (with_a_task, "README.rst is the person's"),
        (renaming, "problems.py is in no release|errors.py is gone"),
        (dropping, "health.py is gone"),
    ],
)
def test_the_machine_finds_a_mistake(
    layered: Layered, mistake: Callable[[Templates, Files], None], found: str
) -> None:
    with pytest.raises(AssertionError, match=found):
        run(Given(layered, mistake), 0, 75, Phase.generate)


def test_the_machine_finds_lost_lines(layered: Layered) -> None:
    given = Given(layered, with_a_skipped_everything_unseen)
    with pytest.raises(AssertionError, match=r"errors.py has lost lines of the person"):
        after_an_update(
            given,
            [("errors", FIRST)],
            lambda person: person.edit("errors", LAST),
            lambda person: person.delete("health"),
        )


# What it has found.


def after_an_update(given: Given, release: Release, *steps: Callable[[Updates], None]) -> Path:
    machine = machine_of(given)()
    machine.start([release], [], several=False, again=False, resolution="both")
    for step in steps:
        step(machine)
    machine.update()
    return machine.root


def test_a_deleted_file_beside_edits(layered: Layered) -> None:
    root = after_an_update(
        Given(layered),
        [("errors", FIRST)],
        lambda person: person.edit("errors", LAST),
        lambda person: person.delete("health"),
    )
    assert b"mine" in (root / layered.names["errors"]).read_bytes()
    assert not (root / layered.names["health"]).exists()


def test_a_file_that_both_have_added(layered: Layered) -> None:
    root = after_an_update(
        Given(layered), [("extra", FIRST)], lambda person: person.add("extra", (b"mine",))
    )
    assert has_conflict(tree(root)[layered.names["extra"]])
    assert git(root, "ls-files", "--unmerged", layered.names["extra"])


def test_an_empty_file_where_the_release_adds_one(layered: Layered) -> None:
    line = Edit("replace", 0, 0, (b"theirs",))
    root = after_an_update(
        Given(layered), [("extra", line)], lambda person: person.add("extra", ())
    )
    # No line break at its end.
    assert tree(root)[layered.names["extra"]] == b"theirs"
