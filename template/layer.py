"""The first pass of `copier copy`, as copier.yml explains it: read the repository, copy, edit.

Started by Copier under its own Python with one argument, a JSON object: the destination, the
template and what the person has said on the command line.
"""

import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from copier import run_copy
from copier.errors import CopierError, DirtyLocalWarning

from detection import Refusal, detect
from edits.plan import plan
from edits.report import left_to_do

ANSWERS = ".copier-answers.database.yml"
EDITOR = Path(__file__).with_name("edits") / "run.py"
EDITOR_LIBRARIES = ("libcst", "packaging", "tomlkit", "yaml")
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
    said: dict[str, Any] = request["data"]
    remembered = _remembered(root)
    changed_before = _changed_files(root)
    if remembered:
        _refuse_other_answers(said, remembered)
        say("", f"The layer is here already ({ANSWERS}): only your own files are looked at.")
        data, layouts = remembered, {}
    else:
        _refuse_bad_numbers(said)
        detection = detect(root, said.get("db_app_dir"))
        layouts = {layout.app_dir: layout.as_answers() for layout in detection.candidates}
        if "db_app_dir" in said:
            # The one candidate, in the one spelling that Copier finds among the choices.
            [said["db_app_dir"]] = layouts
        data = {**said, "db_detected": True, "db_layouts": layouts}
        say("", *_announcement(layouts, changed_before))
    answers = _copy(request, data, pretend=bool(remembered))
    layout = layouts.get(answers["db_app_dir"], {})
    report = list(_edit(root, answers))
    say("", *report)
    say("", *_next_steps(root, answers, layout.get("db_lock_command", "")))
    if not remembered:
        say("", *_undo(answers, report, changed_before))


