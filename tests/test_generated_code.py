"""The generated Python passes the strictest ruff and mypy, and pyright, whatever is answered."""

import json
import re
import sys
from collections.abc import Iterable
from itertools import cycle, product
from pathlib import Path

import pytest

from edits.plan import requirements
from host_manifest import HOSTS
from layering import add_model, make_host, run
from rendering import Tree, render, write

APP = "from fastapi import FastAPI\n\napp = FastAPI()\n"
SETTINGS = """\
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    model_config = {"env_file": ".env"}
"""
PYPROJECT = '[project]\nname = "a"\ndependencies = ["fastapi"]\n'
LONG = "a_package_name_that_takes_forty_letters_"

# What changes the code: the depth and the name of the package, a core/ that is there already, taken
# names, tests with and without __init__.py, the number of settings modules.
REPOSITORIES = {
    "package_in_backend": {
        "backend/pyproject.toml": PYPROJECT,
        "backend/app/__init__.py": "",
        "backend/app/core/__init__.py": "",
        "backend/app/core/config.py": SETTINGS,
        "backend/app/main.py": APP,
        "backend/tests/__init__.py": "",
    },
    "package_in_src": {
        "pyproject.toml": PYPROJECT,
        "src/shop/__init__.py": "",
        "src/shop/main.py": APP,
        "tests/test_shop.py": "import shop\n",
    },
    "src_as_package": {
        "requirements.txt": "fastapi\n",
        "src/__init__.py": "",
        "src/main.py": f"from src import config\n{APP}",
        "src/config.py": SETTINGS,
        "src/orders/config.py": SETTINGS,
    },
    "flat": {"requirements.txt": "fastapi\n", "main.py": APP},
    "long_and_taken_names": {
        "pyproject.toml": PYPROJECT,
        f"src/{LONG}/__init__.py": "",
        f"src/{LONG}/main.py": APP,
        f"src/{LONG}/settings.py": SETTINGS,
        f"src/{LONG}/models.py": "",
        f"src/{LONG}/core/__init__.py": "",
        f"src/{LONG}/core/database.py": "",
    },
}
PRIMARY_KEYS = ("integer", "uuid7")
POOLS = ((5, 10), (1, 0), (1000, 1000))

IGNORED = {
    "COM812": "the formatter owns trailing commas",
    "CPY001": "the code is the project's, which has a license of its own",
    "D203": "excludes D211",
    "D213": "excludes D212",
}
IGNORED_THERE = {
    "**/alembic/env.py:INP001": "a package named alembic would hide the library",
    "**/core/seed.py:INP001": "core/__init__.py is in the repository already",
    "**/tests/**:D1": "the name of a test says what is expected",
    "**/tests/**:INP001": "pytest imports tests by path",
    "**/tests/**:S101": "tests assert",
    "**/tests/**:PLR2004": "the expected number is the test",
}


@pytest.fixture(scope="module")
def trees(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tree]:
    folder = tmp_path_factory.mktemp("generated")
    pools = cycle(POOLS)
    found = {}
    for (name, files), key in product(REPOSITORIES.items(), PRIMARY_KEYS):
        size, overflow = next(pools)
        found[f"{name}_{key}"] = render(
            template,
            write(folder / "repositories" / f"{name}_{key}", files),
            folder / "trees" / f"{name}_{key}",
            db_primary_key=key,
            db_pool_size=size,
            db_max_overflow=overflow,
            db_admin=key == "uuid7",
        )
    return found


def ruff(*arguments: str, cwd: Path, check: bool = True) -> str:
    return run(sys.executable, "-m", "ruff", *arguments, cwd=cwd, check=check).stdout


def test_ruff_finds_nothing_at_any_width(trees: dict[str, Tree]) -> None:
    sources = [str(path) for tree in trees.values() for path in (tree.import_root, tree.root)]
    folder = next(iter(trees.values())).root.parent
    for width in (88, 100, 120):
        ruff(
            *("check", "--isolated", "--no-cache", "--select=ALL", "--target-version=py311"),
            f"--ignore={','.join(IGNORED)}",
            f"--per-file-ignores={','.join(IGNORED_THERE)}",
            f"--config=src={sources}",
            f"--line-length={width}",
            cwd=folder,
        )
        ruff("format", "--check", "--isolated", "--no-cache", f"--line-length={width}", cwd=folder)


