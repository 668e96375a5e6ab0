"""A small copy of the template whose releases are made line by line, and projects from it.

Only what is rendered is small: the questions, the migrations and all rules of an update are those
of the working tree. The files that the releases change hold no Jinja, so that what a release
renders is known without rendering it.
"""

import contextvars
import copy
import os
import runpy
import shutil
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jinja2
import pytest
import yaml

from layering import ANSWERS, answers, commit, git, layer, make_host, make_template

ROOMS = ("__init__.py", "errors.py", "health.py")
# Their place in the template, and a name to speak of them.
RELEASED = {
    "init": "{{ db_layer_dir }}/__init__.py",
    "errors": "{{ db_layer_dir }}/errors.py",
    "health": "{{ db_layer_dir }}/health.py",
    "mako": "{{ db_alembic }}/script.py.mako",
    # In no release at first.
    "extra": "{{ db_layer_dir }}/extra.py",
    "deep": "{{ db_layer_dir }}/deep/er/room.py",
}
SEED = "template/project/{{ db_seed_path }}.jinja"
GIT_CONFIG = """\
[user]
name = A person
email = person@example.com
[gc]
auto = 0
[maintenance]
auto = false
"""

Kind = Literal["insert", "delete", "replace", "copy", "move"]
# None is a file that is taken away.
Files = dict[str, bytes | None]


class Edit(NamedTuple):
    """One change of lines. `at` and `to` are counted from the end where they are negative."""

    kind: Kind
    at: int
    to: int
    lines: tuple[bytes, ...]


def edited(content: bytes, edit: Edit) -> bytes:
    """Return the content with one change; places outside of it are its ends."""
    lines = content.split(b"\n")
    start = _place(edit.at, lines)
    stop = min(start + 1 + abs(edit.to) % 4, len(lines))
    match edit.kind:
        case "insert":
            lines[start:start] = edit.lines
        case "delete":
            del lines[start:stop]
        case "replace":
            lines[start:stop] = edit.lines
        case "copy":
            to = _place(edit.to, lines)
            lines[to:to] = lines[start:stop]
        case "move":
            block = lines[start:stop]
            del lines[start:stop]
            to = _place(edit.to, lines)
            lines[to:to] = block
    return b"\n".join(lines)


def _place(index: int, lines: list[bytes]) -> int:
    return max(0, min(index if index >= 0 else len(lines) + index, len(lines)))


@dataclass
class Templates:
    """A template repository at a fixed place, and its first release to return to."""

    root: Path
    first: Path
    files: dict[str, bytes] = field(default_factory=dict)
    last: int = 0

    def restart(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self.first, self.root)
        self.files = {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(self.root).parts
        }
        self.last = 0

    def release(self, files: Files) -> str:
        """Commit files and return the tag."""
        before = f"refs/tags/v99.{self.last}.0"
        self.last += 1
        tag = f"v99.{self.last}.0"
        stream = [f"commit refs/tags/{tag}\ncommitter M <m@example.com> 0 +0000\ndata 0\n".encode()]
        stream.append(f"from {before}^0\n".encode())
        for path, content in files.items():
            if content is None:
                stream.append(f'D "{path}"\n'.encode())
            else:
                head = f'M 100644 inline "{path}"\ndata {len(content)}\n'
                stream.append(head.encode() + content + b"\n")
        subprocess.run(
            ["git", "fast-import", "--quiet"], cwd=self.root, input=b"".join(stream), check=True
        )
        return tag


@dataclass(frozen=True)
class Layered:
    """A repository with the layer, committed; paths are relative to its top.

    `names` are the files that releases change, `seeds` those that are written once.
    """

    templates: Templates
    pristine: Path
    root: Path
    project: str
    rendered: dict[str, bytes]
    names: dict[str, str]
    seeds: frozenset[str]

    def path(self, inner: str) -> str:
        return (Path(self.project) / inner).as_posix()

    @property
    def answers(self) -> str:
        return self.path(ANSWERS)

    def restart(self) -> None:
        self.templates.restart()
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.pristine, self.root)


def make_templates(folder: Path) -> Templates:
    root = make_template(folder / "template", "v98.0.0")
    project = root / "template/project"
    rooms = project / "{{ db_layer_dir }}"
    for path in rooms.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in ROOMS:
            path.unlink()
    # Copier starts a process for each file that it renders.
    for name in ("{{ db_docs }}.jinja", "{{ db_compose }}.jinja", "{{ db_alembic_ini }}.jinja"):
        (project / name).unlink()
    for name in ("{{ db_alembic }}/env.py.jinja", "{{ db_alembic }}/squawk.toml"):
        (project / name).unlink()
    shutil.rmtree(project / "{{ db_tests }}")
    commit(root, "what is enough to merge")
    git(root, "tag", "v99.0.0")
    git(root, "gc", "--quiet")
    shutil.rmtree(root / ".git/hooks", ignore_errors=True)
    templates = Templates(root, shutil.copytree(root, folder / "first"))
    templates.restart()
    return templates


