"""What git knows about the repository. Nothing is changed here."""

import os
import shutil
import subprocess
from pathlib import Path


def git(root: Path, *arguments: str) -> str:
    """Return what a git command prints; nothing where it fails, or where git is missing."""
    return os.fsdecode(git_bytes(root, *arguments))


def git_bytes(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    program = shutil.which("git")
    if program is None:
        return b""
    done = subprocess.run(  # noqa: S603
        [program, "-C", str(root), *arguments], input=given, capture_output=True, check=False
    )
    return b"" if done.returncode else done.stdout


def names(root: Path, *arguments: str) -> list[str]:
    """Return what a git command lists, which is called with -z: no name is quoted then."""
    command, *options = arguments
    return [name for name in git(root, command, "-z", *options).split("\0") if name]


def unmerged(root: Path, place: str) -> list[str]:
    """Return the files in conflict, below a place."""
    entries = names(root, "ls-files", "--unmerged", "--", place)
    return sorted({entry.partition("\t")[2] for entry in entries})


def ignored(root: Path, *paths: str) -> list[str]:
    """Return those of the paths that git does not track, and ignores."""
    given = b"".join(os.fsencode(path) + b"\0" for path in paths)
    listed = git_bytes(root, "check-ignore", "-z", "--stdin", given=given)
    return [os.fsdecode(path) for path in listed.split(b"\0") if path]


def is_tracked_by_git(root: Path) -> bool:
    return bool(git(root, "rev-parse", "--git-dir"))


def status(root: Path, *paths: str) -> dict[str, str] | None:
    """Return the two letters of each file that is not as in git; None outside of a repository."""
    if not is_tracked_by_git(root):
        return None
    options = ("--porcelain", "--untracked-files=all", *(["--ignored"] if paths else []))
    listed = git(root, "status", "-z", *options, "--", *(paths or ["."])).split("\0")
    prefix = git(root, "rev-parse", "--show-prefix").removesuffix("\n")
    # After a renamed file comes its old name, which has no letters.
    return {line[3:].removeprefix(prefix): line[:2] for line in listed if line[2:3] == " "}
