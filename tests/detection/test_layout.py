"""Free names, and the files around the application."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from detection import Layout, detect

Plant = Callable[[Mapping[str, str | bytes]], Path]

APP = "from fastapi import FastAPI\napp = FastAPI()\n"


def in_package(plant: Plant, *files: str) -> Layout:
    package = {"app/__init__.py": "", "app/main.py": APP}
    [layout] = detect(plant(package | dict.fromkeys(files, ""))).candidates
    return layout


def at_root(plant: Plant, files: Mapping[str, str]) -> Layout:
    [layout] = detect(plant({"main.py": APP, **files}), ".").candidates
    return layout


@pytest.mark.parametrize(
    ("taken", "layer", "new_core", "seed"),
    [
        pytest.param([], "core/database", True, "core/seed.py", id="nothing"),
        pytest.param(["core/__init__.py"], "core/database", False, "core/seed.py", id="core"),
        pytest.param(["core/config.py"], "core/database", False, "core/seed.py", id="namespace"),
        pytest.param(["core.py"], "database", False, "seed.py", id="core_module"),
        pytest.param(["core.pyi"], "database", False, "seed.py", id="core_stub"),
        pytest.param(
            ["core.cpython-311-x86_64-linux-gnu.so"],
            "database",
            False,
            "seed.py",
            id="core_compiled",
        ),
        pytest.param(["core"], "database", False, "seed.py", id="core_file"),
        pytest.param(["Core/x.py"], "database", False, "seed.py", id="core_in_other_case"),
        pytest.param(["core.txt"], "core/database", True, "core/seed.py", id="core_text"),
        pytest.param(
            ["core/database.py"], "core/postgres", False, "core/seed.py", id="database_module"
        ),
        pytest.param(
            ["core/database/x.txt"], "core/postgres", False, "core/seed.py", id="database_folder"
        ),
        pytest.param(
            ["core/database.py", "core/postgres.py", "core/database_layer.py"],
            "core/database_layer_2",
            False,
            "core/seed.py",
            id="all",
        ),
        pytest.param(
            ["core/seed.py"], "core/database", False, "core/seed_database.py", id="seed_module"
        ),
        pytest.param(
            ["core/seed/x.sql"], "core/database", False, "core/seed_database.py", id="seed_folder"
        ),
        pytest.param(
            ["core.py", "database.py", "seed.py"],
            "postgres",
            False,
            "seed_database.py",
            id="beside_core",
        ),
    ],
)
def test_layer_and_seed(
    plant: Plant,
    taken: list[str],
    layer: str,
    new_core: bool,  # noqa: FBT001
    seed: str,
) -> None:
    layout = in_package(plant, *(f"app/{name}" for name in taken))
    assert (layout.layer, layout.new_core, layout.seed) == (layer, new_core, seed)


@pytest.mark.parametrize(
    ("taken", "models"),
    [
        ([], "models"),
        (["models.py"], "tables"),
        (["models/__init__.py"], "tables"),
        (["models/data.json"], "tables"),
        (["Models.py"], "tables"),
        (["models.json"], "models"),
        (["models.py", "tables/x.py", "db_models.pyi"], "database_models"),
    ],
)
def test_models(plant: Plant, taken: list[str], models: str) -> None:
    assert in_package(plant, *(f"app/{name}" for name in taken)).models == models


def test_a_linked_core_is_taken(plant: Plant, tmp_path: Path) -> None:
    root = plant({"app/main.py": APP})
    (root / "app" / "core").symlink_to(tmp_path)
    assert detect(root).candidates[0].layer == "database"


def test_flat_names_do_not_come_before_distributions(plant: Plant) -> None:
    layout = at_root(plant, {"x.py": "import core\nfrom models.zoo import y\n\nimport seed"})
    assert (layout.package, layout.layer, layout.new_core) == ("", "database", False)
    assert (layout.models, layout.seed) == ("tables", "seed_database.py")


def test_names_inside_a_package_hide_nothing(plant: Plant) -> None:
    files = {"app/__init__.py": "", "app/main.py": APP, "app/x.py": "import core\nimport models"}
    [layout] = detect(plant(files)).candidates
    assert (layout.layer, layout.models) == ("core/database", "models")


def test_a_flat_core_of_the_host_is_used(plant: Plant) -> None:
    layout = at_root(plant, {"x.py": "import core.config", "core/config.py": ""})
    assert (layout.layer, layout.new_core) == ("core/database", False)


@pytest.mark.parametrize(
    ("files", "tests", "tests_package"),
    [
        pytest.param({}, "backend/tests/database", False, id="none"),
        pytest.param({"backend/tests/test_x.py": ""}, "backend/tests/database", False, id="home"),
        pytest.param(
            {"backend/tests/__init__.py": "", "backend/tests/unit/tests/test_x.py": ""},
            "backend/tests/database",
            True,
            id="package",
        ),
        pytest.param({"backend/test/test_x.py": ""}, "backend/test/database", False, id="singular"),
        pytest.param(
            {"backend/app/tests/__init__.py": ""}, "backend/app/tests/database", True, id="in_app"
        ),
        pytest.param({"tests/test_x.py": ""}, "tests/database", False, id="root"),
        pytest.param(
            {"tests/test_x.py": "import app.main", "backend/tests/test_y.py": "import that"},
            "tests/database",
            False,
            id="the_ones_that_import_the_application",
        ),
        pytest.param(
            {"backend/tests/test_x.py": "", "backend/tests/database/test_y.py": ""},
            "backend/tests/database_layer",
            False,
            id="taken",
        ),
        pytest.param(
            {"frontend/tests/a.spec.ts": ""}, "backend/tests/database", False, id="not_python"
        ),
    ],
)
def test_tests(plant: Plant, files: dict[str, str], tests: str, tests_package: bool) -> None:  # noqa: FBT001
    backend = {
        "backend/app/main.py": f"{APP}import app.x",
        "backend/app/x.py": "",
        "backend/pyproject.toml": "",
    }
    [layout] = detect(plant(backend | files)).candidates
    assert (layout.tests, layout.tests_package) == (tests, tests_package)


@pytest.mark.parametrize(
    ("files", "home"),
    [
        pytest.param(["backend/app/pyproject.toml"], "backend/app", id="in_the_package"),
        pytest.param(["backend/pyproject.toml", "pyproject.toml"], "backend", id="nearest"),
        pytest.param(["backend/requirements-dev.txt"], "backend", id="requirements"),
        pytest.param(["backend/requirements/base.txt"], "backend", id="requirements_folder"),
        pytest.param(["backend/Pipfile"], "backend", id="pipfile"),
        pytest.param(["backend/setup.py"], "backend", id="setup_py"),
        pytest.param(["backend/setup.cfg", "pyproject.toml"], ".", id="setup_cfg_of_tools"),
        pytest.param([], "backend", id="import_root"),
    ],
)
def test_home(plant: Plant, files: list[str], home: str) -> None:
    app = {"backend/app/main.py": f"{APP}import app.x", "backend/app/x.py": ""}
    [layout] = detect(plant(app | dict.fromkeys(files, ""))).candidates
    assert layout.home == home
    prefix = "" if home == "." else f"{home}/"
    assert (layout.alembic, layout.alembic_ini) == (f"{prefix}alembic", f"{prefix}alembic.ini")


def test_the_home_of_a_src_layout_is_the_folder_around_it(plant: Plant) -> None:
    root = plant({"api/src/shop/__init__.py": "", "api/src/shop/main.py": APP})
    assert detect(root).candidates[0].home == "api"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param([], {}, id="nothing"),
        pytest.param(
            ["docs/database.md", "compose.database.yaml", "backend/alembic/x"],
            {
                "docs": "docs/database-layer.md",
                "compose": "compose.database-layer.yaml",
                "alembic": "backend/migrations",
            },
            id="taken",
        ),
        pytest.param(
            ["docker-compose.yml", "docker-compose.yaml", "backend/compose.yaml"],
            {"compose_file": "docker-compose.yml"},
            id="compose_at_the_root",
        ),
        pytest.param(
            ["backend/compose.yml", "backend/docker-compose.yaml"],
            {
                "compose_file": "backend/compose.yml",
                "compose": "backend/compose.database.yaml",
            },
            id="compose_at_home",
        ),
        pytest.param(
            ["docker-compose.prod.yml", "docker-compose.override.yml", "compose.dev.yaml"],
            {},
            id="variants_of_compose",
        ),
        pytest.param(
            [".env.example", "backend/.env.dist"],
            {"env_example": "backend/.env.dist", "new_env_example": False},
            id="example_at_home",
        ),
        pytest.param(
            ["sample.env", "backend/.env"],
            {"env_example": "sample.env", "new_env_example": False},
            id="example_at_the_root",
        ),
        pytest.param([".env"], {"env_example": ".env.example"}, id="environment_at_the_root"),
    ],
)
def test_surroundings(plant: Plant, files: list[str], expected: dict[str, object]) -> None:
    backend = {
        "backend/app/main.py": f"{APP}import app.x",
        "backend/app/x.py": "",
        "backend/pyproject.toml": "",
    }
    [layout] = detect(plant(backend | dict.fromkeys(files, ""))).candidates
    usual = {
        "docs": "docs/database.md",
        "compose": "compose.database.yaml",
        "compose_file": "",
        "env_example": "backend/.env.example",
        "new_env_example": True,
        "alembic": "backend/alembic",
    }
    assert {name: getattr(layout, name) for name in usual} == usual | expected


def test_monorepo(plant: Plant) -> None:
    services = {
        f"services/{name}/{file}": content
        for name in ("one", "two")
        for file, content in {
            "app/main.py": APP,
            "app/config.py": "from pydantic_settings import BaseSettings as B\nclass S(B): ...",
            "requirements.txt": "fastapi",
            "tests/test_x.py": "from app.main import app",
        }.items()
    }
    root = plant(services | {"pyproject.toml": "[project]\nname = ''"})
    one, two = detect(root).candidates
    assert two == detect(root, "services/two/app").candidates[0]
    assert one.settings_modules == ("services/one/app/config.py",)
    assert (two.project_name, two.home, two.docs, two.tests) == (
        "two",
        "services/two",
        "services/two/docs/database.md",
        "services/two/tests/database",
    )


def test_a_tool_beside_the_application_makes_no_monorepo(plant: Plant) -> None:
    root = plant(
        {
            "backend/app/__init__.py": "",
            "backend/app/main.py": APP,
            "backend/pyproject.toml": "",
            "tools/mock.py": APP,
        }
    )
    layout = detect(root).candidates[0]
    assert (layout.docs, layout.project_name) == ("docs/database.md", "sandwich-bar")


def test_services_that_share_an_import_root_keep_their_files(plant: Plant) -> None:
    config = "from pydantic_settings import BaseSettings\nclass S(BaseSettings): ..."
    root = plant(
        {
            "one/main.py": f"{APP}import one.config",
            "one/config.py": config,
            "one/requirements.txt": "",
            "two/main.py": f"{APP}import two.config",
            "two/config.py": config,
            "two/requirements.txt": "",
            "two/tests/test_x.py": "import one.main, two.main",
        }
    )
    one, two = detect(root).candidates
    assert (one.settings_modules, one.tests) == (("one/config.py",), "one/tests/database")
    assert (two.settings_modules, two.tests) == (("two/config.py",), "two/tests/database")


def test_settings(plant: Plant) -> None:
    base = "from pydantic_settings import BaseSettings as B\n"
    root = plant(
        {
            "src/shop/__init__.py": "",
            "src/shop/main.py": APP,
            "src/shop/config.py": f"{base}class Settings(B): ...",
            "src/shop/dotted.py": "import pydantic_settings as p\nclass S(p.BaseSettings): ...",
            "src/shop/broken.py": "class S(BaseSettings):\n  (",
            "src/shop/other.py": f"{base}x: B",
            "src/tests/test_x.py": f"{base}class Settings(B): ...",
            "deploy/config.py": f"{base}class Settings(B): ...",
        }
    )
    assert detect(root).candidates[0].settings_modules == (
        "src/shop/broken.py",
        "src/shop/config.py",
        "src/shop/dotted.py",
    )


@pytest.mark.parametrize(
    ("pyproject", "name"),
    [
        ("[project]\nname = 'shop'", "shop"),
        ("[tool.poetry]\nname = 'shop'", "shop"),
        ("[project]\nname = ''", "sandwich-bar"),
        ("[project]\nname = 3", "sandwich-bar"),
        ("project = 3", "sandwich-bar"),
        ("[project\n", "sandwich-bar"),
    ],
)
def test_project_name(plant: Plant, pyproject: str, name: str) -> None:
    assert at_root(plant, {"pyproject.toml": pyproject}).project_name == name


def test_answers_are_json_and_named_like_the_questions(plant: Plant) -> None:
    layout = in_package(plant)
    answers = layout.as_answers()
    assert json.loads(json.dumps(answers)) == answers
    names = {f"db_{field.name}" for field in fields(Layout)} - {"db_project_name"}
    assert set(answers) == names | {"project_name"}
    assert (answers["db_app_dir"], answers["db_settings_modules"]) == ("app", [])


def test_blanks_and_other_letters_in_paths(plant: Plant) -> None:
    root = plant({"meine Küche/app/main.py": f"{APP}import app.x", "meine Küche/app/x.py": ""})
    layout = detect(root).candidates[0]
    assert (layout.app_dir, layout.import_root) == ("meine Küche/app", "meine Küche")
