"""The paths and names of the layer in one repository."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import PurePosixPath

from detection.apps import App
from detection.dependencies import declaring_file, is_project, lock_command, project_name
from detection.names import free_file, free_module, top_level_imports
from detection.place import Place
from detection.tree import ROOT, Tree

# The order in which Docker Compose looks for its file.
_COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_ENV_EXAMPLES = (
    ".env.example",
    ".env.dist",
    ".env-template",
    ".env.template",
    ".example.env",
    "env.example",
    "sample.env",
)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where everything goes. Paths are POSIX and relative to the root, "." is the root itself.

    - `app_dir`: folder of the package that holds the application.
    - `app_module`: file with the call of `FastAPI()`.
    - `other_apps`: further calls that belong to `app_dir`, as "path:line".
    - `import_root`: folder on `sys.path`, perhaps above the root: "../..".
    - `package`: dotted name of `app_dir` from there, empty where modules are imported bare.
    - `home`: folder of `alembic.ini`, where commands are run.
    - `layer`, `models`, `seed`: free paths below `app_dir`.
    - `new_core`: whether the layer brings `core/__init__.py` along.
    - `tests_package`: whether the folder around `tests` has an `__init__.py`.
    - `tests_conftest`: whether nothing of the host puts `import_root` on the path of its tests.
    - `settings_modules`: files that define a pydantic-settings class.
    - `dependency_file`, `compose_file`: files to edit, empty where there is none.
    - `lock_command`: to be run in `home` after an edit of `dependency_file`, empty if unknown.
    """

    project_name: str
    app_dir: str
    app_module: str
    other_apps: tuple[str, ...]
    import_root: str
    package: str
    home: str
    layer: str
    new_core: bool
    models: str
    seed: str
    tests: str
    tests_package: bool
    tests_conftest: bool
    docs: str
    compose: str
    compose_file: str
    env_example: str
    new_env_example: bool
    alembic: str
    alembic_ini: str
    settings_modules: tuple[str, ...]
    dependency_file: str
    lock_command: str

    def as_answers(self) -> dict[str, object]:
        """Return the answers to copier.yml's questions, fit for JSON."""
        answers: dict[str, object] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            key = field.name if field.name == "project_name" else f"db_{field.name}"
            answers[key] = list(value) if isinstance(value, tuple) else value
        return answers


@dataclass(frozen=True)
class Candidate:
    """An application, where it is imported from, and the other calls in the same folder."""

    place: Place
    app: App
    others: tuple[App, ...] = ()

    @property
    def likeness(self) -> tuple[int, int]:
        """How likely this is what the person means, whatever its folder is called."""
        standing, entry, *_ = self.app.rank
        return standing, entry


def home_of(tree: Tree, place: Place) -> PurePosixPath:
    for folder in (place.app_dir, *place.app_dir.parents):
        if is_project(tree, folder):
            return folder
    if place.import_root.startswith(".."):
        return ROOT
    folder = PurePosixPath(place.import_root)
    return folder.parent if folder.name == "src" else folder


