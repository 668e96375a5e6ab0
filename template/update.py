"""What `copier update` does besides the merge; copier.yml says when.

    update.py before REQUEST           refuse what would lose lines; nothing has been changed yet
    update.py edit KIND... REQUEST     in a release that needs it: add lines to files of the person
    update.py after REQUEST            give back what should not be gone, say what is left to do

Started by Copier under its own Python in the folder of the project. The request is a JSON object:
what the person has said on the command line.

Copier renders the old and the new release, writes the new one over the files, and applies what
the person had changed as patches. Whatever git does not show it, those patches do not hold: this
is what `before` looks for.
"""

import io
import json
import re
import shlex
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, get_args

import editor
from answers import ANSWERS, is_same, parse, recall, refuse_bad_answers, settled, without_private
from detection import Refusal
from edits.edit import task
from edits.plan import Kind, plan
from edits.report import left_to_do, sentence
from repository import git, git_bytes, ignored, names

ROOT = Path()
PROJECT = Path(__file__).with_name("project")
DEPENDENCIES: tuple[Kind, ...] = ("pyproject", "requirements", "other", "nowhere")


def before(request: Mapping[str, Any]) -> None:
    """Refuse an update that would lose lines, or stop half-way.

    Raises:
        Refusal: in one sentence.

    """
    answers = recall(ROOT)
    _refuse_another_answers_file(request["answers_file"])
    _refuse_other_places(request["data"], answers)
    _refuse_unmerged()
    _refuse_settings_of_git()
    _refuse_rejects()
    ours = _ours(answers)
    _refuse_taken_places(ours)
    ours = [path for path in ours if Path(ROOT, path).exists()]
    _refuse_untracked(ours)
    _refuse_hidden_edits(ours)
    _refuse_ignored_everywhere(ours)
    _refuse_unreadable(ours)


def _refuse_another_answers_file(name: str) -> None:
    if PurePosixPath(name) != PurePosixPath(ANSWERS):
        folder = PurePosixPath(name).parent
        raise Refusal(
            f"The answers file is {name}: expected {ANSWERS}, in the folder where Copier runs. "
            f"Next: copier update --trust -a {ANSWERS} {shlex.quote(str(folder))}"
        )


def _refuse_other_places(said: Mapping[str, Any], answers: Mapping[str, Any]) -> None:
    new = {key: value for key, value in said.items() if not is_same(value, answers.get(key))}
    if "db_app_dir" in new:
        raise Refusal(
            f"The layer stays in {answers['db_app_dir']} (db_app_dir): an update does not move "
            "files. A second application gets a layer of its own when the folder of its project "
            "is the destination: copier copy --trust TEMPLATE FOLDER"
        )
    refuse_bad_answers(new)
    layer = PurePosixPath(answers["db_app_dir"], answers["db_layer"])
    if not Path(ROOT, layer, "__init__.py").is_file():
        raise Refusal(
            f"{layer}/__init__.py is not there, where {ANSWERS} says that the layer is. If you "
            "have moved it, write the new folders into that file, commit it, and update again."
        )


def _refuse_unmerged() -> None:
    # Copier looks at the folder of the project alone, and fails at the index of all of it.
    unmerged = _unmerged(":/")
    if unmerged:
        raise Refusal(
            f"Files in conflict: {', '.join(unmerged)}. Resolve them, `git add` them and commit."
        )


def _refuse_settings_of_git() -> None:
    if git(ROOT, "config", "status.showUntrackedFiles").strip() in {"no", "false", "off", "0"}:
        raise Refusal(
            "With status.showUntrackedFiles = no git does not show Copier where your lines and "
            "those of the release meet. Next: git config status.showUntrackedFiles normal"
        )
    # One line with blanks at its end, and git refuses the whole patch, or takes the blanks away.
    whitespace = git(ROOT, "config", "apply.whitespace").strip()
    if whitespace not in {"", "nowarn", "warn"}:
        raise Refusal(
            f"With apply.whitespace = {whitespace} git leaves out or changes edits of yours when "
            "it merges them. Next: git config apply.whitespace warn"
        )
    is_quoted = git(ROOT, "config", "--type=bool", "core.quotePath").strip() != "false"
    if not is_quoted and not f"{git(ROOT, 'rev-parse', '--show-prefix')}{_status()}".isascii():
        raise Refusal(
            "With core.quotePath = false Copier stops half-way where the name of a folder above or "
            "of a file that git does not track is not ASCII. Next: git config core.quotePath true"
        )


def _status() -> str:
    """Return what Copier looks through for conflicts, in the whole repository."""
    return git(ROOT, "status", "-z", "--porcelain", "--ignored")


def _refuse_rejects() -> None:
    untracked = [entry[3:] for entry in _status().split("\0") if entry.endswith(".rej")]
    rejects = [*untracked, *names(ROOT, "ls-files", "--", "*.rej")]
    if rejects:
        raise Refusal(
            f"Left by an update with --conflict rej: {', '.join(rejects)}. They hold lines of "
            "yours, and Copier deletes them. Put the lines in their place, then delete the files."
        )


def _ours(answers: Mapping[str, Any]) -> list[str]:
    """Return the files that the release renders, but for those that are written only once."""
    places = {
        "db_layer_dir": PurePosixPath(answers["db_app_dir"], answers["db_layer"]),
        "db_models_dir": PurePosixPath(answers["db_app_dir"], answers["db_models"]),
        "_copier_conf.answers_file": ANSWERS,
    }
    found = []
    for file in PROJECT.rglob("*"):
        place, *rest = file.relative_to(PROJECT).as_posix().removesuffix(".jinja").split("/", 1)
        name = re.sub(r"^{{ | }}$", "", place)
        folder = places.get(name, answers.get(name))
        if folder and file.is_file():
            found.append(
                str(PurePosixPath(str(folder), *(re.sub(r"{%.*?%}", "", p) for p in rest)))
            )
    return found


