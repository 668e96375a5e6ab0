"""The first pass of `copier copy`, as copier.yml explains it: read the repository, copy, edit.

Started by Copier under its own Python with one argument, a JSON object: the destination, the
template and what the person has said on the command line.
"""

import io
import json
import os
import shlex
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from copier import run_copy
from copier.errors import CopierError, DirtyLocalWarning

import editor
from answers import (
    ANSWERS,
    is_same,
    recall,
    refuse_bad_answers,
    refuse_workflow,
    settled,
    without_private,
)
from detection import Refusal, detect
from edits import compose_yaml
from edits.edit import task
from edits.plan import plan
from edits.report import left_to_do, sentence
from repository import ignored, status

ADDED = (
    "db_models_dir",
    "db_seed_path",
    "db_alembic",
    "db_alembic_ini",
    "db_compose",
    "db_docs",
    "db_tests",
)


def main(request: Mapping[str, Any]) -> None:
    os.chdir(request["cwd"])
    say = _be_quiet if request["quiet"] else _say
    root = Path(request["root"])
    said = dict(request["data"])
    refuse_bad_answers(said)
    refuse_workflow(said, root)
    _refuse_another_answers_file(request["answers_file"])
    remembered = without_private(recall(root))
    layouts: dict[str, Mapping[str, Any]] = {}
    if remembered:
        _refuse_other_answers(said, remembered)
        say("", f"The layer is here already ({ANSWERS}): only your own files are looked at.")
        data = remembered
    else:
        layouts = {
            layout.app_dir: {
                **layout.as_answers(),
                "db_compose_apart": _is_compose_apart(root, layout.compose_file, layout.compose),
            }
            for layout in detect(root, said.get("db_app_dir")).candidates
        }
        for layout in layouts.values():
            _refuse_special_characters(layout)
        if "db_app_dir" in said:
            # The one candidate, in the one spelling that Copier finds among the choices.
            [said["db_app_dir"]] = layouts
        data = {**said, "db_detected": True, "db_layouts": layouts}
        say("", *_announcement(layouts), *_in_git(root))
    with editor.start(root) as process:
        answers = _copy(request, data, pretend=bool(remembered))
        before = _Snapshot(root, answers)
        report = [*_choice(answers["db_app_dir"], layouts)]
        report += editor.edit(process, answers, [*plan(answers)])
    report += _hidden(root, answers)
    say("", *report)
    say("", *_next_steps(root, answers, is_work_left=any(line[:1] == "☐" for line in report)))
    if not remembered:
        say("", *before.undo())


def _refuse_another_answers_file(name: str) -> None:
    if name != ANSWERS:
        raise Refusal(f"The answers go to {ANSWERS}, where an update finds them: leave out -a.")


def _refuse_other_answers(said: Mapping[str, Any], remembered: Mapping[str, Any]) -> None:
    for name, value in said.items():
        if name not in remembered or is_same(value, remembered[name]):
            continue
        here = f"The layer is here already, with {name} = {remembered[name]}."
        if name == "db_app_dir":
            raise Refusal(
                f"{here} A second application gets a layer of its own when the folder of its "
                "project is the destination: copier copy --trust TEMPLATE FOLDER"
            )
        option = shlex.quote(f"{name}={value}")
        raise Refusal(
            f"{here} A copy changes no answer, an update does: "
            f"copier update --trust -a {ANSWERS} --data {option}"
        )


def _refuse_special_characters(layout: Mapping[str, Any]) -> None:
    """Refuse paths that alembic.ini, Python or a pattern in copier.yml reads as something else."""
    no_paths = {"project_name", "db_lock_command"}
    paths = (value for name, value in layout.items() if name not in no_paths)
    for path in paths:
        if isinstance(path, str) and set(path) & set('"%\\\r\n[]*?'):
            raise Refusal(
                f"{path!r} has a character with a meaning in Python, alembic.ini or copier.yml: "
                'expected a path without " % \\ [ ] * ? and line breaks. Rename the folder.'
            )