def _remembered(root: Path) -> dict[str, Any]:
    try:
        answers = yaml.safe_load((root / ANSWERS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Refusal(f"{root / ANSWERS} cannot be read: {error}") from error
    if not isinstance(answers, dict):
        raise Refusal(f"{root / ANSWERS} holds no answers: restore it from git, or delete it.")
    return {key: value for key, value in answers.items() if not key.startswith("_")}


def _refuse_other_answers(said: Mapping[str, Any], remembered: Mapping[str, Any]) -> None:
    for key, value in said.items():
        if key in remembered and str(value) != str(remembered[key]):
            raise Refusal(
                f"The layer is here already, with {key} = {remembered[key]}. A copy changes no "
                f"answer, an update does: copier update --trust -a {ANSWERS} --data {key}={value}"
            )


def _refuse_bad_numbers(said: Mapping[str, Any]) -> None:
    """Copier casts before it validates, and its message would not name the question."""
    for key in ("db_pool_size", "db_max_overflow"):
        value = str(said.get(key, 0)).strip()
        if not value.removeprefix("-").isdecimal():
            raise Refusal(f"{key} is {value!r}: expected a whole number of connections.")


def _announcement(
    layouts: Mapping[str, Mapping[str, Any]], changed_before: set[str] | None
) -> Iterator[str]:
    for app_dir, layout in layouts.items():
        module = layout["db_package"] or "top level"
        where = layout["db_import_root"]
        yield f"Found {layout['db_app_module']} (package: {module}, imported from {where})."
        yield f"  The layer goes to {Path(app_dir, layout['db_layer']).as_posix()}."
        for other in layout["db_other_apps"]:
            yield f"  Another FastAPI application, left alone: {other}"
    yield "New files are only added; the lines that wire the layer in go to the files listed below."
    if changed_before is None:
        yield "This is no git repository: what is added cannot be taken back by git."
    elif changed_before:
        yield f"Your {len(changed_before)} uncommitted changes in git stay as they are."


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
        worker = run_copy(
            template,
            request["root"],
            data=data,
            vcs_ref=request["vcs_ref"],
            defaults=request["defaults"] or pretend,
            quiet=request["quiet"] or pretend,
            pretend=pretend,
            skip_tasks=True,
        )
    return {
        key: value
        for key, value in worker.answers.combined.items()
        if key.startswith("db_") and key != "db_layouts"
    }


def _edit(root: Path, answers: Mapping[str, Any]) -> Iterator[str]:
    """Run the editor, in a process of its own where Copier's Python lacks its libraries."""
    if not answers["db_edit_files"]:
        yield from _left_to_paste(answers, "add by hand, as you asked (db_edit_files):")
        return
    uv = shutil.which("uv")
    if all(importlib.util.find_spec(name) for name in EDITOR_LIBRARIES):
        command = [sys.executable, str(EDITOR)]
    elif uv:
        command = [uv, "run", "--quiet", "--no-project", "--python", sys.executable]
        command += ["--script", str(EDITOR)]
    else:
        yield from _left_to_paste(answers, "add by hand (uv, which brings the editor, is missing):")
        return
    editor = subprocess.run(  # noqa: S603
        [*command, str(root)],
        input=json.dumps(answers),
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    if editor.returncode:
        yield from editor.stderr.splitlines()[-3:]
        yield from _left_to_paste(answers, "add by hand (the editor has failed, see above):")
    else:
        yield from editor.stdout.splitlines()


def _left_to_paste(answers: Mapping[str, Any], why: str) -> Iterator[str]:
    for target in plan(answers):
        yield from left_to_do(target.path, (why, *target.paste))


def _next_steps(root: Path, answers: Mapping[str, Any], lock_command: str) -> Iterator[str]:
    home = Path(root, answers["db_home"])
    enter = "" if root.resolve() == home.resolve() else f"cd {shlex.quote(answers['db_home'])} && "
    yield "Next, in the folder of the repository:"
    yield f"  1. {enter}{lock_command or 'install the project with its new dependencies'}"
    yield f"  2. docker compose -f {shlex.quote(answers['db_compose'])} up -d db"
    yield f"  3. {enter}alembic upgrade head"
    yield f"Copy the line DATABASE_URL from {answers['db_env_example']} to .env before the third."
    yield f"How to add a model, migrate, seed, test and update: {answers['db_docs']}"


def _undo(
    answers: Mapping[str, Any], report: Iterable[str], changed_before: set[str] | None
) -> Iterator[str]:
    if changed_before is None:
        return
    edited = [line[2:].partition(": ")[0] for line in report if line.startswith("✔")]
    mine = [path for path in edited if path in changed_before]
    clean = [path for path in edited if path not in changed_before]
    layer = f"{answers['db_app_dir']}/core" if answers["db_new_core"] else answers["db_layer_dir"]
    added = [ANSWERS, layer, *(answers[key] for key in ADDED)]
    if answers["db_new_env_example"]:
        added.append(answers["db_env_example"])
    yield "To take it all back:"
    if clean:
        yield f"  git checkout -- {shlex.join(clean)}"
    yield f"  git clean -fd -- {shlex.join(added)}"
    for path in mine:
        yield f"  {path} had changes of yours before: git diff shows both."


def _changed_files(root: Path) -> set[str] | None:
    """Return what git sees as changed, relative to `root`; None outside of a git repository."""
    git = shutil.which("git")
    if git is None:
        return None
    status = _git(git, root, "status", "--porcelain", "--", ".")
    if status.returncode:
        return None
    prefix = _git(git, root, "rev-parse", "--show-prefix").stdout.strip()
    return {line[3:].removeprefix(prefix) for line in status.stdout.splitlines()}


def _git(git: str, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [git, "-C", str(root), "-c", "core.quotePath=false", *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _say(*lines: str) -> None:
    """Print where Copier prints, so that the order is kept in a log."""
    print("\n".join(lines), file=sys.stderr)


def _be_quiet(*lines: str) -> None:
    """Take the lines, since making them is what edits the files."""


if __name__ == "__main__":
    sys.stderr.reconfigure(errors="replace")
    request = json.loads(sys.argv[1])
    try:
        main(request)
    except CopierError as error:
        sys.exit(f"\n{error}")
    except (Refusal, ValueError) as error:
        # A ValueError is an answer that Copier did not accept, before it rendered anything.
        sys.exit(f"\n{error}\nNothing was written.")
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
