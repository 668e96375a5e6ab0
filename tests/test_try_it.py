"""The README's line for a reader without a project at hand."""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest

from layering import PROJECT, environment


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_leaves_nothing_behind(ending: signal.Signals) -> None:
    # Not pytest's own folder: the account that PostgreSQL runs as cannot enter it.
    temporary = Path(tempfile.mkdtemp(prefix="temporary-"))
    temporary.chmod(0o755)
    try:
        with subprocess.Popen(
            [sys.executable, PROJECT / "tests/try_it.py", "flat_main_crlf"],
            env=environment({"TMPDIR": str(temporary)}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        ) as script:
            try:
                use_and_end(script, ending)
            finally:
                script.kill()
        assert list(temporary.iterdir()) == []
    finally:
        shutil.rmtree(temporary)


def use_and_end(script: subprocess.Popen[str], ending: signal.Signals) -> None:
    assert script.stdout
    text = ""
    for line in script.stdout:
        text += line
        if "Uvicorn running" in line:
            break
    assert "widgets: 2 created, 0 updated, 0 unchanged" in text, text
    address = re.search(r"http://127\.0\.0\.1:\d+/health/database", text)
    assert address, text
    assert httpx.get(address[0]).json() == {"status": "ok"}

    script.send_signal(ending)
    rest = script.stdout.read()
    assert script.wait(60) == 0, rest
    assert rest.endswith("Stopped, everything is removed.\n")
