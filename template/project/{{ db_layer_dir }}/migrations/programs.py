"""Programs that may be there: git, ruff, squawk."""

import asyncio
import os
import shutil
import sysconfig
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path


def find(name: str) -> str | None:
    """Return the path of a program beside the running Python, or else on PATH."""
    folders = (sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath))
    return shutil.which(name, path=os.pathsep.join(folders))


def run(program: str, *arguments: str, folder: Path) -> int:
    """Run a program that prints for itself, and return its exit code."""
    return asyncio.run(_run(program, *arguments, folder=folder))[0]


def git(*arguments: str, folder: Path) -> str | None:
    """Return what git printed, None where it failed or is not there."""
    program = find("git")
    if program is None:
        return None
    done = _run(program, *arguments, folder=folder, stdout=PIPE, stderr=DEVNULL)
    code, printed = asyncio.run(done)
    return None if code else os.fsdecode(printed)


async def _run(
    *command: str,
    folder: Path,
    stdout: int | None = None,
    stderr: int | None = None,
) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=DEVNULL,
        stdout=stdout,
        stderr=stderr,
    )
    printed, _ = await process.communicate()
    return await process.wait(), printed
