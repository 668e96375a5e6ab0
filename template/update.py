"""What `copier update` does besides the merge; copier.yml says when.

    update.py before REQUEST           refuse what would lose lines; nothing has been changed yet
    update.py edit KIND [NAME...] REQUEST
                                       in a release that needs it: edit files of the person
    update.py after REQUEST            give back what should not be gone, say what is left to do

Started by Copier under its own Python in the folder of the project. The request is a JSON object:
what the person has said on the command line.
"""

import io
import json
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import editor
from answers import ANSWERS, parse, recall, settled, without_private
from before_update import refuse
from detection import Refusal
from edits.edit import task
from edits.plan import ADMIN_REQUIREMENTS, DEV_REQUIREMENTS, Kind, plan, requirements
from edits.report import left_to_do, sentence
from ours import ours_of
from repository import git, git_bytes, names, unmerged

ROOT = Path()
DEPENDENCIES: tuple[Kind, ...] = ("pyproject", "requirements", "other", "nowhere")


def _run_copier(folder: str, answers: Mapping[str, Any], *, pretend: bool) -> dict[str, Any]:
    """Render a project anew, and return all answers, the computed ones too."""
    # Not at the top: most updates do not need it, and it takes longer than all the rest.
    from copier import run_copy  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        worker = run_copy(
            answers["_src_path"],
            folder,
            data=without_private(answers),
            answers_file=ANSWERS,
            vcs_ref=answers["_commit"],
            defaults=True,
            overwrite=True,
            quiet=True,
            skip_tasks=True,
            pretend=pretend,
        )
    return settled(worker.answers.combined)


def edit(kinds: Sequence[str], dependencies: Sequence[str] = ()) -> Iterator[str]:
    """Add to files of the person what a release needs there; report line by line.

    Of the dependencies new ones are added (kind `dependencies`); lower bounds that an earlier
    release has written are raised (kind `floors`), where the person has kept the dependency.
    """
    answers = _run_copier(".", recall(ROOT), pretend=True)
    wanted = {*kinds, *(DEPENDENCIES if dependencies else ())}
    targets = [target for target in plan(answers) if target.kind in wanted]
    about = None
    if dependencies:
        lines = (*requirements(answers), *DEV_REQUIREMENTS)
        paste = tuple(line for line in lines if _name(line) in dependencies)
        targets = [target._replace(paste=paste) for target in targets]
        about = (dependencies, "floors" not in kinds)
    conflicts = unmerged(ROOT, ".")
    free = [target for target in targets if target.path not in conflicts]
    with editor.start(ROOT) as process:
        yield from editor.edit(process, answers, free, about)
    stuck = [target for target in targets if target.path in conflicts]
    yield from editor.left_to_paste(stuck, "is in conflict. Resolve it, then add by hand:")


def _name(requirement: str) -> str:
    return re.split("[^\\w-]", requirement)[0]


def after() -> Iterator[str]:
    """Give back files whose edits are gone; report line by line what is left to do."""
    old = parse(git(ROOT, "show", f"HEAD:./{ANSWERS}"), ANSWERS)
    new = recall(ROOT)
    _take_note_of_line_ends()
    yield from _given_back(old, new)
    yield from _changed_answers(old, new)
    yield from _conflicts()


def _take_note_of_line_ends() -> None:
    """Keep files out of `git status` that were written with other line ends than git does.

    Where git converts line ends they differ in size alone, which it takes for a change.
    """
    git(ROOT, "update-index", "-q", "--refresh")
    listed = {*names(ROOT, "diff-files", "--name-only", "--relative", "--", ".")}
    same = listed - {*names(ROOT, "diff", "--name-only", "--relative", "--", ".")}
    if same:
        git(ROOT, "add", "--", *same)


