"""Put together what is read from a repository."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from detection.apps import App, Standing, find_apps
from detection.dependencies import is_project
from detection.existing import ENGINES, find_setups
from detection.layout import Candidate, Layout, home_of, lay_out
from detection.place import Place, Placing
from detection.python_source import Module, Names, modules
from detection.refusal import Refusal
from detection.tree import ROOT, Tree, is_aside

_WORDS = (b"FastAPI", b".mount(", b"BaseSettings", *map(str.encode, ENGINES))
_START = " Start with one, then layer the database onto it."


@dataclass(frozen=True)
class Detection:
    """The places the layer can go to, the likeliest first."""

    candidates: tuple[Layout, ...]


def detect(root: Path, app_dir: str | None = None) -> Detection:
    """Read a repository. With `app_dir` there is exactly one candidate.

    Raises Refusal where the layer cannot go.
    """
    _check_root(root)
    tree = Tree(root)
    asked = None if app_dir is None else _asked_folder(tree, app_dir)
    if asked is None:
        return Detection(_Repository(tree, ROOT).layouts())
    return Detection((_Repository(tree, asked).layout_of(asked),))


def _check_root(root: Path) -> None:
    if not root.exists():
        raise Refusal(
            f"{root} does not exist: expected the folder of a FastAPI project. Check the path."
        )
    if not root.is_dir():
        raise Refusal(
            f"{root} is a file: expected the folder of a FastAPI project. Name its folder instead."
        )


def _asked_folder(tree: Tree, app_dir: str) -> PurePosixPath:
    path = PurePosixPath(Path(app_dir).as_posix())
    if path in tree.entries:
        return path
    if Path(app_dir).is_absolute():
        found = "an absolute path"
    elif ".." in path.parts:
        found = "which leads out of the repository"
    elif (tree.root / path).exists():
        found = "which is a file, a link or a folder that tools fill"
    else:
        found = "which does not exist"
    raise Refusal(
        f"db_app_dir is {app_dir!r}, {found}: expected the folder of the application, relative to"
        " the repository, like backend/app. Correct it, or leave it out to see what is found."
    )


class _Repository:
    """One repository. Files below `within` count even if it is a folder of examples."""

    def __init__(self, tree: Tree, within: PurePosixPath) -> None:
        self._tree = tree
        sources = [
            module
            for module in modules(tree, tree.python, _WORDS)
            if not is_aside(module.path, within)
        ]
        self._all_apps = find_apps(tree, sources)
        real = [app for app in self._all_apps if app.standing < Standing.DECOY]
        self._apps = real or self._all_apps
        self._setups = find_setups(tree, sources, within)
        self._settings = [module.path for module in sources if _defines_settings(module)]

    def layouts(self) -> tuple[Layout, ...]:
        candidates = self._candidates()
        if not candidates:
            raise self._nothing_found("this repository")
        layouts: list[Layout] = []
        refusals: dict[Candidate, Refusal] = {}
        for candidate in candidates:
            try:
                layouts.append(self._layout(candidate, candidates))
            except Refusal as refusal:
                refusals[candidate] = refusal
        best = candidates[0]
        if best in refusals:
            # An equal may take the layer in place of the likeliest application, a tool may not.
            equals = {
                str(other.place.app_dir) for other in candidates if other.likeness == best.likeness
            }
            layouts = [layout for layout in layouts if layout.app_dir in equals]
        if not layouts:
            raise refusals[best]
        return tuple(layouts)

    def layout_of(self, app_dir: PurePosixPath) -> Layout:
        candidates = self._candidates()
        chosen = next((c for c in candidates if c.place.app_dir == app_dir), None)
        chosen = chosen or self._inside(app_dir) or self._using(app_dir)
        if chosen is None:
            raise self._nothing_found(f"{app_dir}")
        siblings = [
            candidate
            for candidate in candidates
            if not candidate.place.app_dir.is_relative_to(app_dir)
            and not app_dir.is_relative_to(candidate.place.app_dir)
        ]
        return self._layout(chosen, [chosen, *siblings])

    def _candidates(self) -> list[Candidate]:
        """Group the applications by folder, in the order of their likeliness."""
        folders: dict[PurePosixPath, list[tuple[Place, App]]] = {}
        problem: Refusal | None = None
        for app in self._apps:
            try:
                place = self._placing(app).place()
            except Refusal as refusal:
                problem = problem or refusal
            else:
                folders.setdefault(place.app_dir, []).append((place, app))
        if problem and not folders:
            raise problem
        return [
            Candidate(*found[0], others=tuple(app for _, app in found[1:]))
            for found in folders.values()
        ]

    def _placing(self, app: App) -> Placing:
        return Placing(self._tree, app.path, {app.path for app in self._apps})

    def _inside(self, app_dir: PurePosixPath) -> Candidate | None:
        """Take the likeliest application below a folder that detection would not have named."""
        apps = [app for app in self._all_apps if app.path.is_relative_to(app_dir)]
        if not apps:
            return None
        placing = self._placing(apps[0])
        place = placing.place_at(app_dir)
        if place is None:
            found = placing.place()
            raise Refusal(
                f"db_app_dir is {str(app_dir)!r}, but {apps[0].path} is imported as"
                f" {placing.dotted!r} from {found.import_root!r}: expected a folder that can be"
                f" imported from there. Use {str(found.app_dir)!r}."
            )
        others = [
            app
            for app in apps[1:]
            if app.standing < Standing.DECOY
            # The same variable, assigned in branches: the editor looks at each.
            and not (app.path == apps[0].path and app.names & apps[0].names)
        ]
        return Candidate(place, apps[0], tuple(others))

    def _using(self, app_dir: PurePosixPath) -> Candidate | None:
        """Take an application elsewhere that imports the modules of the folder."""
        for app in self._apps:
            placing = self._placing(app)
            place = placing.place_at(app_dir)
            if place and placing.imports(place):
                return Candidate(place, app)
        return None

    def _layout(self, candidate: Candidate, candidates: Sequence[Candidate]) -> Layout:
        owns = self._ownership(candidate, candidates)
        for setup in self._setups:
            if owns(setup.path):
                raise setup.refusal()
        home = home_of(self._tree, candidate.place)
        homes = {home_of(self._tree, other.place) for other in candidates} - {home}
        alone = not any(is_project(self._tree, other) for other in homes)
        return lay_out(self._tree, candidate, self._settings, owns, alone=alone)

    def _ownership(
        self, candidate: Candidate, candidates: Sequence[Candidate]
    ) -> Callable[[PurePosixPath], bool]:
        """Return whether a path belongs to the candidate rather than to one of its siblings."""
        mine = candidate.place.app_dir
        home = home_of(self._tree, candidate.place)
        folders = [other.place.app_dir for other in candidates]
        grounds = {folder: _ground(folder, folders) for folder in folders}

        def owns(path: PurePosixPath) -> bool:
            if path.parent == home:
                return True
            depths = {
                folder: len(ground.parts)
                for folder, ground in grounds.items()
                if path.is_relative_to(ground)
            }
            if depths:
                return depths.get(mine) == max(depths.values())
            return path.is_relative_to(home)

        return owns

    def _nothing_found(self, where: str) -> Refusal:
        found = [app.path for app in self._apps]
        found += [module.path for module in modules(self._tree, self._tree.python, (b"FastAPI(",))]
        elsewhere = f" {found[0]} has one: name its folder with db_app_dir." if found else ""
        return Refusal(
            f"No FastAPI application was found in {where}: expected a module with `FastAPI(...)`,"
            f" outside of tests, examples and scripts.{elsewhere or _START}"
        )


def _ground(folder: PurePosixPath, folders: Sequence[PurePosixPath]) -> PurePosixPath:
    """Climb to the outermost folder that holds no other application."""
    others = [other for other in folders if other != folder]
    while folder != ROOT and not any(other.is_relative_to(folder.parent) for other in others):
        folder = folder.parent
    return folder


def _defines_settings(module: Module) -> bool:
    if module.tree is None:
        return b"BaseSettings)" in module.source
    names = Names(module.tree)
    return any(
        isinstance(node, ast.ClassDef)
        and any(names.origin(base).endswith("BaseSettings") for base in node.bases)
        for node in ast.walk(module.tree)
    )