def _refuse_taken_places(ours: Sequence[str]) -> None:
    """Refuse what an update writes through, or stops at."""
    folders = {str(folder) for path in ours for folder in PurePosixPath(path).parents}
    for folder in sorted(folders):
        if Path(ROOT, folder).is_symlink() or Path(ROOT, folder).is_file():
            kind = "a symbolic link" if Path(ROOT, folder).is_symlink() else "a file"
            raise Refusal(f"{folder} is {kind}: expected the folder in which the layer has files.")
    for path in ours:
        if Path(ROOT, path).is_dir():
            raise Refusal(f"{path} is a folder: expected a file of the layer there, or nothing.")


def _refuse_untracked(ours: Sequence[str]) -> None:
    tracked = {*names(ROOT, "ls-files", "--", *ours)}
    paths = [path for path in ours if path not in tracked]
    if paths:
        raise Refusal(
            f"git does not track {', '.join(paths)}, and an update would overwrite or delete it. "
            f"Next: git add --force {shlex.join(paths)}, and commit. Or move it away."
        )


def _refuse_hidden_edits(ours: Sequence[str]) -> None:
    # H is an ordinary file, S one that git skips, a small letter one taken for unchanged.
    listed = (entry.split(" ", 1) for entry in names(ROOT, "ls-files", "-v", "--", *ours))
    flags = {path: flag for flag, path in listed if flag != "H" and Path(ROOT, path).exists()}
    if flags:
        skipped = [path for path, flag in flags.items() if flag in "Ss"]
        assumed = [path for path, flag in flags.items() if flag.islower()]
        commands = [
            f"git update-index {option} {shlex.join(paths)}"
            for option, paths in (
                ("--no-skip-worktree", skipped),
                ("--no-assume-unchanged", assumed),
            )
            if paths
        ]
        raise Refusal(
            f"git was told not to look at {', '.join(flags)}, so edits there would be lost. "
            f"Next: {' && '.join(commands)}, then commit or take back your edits."
        )


def _refuse_ignored_everywhere(ours: Sequence[str]) -> None:
    """Refuse files that a repository of Copier's own, in a temporary folder, would not hold."""
    top = git(ROOT, "rev-parse", "--show-prefix").strip("\n")
    with TemporaryDirectory() as folder:
        git(Path(folder), "init", "--quiet")
        hidden = ignored(Path(folder), *(f"{top}{path}" for path in ours))
    if hidden:
        raise Refusal(
            "The ignore rules that you have for all repositories (git config core.excludesFile) "
            f"hide {', '.join(hidden)}, so edits there would be lost. Next: take the rule out, "
            f"or update with GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.excludesFile "
            "GIT_CONFIG_VALUE_0= in the environment."
        )


def _refuse_unreadable(ours: Sequence[str]) -> None:
    for path in ours:
        content = Path(ROOT, path).read_bytes()
        try:
            is_text = "\0" not in content.decode()
        except UnicodeDecodeError:
            is_text = False
        if not is_text:
            raise Refusal(f"{path} is not UTF-8, so edits there would be lost. Save it as UTF-8.")


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


def edit(kinds: Sequence[str]) -> Iterator[str]:
    """Add to files of the person what a release needs there; report line by line."""
    answers = _run_copier(".", recall(ROOT), pretend=True)
    wanted = {*kinds, *(DEPENDENCIES if "dependencies" in kinds else ())}
    targets = [target for target in plan(answers) if target.kind in wanted]
    unmerged = _unmerged(".")
    free = [target for target in targets if target.path not in unmerged]
    with editor.start(ROOT) as process:
        yield from editor.edit(process, answers, free)
    stuck = [target for target in targets if target.path in unmerged]
    yield from editor.left_to_paste(stuck, "is in conflict. Resolve it, then add by hand:")


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
    ours = {*_ours(old), *_ours(new)} - {ANSWERS}
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
    return Counter(line.rstrip(b"\r") for line in content.split(b"\n"))


def _changed_answers(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Say what an answer that was changed asks for in files which an update does not touch."""
    if new["db_edit_files"] and not old["db_edit_files"]:
        yield from edit(get_args(Kind))
    if new["project_name"] != old["project_name"]:
        url = "DATABASE_URL=" + _run_copier(".", new, pretend=True)["db_env"]["DATABASE_URL"]
        path = Path(new["db_env_example"])
        if not path.is_file() or url not in path.read_text(encoding="utf-8", errors="replace"):
            yield from left_to_do(str(path), task("the database has another name now:", url))
    if new["db_primary_key"] != old["db_primary_key"]:
        yield from left_to_do(
            new["db_models"],
            f"TimestampMixin gives a {new['db_primary_key']} key now, to old models too. A model "
            "that has a table keeps its key when it declares one: class X(Timestamps, Base).",
        )


def _conflicts() -> Iterator[str]:
    for path in _unmerged("."):
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


def _unmerged(place: str) -> list[str]:
    entries = names(ROOT, "ls-files", "--unmerged", "--", place)
    return sorted({entry.partition("\t")[2] for entry in entries})


def main(stage: str, *arguments: str) -> None:
    *kinds, request = *arguments[:-1], json.loads(arguments[-1])
    match stage:
        case "before":
            before(request)
        case "edit":
            _say(edit(kinds), request)
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
