"""The first section of docs/database.md, line by line, as a person follows it.

Each block `sh` is run, each block `python` is written to the file that its first line names.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from layering import answers, commit, environment, free_port, layer, make_host, run
from rendering import write

SHAPES = (
    "backend_frontend",  # the application in a folder, which names its routes in a way of its own
    "flat_main_crlf",  # modules without a package, CRLF
    "src_package_uv",  # a package in src/, warnings are errors
)
SECTION = "## Five minutes: "
WIRING = "app.include_router("
Mutate = Callable[[str], str]


class Reader:
    """A person with three terminals, whose ports 5432 and 8000 are others."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.answers = answers(root)
        self.server, self.web = free_port(), free_port()
        self.terminals: list[subprocess.Popen[bytes]] = []
        self.printed: list[str] = []

    def follow(self, page: str) -> None:
        for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
            if language == "sh":
                for line in block.splitlines():
                    self.enter(line.replace("localhost:8000", f"localhost:{self.web}"))
            elif WIRING in block:
                self.wire(block)
            else:
                path, _, _ = block.removeprefix("# ").partition("\n")
                assert path.endswith(".py"), block
                write(self.root, {path: block})

    def enter(self, line: str) -> None:
        if " dev" in line:
            self.open(line, self.server)
        elif "uvicorn " in line:
            self.open(f"{line} --port {self.web}", self.web)
        else:
            self.printed.append(run("bash", "-ec", line, cwd=self.root).stdout)
        if "grep " in line:
            self.change_port()

    def change_port(self) -> None:
        """Let the URL be of a port that no other test has."""
        path = self.root / ".env"
        text = path.read_text("utf-8")
        assert ":5432/" in text
        path.write_text(text.replace(":5432/", f":{self.server}/"), "utf-8")

    def open(self, line: str, port: int) -> None:
        log = self.root.parent / f"{port}.log"
        with log.open("wb") as output:
            terminal = subprocess.Popen(
                ["bash", "-c", line.replace("&& ", "&& exec ")],
                cwd=self.root,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.terminals.append(terminal)
        deadline = time.monotonic() + 60
        while terminal.poll() is None and time.monotonic() < deadline:
            if re.search("PostgreSQL runs at|startup complete", log.read_text("utf-8")):
                return
            time.sleep(0.05)
        raise AssertionError(f"{line}\n{log.read_text('utf-8')}")

    def wire(self, block: str) -> None:
        """Put the import before all others, and the call below that of the layer."""
        imported, _, call = block.partition("\n\n")
        path = self.root / self.answers["db_app_module"]
        text = path.read_bytes().decode()
        [wired] = re.findall(r"^.*setup_database\(app\)\r?\n", text, re.MULTILINE)
        text = text.replace(wired, f"{wired}{call}")
        text = re.sub("^(?=import |from )", f"{imported}\n", text, count=1, flags=re.MULTILINE)
        path.write_bytes(text.encode())

    def leave(self) -> None:
        for terminal in reversed(self.terminals):
            if terminal.poll() is None:
                terminal.send_signal(signal.SIGINT)
        for terminal in self.terminals:
            with suppress(subprocess.TimeoutExpired):
                terminal.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(terminal.pid, signal.SIGKILL)


def section(root: Path) -> str:
    page = (root / answers(root)["db_docs"]).read_text("utf-8")
    rest: str = page.partition(f"\n{SECTION}")[2]
    return rest.partition("\n## ")[0]


def project(template: Path, host: str, root: Path) -> Path:
    layer(template, make_host(host, root))
    return commit(root, "layer a database onto it")


def follow(root: Path, change: Mutate = str) -> list[str]:
    reader = Reader(root)
    try:
        reader.follow(change(section(root)))
    finally:
        reader.leave()
    return reader.printed


@pytest.mark.parametrize("host", SHAPES)
def test_the_section_is_true(template: Path, open_folder: Path, host: str) -> None:
    root = project(template, host, open_folder / "shop")
    page = section(root)
    printed = follow(root)
    created, listed = re.findall(r"`([{\[].*?[}\]])`", page.partition("first requests")[2])[:2]
    assert created in printed
    assert listed in printed
    assert "1 passed" in printed[-1]
    [url] = re.findall(r"^DATABASE_URL=(.*)$", (root / ".env").read_text("utf-8"), re.MULTILINE)
    port = urlsplit(url).port
    assert port
    assert port != 5432


MUTANTS: dict[str, Mutate] = {
    "no migration": lambda page: re.sub(r"^.* upgrade\n", "", page, flags=re.MULTILINE),
    "another table": lambda page: page.replace("ReadSessionDep) -> list", "SessionDp) -> list"),
    "no router": lambda page: page.replace(WIRING, "str("),
    "another path": lambda page: page.replace("localhost:8000/widgets'", "localhost:8000/widget'"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_line_is_found(template: Path, open_folder: Path, mutant: str) -> None:
    root = project(template, "backend_frontend", open_folder / "shop")
    page = section(root)
    change = MUTANTS[mutant]
    assert change(page) != page
    try:
        printed = follow(root, change)
    except AssertionError:
        return
    assert '["saw"]' not in printed
