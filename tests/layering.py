"""A host as a git repository, and the real commands on it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from host_manifest import HOSTS_ROOT, Host

ANSWERS = ".copier-answers.database.yml"
PROJECT = Path(__file__).resolve().parents[1]
MODEL = """\
from sqlalchemy.orm import Mapped, mapped_column

from {models} import Base, TimestampMixin


class Widget(TimestampMixin, Base):
    __tablename__ = "widgets"

    name: Mapped[str] = mapped_column(unique=True)
"""
TEMPLATE_FILES = ("CHANGELOG.md", "copier.yml", "template")
UNSET = ("PYTEST_", "COV_", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
CACHES = shutil.ignore_patterns("__pycache__", "*.pyc", ".ruff_cache", ".mypy_cache")


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a person without a database and without our pytest plugins."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if "DATABASE" not in key and not key.startswith(UNSET)
    }
    folder = str(Path(sys.executable).parent)
    return inherited | {
        "PATH": os.pathsep.join([folder, os.environ["PATH"]]),
        "PYTHONUTF8": "1",
        "PYTEST_ADDOPTS": "-p no:pytest_alembic -p no:asyncio",
        **(variables or {}),
    }


def run(
    *command: str | Path, cwd: Path, check: bool = True, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; one that fails tells everything it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    if check and done.returncode:
        raise AssertionError(f"{command} -> {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def git(root: Path, *arguments: str) -> str:
    return run("git", *arguments, cwd=root).stdout


def make_template(folder: Path, version: str = "99.0.0") -> Path:
    """Release the working tree as a template repository of its own."""
    copy_template(folder)
    head_changelog(folder, version)
    make_repository(folder)
    git(folder, "tag", f"v{version}")
    return folder


def copy_template(into: Path, source: Path = PROJECT) -> Path:
    into.mkdir(parents=True, exist_ok=True)
    for name in TEMPLATE_FILES:
        if (source / name).is_dir():
            shutil.copytree(source / name, into / name, ignore=CACHES)
        else:
            shutil.copyfile(source / name, into / name)
    return into


def head_changelog(template: Path, version: str, to_do: str = "Nothing.") -> None:
    """Give a version its heading: that of what is unreleased, or else a section of its own."""
    changelog = template / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    heading = f"\n## {version} - 2099-12-31\n"
    unreleased = "\n## Unreleased\n"
    if unreleased not in text:
        text = text.replace("\n## ", f"{unreleased}\n### What you must do\n\n{to_do}\n\n## ", 1)
    changelog.write_text(text.replace(unreleased, heading), encoding="utf-8")


def make_host(folder: str, root: Path) -> Path:
    shutil.copytree(HOSTS_ROOT / folder, root, ignore=CACHES, symlinks=True)
    return make_repository(root)


def make_repository(root: Path) -> Path:
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "config", "user.name", "A person")
    git(root, "config", "user.email", "person@example.com")
    git(root, "config", "core.autocrlf", "false")
    (root / ".git/info/exclude").write_text("__pycache__/\n")
    return commit(root, "start")


def commit(root: Path, message: str) -> Path:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "-m", message)
    return root


def layer(
    template: Path, root: Path, *options: str, check: bool = True, **data: object
) -> subprocess.CompletedProcess[str]:
    """Run `copier copy` as a person does, without questions."""
    answers = [part for key, value in data.items() for part in ("--data", f"{key}={value}")]
    trust = () if "--skip-tasks" in options else ("--trust",)
    return run(
        *("copier", "copy", "--defaults", *trust, *options, *answers, template, root),
        cwd=root.parent,
        check=check,
    )


def answers(root: Path) -> dict[str, Any]:
    text = (root / ANSWERS).read_text(encoding="utf-8")
    remembered: dict[str, Any] = yaml.safe_load(text)
    return remembered


def dotted(host: Host, path: str) -> str:
    """Return the import name of a path below the application's folder."""
    return ".".join([*filter(None, [host.package]), *path.split("/")])


def add_model(host: Host, root: Path) -> None:
    """Add a first model, as docs/database.md shows it."""
    models = answers(root)["db_models"]
    text = MODEL.format(models=dotted(host, models))
    (root / host.app_dir / models / "widget.py").write_text(text, encoding="utf-8")


def seed_rows(host: Host, root: Path, *names: str) -> None:
    """Fill the seed's scaffold with widgets."""
    found = answers(root)
    scaffold = root / host.app_dir / found["db_seed"]
    rows = ", ".join(f'{{"name": "{name}"}}' for name in names)
    imported = f"from {dotted(host, found['db_models'])}.widget import Widget\n"
    text = scaffold.read_text(encoding="utf-8")
    text = text.replace("return []", f'return [Rows(Widget, key="name", rows=[{rows}])]')
    text = text.replace("\n\ndef seed", f"{imported}\n\ndef seed")
    scaffold.write_text(text, encoding="utf-8")


def changed(root: Path) -> dict[str, str]:
    """Return what `git status` lists, file by file."""
    listed = git(root, "-c", "core.quotePath=false", "status", "--porcelain", "-uall")
    return {line[3:]: line[:2].strip() for line in listed.splitlines()}


def files(root: Path) -> dict[str, bytes]:
    """Return every file that is not git's or Python's own, links by their target."""
    return {
        path.relative_to(root).as_posix(): (
            str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        )
        for path in sorted(root.rglob("*"))
        if {".git", "__pycache__"}.isdisjoint(path.relative_to(root).parts)
        and (path.is_file() or path.is_symlink())
    }


def make_venv(folder: Path, *packages: str) -> Path:
    """Make a virtual environment with the packages alone, and return its Python."""
    run("uv", "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
    python = folder / "bin/python"
    run("uv", "pip", "install", "--quiet", "--python", python, *packages, cwd=folder.parent)
    return python


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    target: str, *, cwd: Path, factory: bool = False, variables: Mapping[str, str] | None = None
) -> Iterator[httpx.Client]:
    """Run uvicorn and yield a client once it accepts connections."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", target, "--port", str(port)]
    log = cwd.parent / f"uvicorn-{port}.log"
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            [*command, *(["--factory"] if factory else [])],
            cwd=cwd,
            env=environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as server,
    ):
        try:
            wait_for_port(server, port, log)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yield client
        finally:
            server.terminate()
            server.wait(30)


def wait_for_port(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"no server on port {port}:\n{log.read_text(encoding='utf-8')}")
