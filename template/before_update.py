"""Refuses an update that would lose lines, or stop half-way.

Copier renders the old and the new release, writes the new one over the files, and applies what
the person had changed as patches. What git does not show it is in no patch: that is what is looked
for here. Each case was seen with Copier 9.19.1: exit code 0, and lines gone.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from answers import ANSWERS, is_same, recall, refuse_bad_answers
from detection import Refusal
from ours import ours_of
from repository import git, ignored, names, unmerged

ROOT = Path()
SHOWN = 5


def refuse(request: Mapping[str, Any]) -> None:
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
    ours = ours_of(answers)
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
    paths = unmerged(ROOT, ":/")
    if paths:
        raise Refusal(
            f"Files in conflict: {', '.join(paths)}. Resolve them, `git add` them and commit."
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
    if len(paths) > SHOWN:
        raise Refusal(
            f"git does not track {len(paths)} files of the layer, as {paths[0]}, and an update "
            "would overwrite or delete them. Commit them: git add --force adds what is ignored."
        )
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
