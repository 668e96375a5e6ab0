"""The checks that generated code has to pass, on the code that generates it."""

import sys

import pytest

from layering import PROJECT, run


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        (sys.executable, "-m", "mypy"),
    ],
    ids=["lint", "format", "types"],
)
def test_no_findings(command: tuple[str, ...]) -> None:
    done = run(*command, cwd=PROJECT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
