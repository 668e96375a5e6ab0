"""The files of a repository, listed once."""

import os
from pathlib import Path, PurePosixPath

# All paths are relative to the root of the repository, which is `ROOT` itself.
ROOT = PurePosixPath()

_SKIPPED = frozenset({"__pycache__", "build", "dist", "node_modules", "site-packages", "venv"})
_LARGEST_FILE = 2**20
_ASIDE = frozenset(
    {"benchmark", "benchmarks", "doc", "docs", "docs_src", "e2e", "example", "examples"}
    | {"notebooks", "sample", "samples", "scripts", "test", "testing", "tests"}
)


class Tree:
    """What lies in a repository, without what tools have put there.

    `entries` holds the names in every folder that was entered. A symbolic link is a name that is
    taken and nothing more, unless it is asked for with `read`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.entries: dict[PurePosixPath, frozenset[str]] = {}
        self.python: list[PurePosixPath] = []
        for folder, folders, files in os.walk(self.root):
            path = Path(folder)
            here = PurePosixPath(path.relative_to(self.root).as_posix())
            self.entries[here] = frozenset((*folders, *files))
            if "pyvenv.cfg" in files:
                folders.clear()
                continue
            folders[:] = sorted(name for name in folders if _is_entered(name))
            self.python += [
                here / name
                for name in sorted(files)
                if name.endswith(".py") and name.isprintable() and not (path / name).is_symlink()
            ]
        self.python_folders = {parent for file in self.python for parent in file.parents}

    def has(self, path: PurePosixPath) -> bool:
        return path.name in self.entries.get(path.parent, ())

    def read(self, path: PurePosixPath) -> bytes:
        """Return nothing for what is not listed, too large, or a link out of the repository."""
        file = self.root / path
        try:
            if not self.has(path) or not file.is_file() or file.stat().st_size > _LARGEST_FILE:
                return b""
            if file.is_symlink() and not file.resolve().is_relative_to(self.root):
                return b""
            return file.read_bytes()
        except OSError:
            return b""

    def text(self, path: PurePosixPath) -> str:
        source = self.read(path)
        utf16 = source.startswith((b"\xff\xfe", b"\xfe\xff"))
        return source.decode("utf-16" if utf16 else "utf-8-sig", errors="replace")


def _is_entered(name: str) -> bool:
    # A name that is no text, or has a newline, fits into no file that would be rendered.
    return not name.startswith(".") and name not in _SKIPPED and name.isprintable()


def is_test(path: PurePosixPath) -> bool:
    return (
        path.name == "conftest.py"
        or (path.suffix == ".py" and path.stem.startswith("test_"))
        or path.stem.endswith("_test")
        or not {"test", "tests"}.isdisjoint(path.parts)
    )


def is_aside(path: PurePosixPath, within: PurePosixPath = ROOT) -> bool:
    """Whether a file is no part of an application: a test, an example, a template of a file."""
    inner = path.relative_to(within) if path.is_relative_to(within) else path
    folders = inner.parts[:-1]
    return is_test(inner) or any(name in _ASIDE or "{{" in name for name in folders)
