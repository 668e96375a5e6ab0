"""What a release may not take from the projects that have the one before it.

Each check yields a sentence that says what is wrong and what to do; nothing where all is well.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from copier import run_copy
from jinja2.sandbox import SandboxedEnvironment
from packaging.version import InvalidVersion, Version

from frozen import frozen_path
from layering import files, run

Names = Mapping[str, set[str]]
# What design.md calls public. A release may add to it.
PUBLIC: Names = {
    "names of the layer": {
        *("Base", "get_engine", "async_session", "get_db", "get_read_db", "SessionDep"),
        *("ReadSessionDep", "init_db", "setup_database"),
    },
    "names of the models": {"Base", "TimestampMixin"},
    "environment variables": {
        *("DATABASE_URL", "DATABASE_ECHO", "DATABASE_POOL_SIZE", "DATABASE_MAX_OVERFLOW"),
        *("DATABASE_POOL_TIMEOUT", "DATABASE_POOL_RECYCLE", "DATABASE_STATEMENT_TIMEOUT"),
        *("DATABASE_LOCK_TIMEOUT", "DATABASE_IDLE_IN_TRANSACTION_TIMEOUT", "DATABASE_READ_URL"),
        *("DATABASE_PGBOUNCER", "ALEMBIC_DATABASE_URL", "TEST_DATABASE_URL"),
    },
    "routes": {"GET /health/database"},
    "commands": {"check"},
    "questions": {
        *("project_name", "db_app_dir", "db_pool_size", "db_max_overflow", "db_primary_key"),
        "db_edit_files",
    },
}
READ_NAMES = """
import contextlib, importlib, io, json, re, runpy, sys
from fastapi import FastAPI

layer, models = sys.argv[1:]
front_door, room = (importlib.import_module(module) for module in (layer, models))
settings = importlib.import_module(f"{layer}.settings").DatabaseSettings
app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
front_door.setup_database(app)
sys.argv[1:] = ["--help"]
with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
    runpy.run_module(layer, run_name="__main__")
