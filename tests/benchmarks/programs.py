"""Processes that print their port and end when their standard input is closed."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from layering import environment


@contextmanager
def program(
    *command: str, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, *command],
        env=environment(variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            yield process
        finally:
            process.communicate()


def port_of(process: subprocess.Popen[str]) -> int:
    """Wait until it is printed."""
    assert process.stdout
    if line := process.stdout.readline():
        return int(line)
    sys.exit(f"{process.args!r} ended before it printed its port; the reason is printed above.")


def cpu_seconds(pid: int) -> float:
    # The name of the program, in parentheses, may contain anything.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