def lay_out(
    tree: Tree,
    candidate: Candidate,
    settings: Iterable[PurePosixPath],
    owns: Callable[[PurePosixPath], bool],
    *,
    alone: bool,
) -> Layout:
    """Fill in a layout. `owns` tells this application's files from those of its siblings."""
    place = candidate.place
    home = home_of(tree, place)
    layer, models, seed = _modules(tree, place)
    host_tests = _host_tests(tree, candidate, home, owns)
    tests_home = host_tests or _folder(tree, home, "tests")
    tests = free_module(tree, tests_home, "database", "database_layer")
    docs = _folder(tree, ROOT if alone else home, "docs")
    dependencies = declaring_file(tree, place.app_dir)
    compose_file = _first_existing(tree, (ROOT, home), _COMPOSE_FILES)
    env_example = _first_existing(tree, (home, ROOT), _ENV_EXAMPLES)
    env_folder = next((folder for folder in (home, ROOT) if tree.has(folder / ".env")), home)
    named = project_name(tree, home) or project_name(tree, ROOT)
    folder = tree.root if alone else tree.root / home
    return Layout(
        project_name=named or folder.name or "app",
        app_dir=str(place.app_dir),
        app_module=str(candidate.app.path),
        other_apps=tuple(f"{app.path}:{app.line}" for app in candidate.others),
        import_root=place.import_root,
        package=place.package,
        home=str(home),
        layer=str(layer.relative_to(place.app_dir)),
        new_core=layer.parent != place.app_dir and not tree.has(layer.parent),
        models=str(models.relative_to(place.app_dir)),
        seed=str(seed.relative_to(place.app_dir)) + ".py",
        tests=str(tests),
        tests_package=tree.has(tests.parent / "__init__.py"),
        tests_conftest=host_tests is None and place.import_root != str(home),
        docs=str(free_file(tree, docs, "database.md", "database-layer.md")),
        compose=str(
            free_file(
                tree,
                compose_file.parent if compose_file else ROOT,
                "compose.database.yaml",
                "compose.database-layer.yaml",
            )
        ),
        compose_file=str(compose_file or ""),
        env_example=str(env_example or env_folder / ".env.example"),
        new_env_example=env_example is None,
        alembic=str(free_file(tree, home, "alembic", "migrations", "database_migrations")),
        alembic_ini=str(home / "alembic.ini"),
        settings_modules=tuple(
            str(path) for path in settings if owns(path) and _is_importable(path, place)
        ),
        dependency_file=str(dependencies or ""),
        lock_command=lock_command(tree, dependencies, home),
    )


def _folder(tree: Tree, parent: PurePosixPath, name: str) -> PurePosixPath:
    """Return the folder of that name, or a new one where a file or a link has the name."""
    folder = parent / name
    return folder if folder in tree.entries else free_file(tree, parent, name)


def _modules(tree: Tree, place: Place) -> tuple[PurePosixPath, PurePosixPath, PurePosixPath]:
    """Return free paths for the layer, the models and the seed, without a suffix."""
    # A flat module would come before the distribution of its name that the application imports.
    avoid = set() if place.package else top_level_imports(tree, place.app_dir)
    free = partial(free_module, tree, place.app_dir, avoid=avoid)
    core = place.app_dir / "core"
    if core in tree.entries or free("core") == core:
        layer = free_module(tree, core, "database", "postgres", "database_layer")
        seed = free_module(tree, core, "seed", "seed_database")
    else:
        layer = free("database", "postgres", "database_layer")
        seed = free("seed", "seed_database")
    return layer, free("models", "tables", "db_models", "database_models"), seed


def _host_tests(
    tree: Tree,
    candidate: Candidate,
    home: PurePosixPath,
    owns: Callable[[PurePosixPath], bool],
) -> PurePosixPath | None:
    """Return the outermost folder of tests that import the application, else the nearest one."""
    place = candidate.place
    imported = place.package.partition(".")[0] or candidate.app.path.stem
    folders = [
        folder
        for folder in tree.python_folders
        if folder.name in {"tests", "test"} and owns(folder)
    ]

    def rank(folder: PurePosixPath) -> tuple[bool, bool, int, str]:
        foreign = imported not in top_level_imports(tree, folder)
        return foreign, not folder.is_relative_to(home), len(folder.parts), str(folder)

    return min(folders, key=rank, default=None)


def _is_importable(path: PurePosixPath, place: Place) -> bool:
    return place.import_root.startswith("..") or path.is_relative_to(place.import_root)


def _first_existing(
    tree: Tree, folders: Iterable[PurePosixPath], names: Iterable[str]
) -> PurePosixPath | None:
    paths = (folder / name for folder in folders for name in names)
    return next((path for path in paths if tree.has(path)), None)