print(json.dumps({
    "names of the layer": [name for name in front_door.__all__ if hasattr(front_door, name)],
    "names of the models": [name for name in room.__all__ if hasattr(room, name)],
    "environment variables": [
        variable
        for name, field in settings.model_fields.items()
        for variable in getattr(field.validation_alias, "choices", [name.upper()])
    ],
    "routes": [
        f"{method} {route.path}" for route in app.routes for method in route.methods - {"HEAD"}
    ],
    "commands": re.findall(r"(?m)^    ([a-z]+)", printed.getvalue()),
}))
"""


class Project(NamedTuple):
    """What a release renders for the answers that an earlier one has left, and all answers."""

    root: Path
    answers: Mapping[str, Any]

    def paths(self) -> set[str]:
        return {*files(self.root)}


def render(template: Path, version: str, host: str, into: Path, **data: object) -> Project:
    """Render what a project of this host gets that has the answers of a past release."""
    kept = yaml.safe_load(frozen_path(version, host).read_text(encoding="utf-8"))
    said = {key: value for key, value in kept.items() if not key.startswith("_")} | data
    worker = run_copy(str(template), into, data=said, defaults=True, skip_tasks=True, quiet=True)
    answers = {key: value for key, value in worker.answers.combined.items() if key[:1] != "_"}
    return Project(into, answers)


def configuration(template: Path) -> dict[str, Any]:
    text = (template / "copier.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def raw_paths(template: Path) -> set[str]:
    """Return the paths of the template, without suffix and conditions."""
    project = template / "template/project"
    return {_without_conditions(path).removesuffix(".jinja") for path in files(project)}


def disowned(template: Path, answers: Mapping[str, Any] | None = None) -> set[str]:
    """Return the exact paths in _exclude: projects keep those files when a release drops them."""
    patterns = [_without_conditions(pattern) for pattern in configuration(template)["_exclude"]]
    if answers is not None:
        patterns = [
            re.sub(r"{{ (\w+) }}", lambda name: str(answers[name[1]]), pattern)
            for pattern in patterns
        ]
    return {pattern.removeprefix("/") for pattern in patterns if pattern.startswith("/")}


def _without_conditions(text: str) -> str:
    return re.sub(r"{%.*?%}", "", text)


def dropped_paths(old: set[str], new: set[str], kept: set[str]) -> Iterator[str]:
    for path in sorted(old - new - kept):
        yield (
            f"{path} is dropped or renamed: an update would delete it, edits and all. "
            f"Next: give it its name back, or list /{path} in _exclude of copier.yml."
        )


def claimed_paths(old: set[str], new: set[str]) -> Iterator[str]:
    """Compare what is disowned: seeds, and files that an earlier release has dropped."""
    for path in sorted(old - new):
        yield (
            f"/{path} is not in _exclude of copier.yml any more: updates would write it, or delete "
            "it one day. Next: put the line back. It stays there for ever."
        )


def changed_questions(old: Path, new: Path, since: str) -> Iterator[str]:
    """Compare what questions are called, and which answers they take.

    A default may change: projects have answered.
    """
    before, after = questions(old), questions(new)
    if _migrates_answers(new, since):
        return
    for name, question in before.items():
        if name not in after:
            yield f"The question {name} is gone. {_next_step(since)}"
            continue
        for what in ("type", "stored", "choices"):
            was, now = question[what], after[name][what]
            if not (was <= now if what == "choices" else was == now):
                yield f"{name}: {what} was {was}, is {now}. {_next_step(since)}"


def questions(template: Path) -> dict[str, dict[str, Any]]:
    """Return type, choices, and whether the answers file holds the answer."""
    environment = SandboxedEnvironment(
        extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"]
    )

    def choices(question: Mapping[str, Any]) -> set[str]:
        text = environment.from_string(question.get("choices", "[]"))
        found = yaml.safe_load(text.render(db_detected=True, db_layouts={}))
        return {*(found.values() if isinstance(found, dict) else found)}

    return {
        name: {
            "type": environment.from_string(question["type"]).render(db_detected=True),
            "stored": question.get("when") is not False,
            "choices": choices(question),
        }
        for name, question in configuration(template).items()
        if not name.startswith("_")
    }


def _migrates_answers(template: Path, since: str) -> bool:
    """Tell whether answers are rewritten before an update from that release reads them."""
    return any(
        Version(migration.get("version", "0")) > Version(since)
        and "before" in migration.get("when", "")
        for migration in configuration(template)["_migrations"]
    )


def _next_step(since: str) -> str:
    return (
        f"Projects of {since} have answered it. Next: leave it as it was, or rewrite their answers "
        "in a _migrations entry with a version and the stage before."
    )


def changed_answers(old: Project, new: Project, template: Path, since: str) -> Iterator[str]:
    """Compare what the same answers mean: all that is computed from them."""
    if _migrates_answers(template, since):
        return
    for name, was in old.answers.items():
        now = new.answers.get(name)
        if now != was:
            yield f"{name} was {was!r}, is {now!r}. {_next_step(since)}"


def names(project: Project, template: Path) -> Names:
    """Import the layer, and return what others rely on."""
    done = run(
        *(sys.executable, "-c", READ_NAMES),
        *(project.answers["db_layer_module"], project.answers["db_models_module"]),
        cwd=project.root / project.answers["db_import_root"],
    )
    asked = [name for name, question in configuration(template).items() if "help" in question]
    return {what: {*found} for what, found in json.loads(done.stdout).items()} | {
        "questions": {*asked}
    }


def missing_names(old: Names, new: Names) -> Iterator[str]:
    for what, known in old.items():
        for name in sorted(known - new[what]):
            yield (
                f"{name} is gone from the {what}, which projects rely on. "
                "Next: give it back, if need be as another name for what has replaced it."
            )


def faults_of_changelog(text: str) -> Iterator[str]:
    """Check what template/releases.jinja and tests/releases.py take for granted."""
    for found in re.findall(r"{{|{%|{#", text):
        yield f"CHANGELOG.md holds {found}, which Jinja reads as its own. Next: say it in words."
    dated: list[tuple[Version, date]] = []
    for section in text.split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        if heading == "Unreleased" and not dated:
            continue
        release = _release(heading)
        if release is None:
            yield f"## {heading}: expected a version as in PEP 440 and a date, 1.2.0 - 2026-01-31."
            continue
        if dated and not (release[0] < dated[-1][0] and release[1] <= dated[-1][1]):
            yield f"## {heading} stands below an older release: expected the newest first."
        dated.append(release)
        to_do = body.partition("\n### What you must do\n")[2].partition("\n### ")[0]
        if not to_do.strip():
            yield f"## {heading} lacks a text under ### What you must do, even if it is: Nothing."


def _release(heading: str) -> tuple[Version, date] | None:
    version, _, day = heading.partition(" - ")
    try:
        return Version(version), date.fromisoformat(day)
    except (InvalidVersion, ValueError):
        return None