def make_layered(folder: Path, host: str, project: str) -> Layered:
    """Layer the first release onto a host, whose `project` may be a folder of the repository."""
    templates = make_templates(folder)
    pristine = make_host(host, folder / "pristine")
    before = set(tree(pristine))
    layer(templates.root, pristine / project)
    commit(pristine, "layer a database onto it")
    shutil.rmtree(pristine / ".git/hooks", ignore_errors=True)

    known: dict[str, Any] = answers(pristine / project)
    app = Path(project, known["db_app_dir"])
    folders = {
        "{{ db_layer_dir }}": app / known["db_layer"],
        "{{ db_alembic }}": Path(project, known["db_alembic"]),
    }
    names = {}
    for name, place in RELEASED.items():
        first, rest = place.split("/", 1)
        names[name] = (folders[first] / rest).as_posix()
    seeds = {(app / known["db_seed"]).as_posix()}
    if known["db_new_core"]:
        seeds.add((app / "core/__init__.py").as_posix())
    if known["db_new_env_example"]:
        seeds.add(Path(project, known["db_env_example"]).as_posix())
    content = tree(pristine)
    rendered = {path: content[path] for path in content.keys() - before - seeds}
    return Layered(templates, pristine, folder / "root", project, rendered, names, frozenset(seeds))


def tree(root: Path) -> dict[str, bytes]:
    """Return every file that is not git's own."""
    found = {}
    for folder, folders, files in os.walk(root):
        with suppress(ValueError):
            folders.remove(".git")
        for name in files:
            path = Path(folder, name)
            found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found


def _fork(script: list[str], environment: Mapping[str, str]) -> int:
    """Run a script as Python does, in a copy of this process, and return its exit code."""
    with warnings.catch_warnings():
        # There are threads, of pytest-xdist; they hold no lock that a script needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        sys.stderr = os.fdopen(2, "w", closefd=False)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = script
        folder = Path(script[0]).parent
        sys.path.insert(0, str(folder))
        # Else those of the working tree, which tests import.
        for name in {*sys.modules} & {path.stem for path in folder.iterdir()}:
            for loaded in [*sys.modules]:
                if loaded == name or loaded.startswith(f"{name}."):
                    del sys.modules[loaded]
        # Copier knows from a context variable that an update runs: another process would not.
        contextvars.Context().run(runpy.run_path, script[0], run_name="__main__")
        code = 0
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        else:
            code = error.code or 0
    except BaseException:  # noqa: BLE001 - it must not get into pytest
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def quick_and_alone(folder: Path) -> Iterator[None]:
    """Keep the settings of this machine away, and what takes most of the time of an update.

    That is Copier's own work on files that are the same a thousand times: it compiles each answer
    and parses copier.yml anew, asks for submodules, which no template here has, and starts Pythons
    that load it once more.
    """
    config, settings, programs = folder / "gitconfig", folder / "copier.yml", folder / "git-core"
    config.write_text(GIT_CONFIG)
    settings.write_text("{}\n")
    programs.mkdir()
    for program in Path(git(folder, "--exec-path").strip()).iterdir():
        if program.name != "git-submodule":
            (programs / program.name).symlink_to(program)
    (programs / "git-submodule").symlink_to(str(shutil.which("true")))

    compiled: dict[tuple[str, str | None], Any] = {}
    parsed: dict[bytes, Any] = {}
    compile_, load_all = jinja2.Environment.compile, yaml.load_all

    def compile_once(
        self: jinja2.Environment, source: Any, name: str | None = None, *arguments: Any
    ) -> Any:
        if not isinstance(source, str):
            return compile_(self, source, name, *arguments)
        key = (source, name)
        if key not in compiled:
            compiled[key] = compile_(self, source, name, *arguments)
        return compiled[key]

    def parse_once(stream: Any, Loader: Any) -> Any:  # noqa: N803 - as PyYAML calls it
        content = stream.read() if hasattr(stream, "read") else stream
        if content not in parsed:
            parsed[content] = list(load_all(content, Loader=Loader))
        return copy.deepcopy(parsed[content])

    run = subprocess.run

    def run_or_fork(command: Any, *arguments: Any, **options: Any) -> Any:
        if list(command)[1:2] and command[1].endswith("/template/update.py"):
            return subprocess.CompletedProcess(command, _fork(command[1:], options["env"]))
        return run(command, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "run", run_or_fork)
        patch.setenv("GIT_CONFIG_GLOBAL", str(config))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("GIT_EXEC_PATH", str(programs))
        patch.setenv("COPIER_SETTINGS_PATH", str(settings))
        patch.setattr(jinja2.Environment, "compile", compile_once)
        patch.setattr(yaml, "load_all", parse_once)
        yield