def test_mypy_finds_nothing(trees: dict[str, Tree], tmp_path: Path) -> None:
    for tree in trees.values():
        run(
            *(sys.executable, "-m", "mypy", "--strict", "--warn-unreachable", "--no-error-summary"),
            *("--explicit-package-bases", "--python-version=3.11", f"--cache-dir={tmp_path}", "."),
            cwd=tree.root,
            variables={"MYPYPATH": str(tree.import_root)},
        )


def test_pyright_finds_nothing(trees: dict[str, Tree], tmp_path: Path) -> None:
    """In its standard mode, which is what Pylance shows; the strict one finds what is untyped."""
    settings = tmp_path / "pyrightconfig.json"
    for key in PRIMARY_KEYS:  # with and without the admin
        tree = trees[f"package_in_backend_{key}"]
        content = {
            "typeCheckingMode": "standard",
            "pythonVersion": "3.11",
            "include": [str(tree.root)],
            "extraPaths": [str(tree.import_root)],
        }
        settings.write_text(json.dumps(content))
        python = ("--pythonpath", sys.executable)
        run(sys.executable, "-m", "basedpyright", "-p", str(settings), *python, cwd=tmp_path)


def test_no_rule_is_silenced_in_the_code(trees: dict[str, Tree]) -> None:
    silenced = re.compile(r"#\s*(noqa|type:\s*ignore|fmt:|ruff:|pragma)")
    for tree in trees.values():
        files = [*tree.root.rglob("*.py"), *tree.root.rglob("*.mako")]
        assert len(files) > 20
        assert [path for path in files if silenced.search(path.read_text("utf-8"))] == []


def test_the_runtime_is_read_over_one_coffee(trees: dict[str, Tree]) -> None:
    for tree in trees.values():
        rooms = [*tree.application.rglob("*.py"), *tree.root.rglob("alembic/env.py")]
        rooms = [path for path in rooms if not path.is_relative_to(tree.root / "tests")]
        seeding, migrations, development, testing, admin = (
            [path for path in rooms if path.parent.name == name]
            for name in ("seeding", "migrations", "development", "testing", "admin")
        )
        # The commands serve no requests either.
        development += [path for path in rooms if path.name == "__main__.py"]
        apart = {*seeding, *migrations, *development, *testing, *admin}
        assert 500 < lines({*rooms} - apart) <= 1850  # "about 1,800"
        assert 100 < lines(development) <= 1080  # "about 1,030"
        assert 400 < lines(testing) <= 900  # "about 850"
        assert lines(admin) <= 520
        assert 400 < lines(seeding) <= 560  # "about 550"
        assert 400 < lines(migrations) <= 850  # "about 800"


def lines(files: Iterable[Path]) -> int:
    return sum(bool(line.strip()) for file in files for line in file.read_text("utf-8").split("\n"))


@pytest.mark.parametrize("db_admin", [False, True])
def test_check_knows_the_versions_that_the_editor_asks_for(
    trees: dict[str, Tree], *, db_admin: bool
) -> None:
    [check] = trees["flat_uuid7" if db_admin else "flat_integer"].root.rglob("check.py")
    floors = dict(re.findall(r'"([a-z-]+)": "([\d.]+)",', check.read_text("utf-8")))
    assert floors.pop("fastapi")
    wanted = requirements({"db_admin": db_admin})
    assert [re.sub(r"\[.*\]", "", requirement).split(">=") for requirement in wanted] == [
        list(item) for item in floors.items()
    ]


def test_a_strict_host_stays_clean(template: Path, tmp_path: Path, database_url: str) -> None:
    """The host's own rules, `alembic/` as a folder that ruff takes for a package, a migration."""
    root = make_host("src_package_uv", tmp_path / "shop")
    render(template, root, root)
    [host] = [host for host in HOSTS if host.name == "src_package_uv"]
    add_model(host, root)
    run(
        *("alembic", "revision", "--autogenerate", "-m", "add widgets."),
        cwd=root,
        variables={"DATABASE_URL": database_url},
    )
    [revision] = (root / "alembic/versions").glob("*.py")
    assert "#" not in revision.read_text("utf-8")
    ruff(
        *("check", "--no-cache", "--extend-per-file-ignores"),
        "alembic/**:INP001,alembic/versions/**:D103,src/shop/models/widget.py:D1",
        cwd=root,
    )
    ruff("format", "--check", "--no-cache", cwd=root)
    run(sys.executable, "-m", "mypy", f"--cache-dir={tmp_path / 'mypy'}", cwd=root)
