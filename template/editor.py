"""The editor as a process, and what a person is told where it cannot run."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from edits.edit import task
from edits.plan import Target
from edits.report import left_to_do

EDITOR = Path(__file__).with_name("edits") / "run.py"
LIBRARIES = ("libcst", "packaging", "tomlkit", "yaml")


def start(root: Path) -> AbstractContextManager[subprocess.Popen[str] | None]:
    """Start the editor, in a process of its own since Copier's Python may lack its libraries.

    It loads them while the second pass runs, then waits for the answers. Closed without any it
    ends by itself.
    """
    uv = shutil.which("uv")
    if all(importlib.util.find_spec(name) for name in LIBRARIES):
        command = [sys.executable, str(EDITOR)]
    elif uv:
        command = [uv, "run", "--quiet", "--no-project", "--python", sys.executable]
        command += ["--script", str(EDITOR)]
    else:
        return nullcontext()
    return subprocess.Popen(  # noqa: S603
        [*command, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


def edit(
    process: subprocess.Popen[str] | None,
    answers: Mapping[str, Any],
    targets: Sequence[Target],
    dependencies: tuple[Sequence[str], bool] | None = None,
) -> Iterator[str]:
    """Yield the report of what was done to these files, or the lines to paste into them.

    `dependencies`: the names that it is about, and whether they are new; all without it.
    """
    if not answers["db_edit_files"]:
        yield from left_to_paste(targets, "add by hand, as you asked (db_edit_files):")
        return
    if process is None:
        yield from left_to_paste(targets, "add by hand (uv, which brings the editor, is missing):")
        return
    paths = [target.path for target in targets]
    request = {"answers": answers, "paths": paths, "dependencies": dependencies}
    lines, errors = process.communicate(json.dumps(request))
    yield from lines.splitlines()
    if process.returncode:
        yield "The editor has failed:"
        yield from (f"    {line}" for line in errors.splitlines()[-3:])
        yield from left_to_paste(targets, "add by hand where it is missing:")


def left_to_paste(targets: Sequence[Target], why: str) -> Iterator[str]:
    for target in targets:
        yield from left_to_do(target.path, task(why, *target.paste))
