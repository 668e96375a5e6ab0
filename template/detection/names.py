"""Names that nobody has taken yet."""

import re
from collections.abc import Collection
from itertools import chain, count
from pathlib import PurePosixPath

from detection.tree import ROOT, Tree

_MODULE = re.compile(r"(\w+)\.(?:py[cdi]?|(?:[\w-]+\.)?(?:so|pyd))")
_IMPORTED = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(\w+)", re.MULTILINE)


def free_file(tree: Tree, folder: PurePosixPath, *names: str) -> PurePosixPath:
    """Return the first of the paths that does not exist, by any spelling of its case."""
    taken = {name.casefold() for name in tree.entries.get(folder, ())}
    return next(folder / name for name in _endless(names) if name not in taken)


def free_module(
    tree: Tree, folder: PurePosixPath, *names: str, avoid: Collection[str] = ()
) -> PurePosixPath:
    """Return the first of the names that neither a module nor a package of the folder has.

    The name is returned without a suffix: it is free for both.
    """
    taken = {name.casefold() for name in avoid}
    for entry in tree.entries.get(folder, ()):
        module = _MODULE.fullmatch(entry)
        taken |= {entry.casefold(), module[1].casefold() if module else ""}
    return next(folder / name for name in _endless(names) if name not in taken)


def _endless(names: tuple[str, ...]) -> chain[str]:
    stem, dot, suffix = names[-1].partition(".")
    return chain(names, (f"{stem}_{number}{dot}{suffix}" for number in count(2)))


def top_level_imports(tree: Tree, folder: PurePosixPath) -> set[str]:
    """Return what the modules below a folder import by name: ours must not come before those."""
    return {
        name.decode()
        for path in tree.python
        if folder == ROOT or path.is_relative_to(folder)
        for name in _IMPORTED.findall(tree.read(path))
    }