def _given_back(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Restore a file that holds less than all that the person had written.

    That is one which the new release, or the new answers, do not have any more. There is no other
    case that we know of; this is what keeps one that we do not know of from losing lines.
    """
    changed = names(ROOT, "diff", "--name-only", "--relative", "HEAD", "--", ".")
    ours = {*ours_of(old), *ours_of(new)} - {ANSWERS}
    suspects = [path for path in changed if path in ours or not Path(ROOT, path).exists()]
    if not suspects:
        return
    with TemporaryDirectory() as folder:
        _run_copier(folder, old, pretend=False)
        for path in suspects:
            written = _lines(git_bytes(ROOT, "show", f"HEAD:./{path}")) - _lines_of(folder, path)
            # With --conflict rej a patch, whose lines begin with a sign.
            rejected = Counter(line[1:] for line in _lines_of(ROOT, f"{path}.rej").elements())
            kept = _lines_of(ROOT, path) + rejected
            is_gone = not Path(ROOT, path).exists()
            if written - kept or (is_gone and not Path(folder, path).exists()):
                restore = ("restore", "--source=HEAD", "--staged", "--worktree", "--", path)
                git(ROOT, "-c", "core.hooksPath=/dev/null", *restore)
                reason = (
                    "the layer has no such file any more. It is kept, since it has edits of yours."
                    if is_gone
                    else "could not be merged without losing lines of yours. It is as before the "
                    "update: compare it with that of a new project, and report this as a bug."
                )
                yield from left_to_do(path, reason)


def _lines_of(root: str | Path, path: str) -> Counter[bytes]:
    file = Path(root, path)
    return _lines(file.read_bytes()) if file.is_file() else Counter()


def _lines(content: bytes) -> Counter[bytes]:
    return Counter(line.rstrip(b"\r\n") for line in io.BytesIO(content))


def _changed_answers(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Say what an answer that was changed asks for in files which an update does not touch."""
    admin = [_name(line) for line in ADMIN_REQUIREMENTS]
    if new["db_edit_files"] and not old["db_edit_files"]:
        yield from edit(get_args(Kind))
    elif new["db_admin"] and not old.get("db_admin"):
        yield from edit(["dependencies"], admin)
    if old.get("db_admin") and not new["db_admin"]:
        path = new["db_dependency_file"] or "dependencies"
        yield from left_to_do(path, f"The layer has no use for {' and '.join(admin)} any more.")
    if new["project_name"] != old["project_name"]:
        url = "DATABASE_URL=" + _run_copier(".", new, pretend=True)["db_env"]["DATABASE_URL"]
        path = Path(new["db_env_example"])
        if not path.is_file() or url not in path.read_text(encoding="utf-8", errors="replace"):
            yield from left_to_do(str(path), task("the database has another name now:", url))
    if new["db_primary_key"] != old["db_primary_key"]:
        yield from left_to_do(
            new["db_models"],
            f"The key of TimestampMixin is {new['db_primary_key']} now, in old models too. A model "
            "that has a table keeps its key when it declares one: class X(Timestamps, Base).",
        )


def _conflicts() -> Iterator[str]:
    for path in unmerged(ROOT, "."):
        yield from left_to_do(
            path,
            "your lines and those of the release meet. Resolve what stands between <<<<<<< "
            "and >>>>>>>, then `git add` it.",
        )
    for path in names(ROOT, "ls-files", "--others", "--", "*.rej"):
        yield from left_to_do(
            path,
            "lines of yours that could not be merged. Put them in their place, then delete it.",
        )


def main(stage: str, *arguments: str) -> None:
    *words, request = *arguments[:-1], json.loads(arguments[-1])
    match stage:
        case "before":
            refuse(request)
        case "edit":
            _say(edit(words[:1], words[1:]), request)
        case "after":
            _say(after(), request)


def _say(report: Iterable[str], request: Mapping[str, Any]) -> None:
    """Print where Copier prints; making the lines is what edits the files."""
    lines = [*report]
    if lines and not request["quiet"]:
        print("\n".join(lines), file=sys.stderr)


if __name__ == "__main__":
    # The signs of the report, also where the locale is C.
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    try:
        main(*sys.argv[1:])
    except Refusal as refusal:
        sys.exit("\n".join(["", *sentence(str(refusal)), "Nothing was changed."]))