def _announcement(layouts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for app_dir, layout in layouts.items():
        module = PurePosixPath(layout["db_app_module"])
        inner = [*module.relative_to(app_dir).parent.parts, module.stem]
        dotted = ".".join(filter(None, [layout["db_package"], *inner])).removesuffix(".__init__")
        where = layout["db_import_root"]
        folder = "the folder of the repository" if where == "." else where
        yield from sentence(f"Found {module}, imported as {dotted} from {folder}.")
        yield from sentence(f"  The layer goes to {PurePosixPath(app_dir, layout['db_layer'])}.")
        yield from sentence(f"  Files of yours it concerns: {', '.join(_concerned(layout))}.")
        for other in layout["db_other_apps"]:
            yield from sentence(f"  Another FastAPI application, not wired in: {other}")
    yield "New files are only added. Of your own files none is replaced, a few get lines."


def _concerned(layout: Mapping[str, Any]) -> Iterator[str]:
    yield layout["db_app_module"]
    yield from layout["db_settings_modules"]
    env_example = "" if layout["db_new_env_example"] else layout["db_env_example"]
    yield from filter(None, (layout["db_dependency_file"], env_example, layout["db_compose_file"]))


def _in_git(root: Path) -> Iterator[str]:
    changed = status(root)
    if changed is None:
        yield "This is no git repository: what is added cannot be taken back by git."
    elif changed:
        yield f"Uncommitted changes in git: {len(changed)}. They stay as they are."


def _copy(request: Mapping[str, Any], data: dict[str, Any], *, pretend: bool) -> dict[str, Any]:
    """Run the second pass and return all answers, the computed ones too.

    With `pretend` nothing is asked, written or printed: only the answers are wanted.
    """
    template = request["template"]
    if Path(template).expanduser().exists():
        # Copier would remember a relative path, which an update from another folder cannot find.
        template = str(Path(template).expanduser().resolve())
    with warnings.catch_warnings():
        # Copier has said it in the first pass.
        warnings.simplefilter("ignore", DirtyLocalWarning)
        try:
            worker = run_copy(
                template,
                request["root"],
                data=data,
                # Else Copier takes answers of other templates from .copier-answers.yml.
                answers_file=ANSWERS,
                vcs_ref=request["vcs_ref"],
                use_prereleases=request["use_prereleases"],
                defaults=request["defaults"] or pretend,
                quiet=request["quiet"] or pretend,
                exclude=request["exclude"],
                skip_if_exists=request["skip_if_exists"],
                pretend=pretend,
                # Nothing is written, so there is nothing to ask about edits in our files.
                overwrite=pretend,
                skip_tasks=True,
            )
        except ValueError as error:
            # An answer that Copier does not accept, before it renders anything.
            raise Refusal(f"{error}") from error
    return settled(worker.answers.combined)


def _choice(app_dir: str, layouts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    others = [folder for folder in layouts if folder != app_dir]
    if others:
        yield f"The layer went to {app_dir}. Not chosen: {', '.join(others)}"
        yield "  To choose another, take this back and copy again with --data db_app_dir=FOLDER"


def _hidden(root: Path, answers: Mapping[str, Any]) -> Iterator[str]:
    """Yield a task where the ignore rules of git hide what was added."""
    paths = [*_added(answers), f"{answers['db_alembic']}/versions"]
    lines = [f"!/{path}" for path in ignored(root, *paths)]
    if lines:
        yield from left_to_do(".gitignore", task("hides what was added. At its end add:", *lines))


def _is_compose_apart(root: Path, compose_file: str, compose: str) -> bool:
    """Tell whether our service cannot join the person's, so that it needs a project of its own."""
    try:
        source = Path(root, compose_file).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return bool(compose_yaml.edit(source, include=PurePosixPath(compose).name).todo)


def _next_steps(root: Path, answers: Mapping[str, Any], *, is_work_left: bool) -> Iterator[str]:
    enter = _enter(answers["db_home"])
    variables = PurePosixPath(answers["db_env_example"])
    install = answers["db_lock_command"]
    yield f"Next{', after what is marked ☐' if is_work_left else ''}{_where(root)}:"
    yield f"  1. {enter}{install}" if install else "  1. Install the project again."
    yield f"  2. docker compose -f {shlex.quote(answers['db_start_file'])} up -d db"
    yield f"  3. {enter}alembic upgrade head"
    yield f"Copy the line DATABASE_URL from {variables} to {variables.parent / '.env'} before 3."
    yield "Without Docker, instead of 2 and 3:"
    there = _enter(answers["db_import_root"])
    yield f"  {there}python -m {answers['db_layer_module']} dev --upgrade"
    yield f"How to add a model, migrate, seed, test and update: {answers['db_docs']}"


def _enter(folder: str) -> str:
    return "" if folder == "." else f"cd {shlex.quote(folder)} && "


def _where(root: Path) -> str:
    return "" if root.resolve() == Path.cwd() else f", in {root}"


class _Snapshot:
    """The files that the editor may change, as they are before it runs."""

    def __init__(self, root: Path, answers: Mapping[str, Any]) -> None:
        self._root = root
        self._answers = answers
        top = root.resolve()
        real = (Path(top, target.path).resolve() for target in plan(answers))
        paths = [path.relative_to(top).as_posix() for path in real if path.is_relative_to(top)]
        self._contents = {path: self._read(path) for path in paths}
        self._status = status(root, *paths)

    def _read(self, path: str) -> bytes:
        try:
            return Path(self._root, path).read_bytes()
        except OSError:
            return b""

    def undo(self) -> Iterator[str]:
        """Yield the commands that take back what was added."""
        if self._status is None:
            return
        edited = [path for path, content in self._contents.items() if self._read(path) != content]
        # The second letter compares to what `git checkout` restores.
        clean = [path for path in edited if self._status.get(path, "  ")[1] == " "]
        yield f"To take it all back{_where(self._root)}:"
        if clean:
            yield f"  git checkout -- {shlex.join(clean)}"
        yield f"  git clean -fdx -- {shlex.join(_added(self._answers))}"
        for path in edited:
            if path not in clean:
                yield f"  {path} held changes that git does not have: take the lines out by hand."


def _added(answers: Mapping[str, Any]) -> list[str]:
    paths = [ANSWERS, answers["db_layer_dir"], *(answers[key] for key in ADDED)]
    if answers["db_new_core"]:
        paths.append(str(PurePosixPath(answers["db_core_init"]).parent))
    if answers["db_new_env_example"]:
        paths.append(answers["db_env_example"])
    if answers["db_update_workflow"]:
        paths.append(answers["db_workflow"])
    folders = set(paths)
    return [path for path in paths if folders.isdisjoint(map(str, PurePosixPath(path).parents))]


def _say(*lines: str) -> None:
    """Print where Copier prints, so that the order is kept in a log."""
    print("\n".join(lines), file=sys.stderr)


def _be_quiet(*lines: str) -> None:
    """Take the lines, since making them is what edits the files."""


if __name__ == "__main__":
    # The signs of the report, also where the locale is C.
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    try:
        main(json.loads(sys.argv[1]))
    except KeyboardInterrupt:
        # Also Copier's own, at a question: its text would be every answer so far.
        sys.exit("\nStopped.")
    except CopierError as error:
        sys.exit(f"\n{error}")
    except Refusal as refusal:
        sys.exit("\n".join(["", *sentence(str(refusal)), "Nothing was written."]))
