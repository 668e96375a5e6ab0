"""Folder, import root and package: from markers, and from how modules import each other."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from detection import Refusal, detect

Plant = Callable[[Mapping[str, str | bytes]], Path]

APP = "from fastapi import FastAPI\napp = FastAPI()\n"


def place(root: Path, app_dir: str | None = None) -> tuple[str, str, str]:
    layout = detect(root, app_dir).candidates[0]
    return layout.app_dir, layout.import_root, layout.package


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {
                "backend/app/main.py": f"{APP}from app.routers import x",
                "backend/app/routers.py": "",
            },
            ("backend/app", "backend", "app"),
            id="backend",
        ),
        pytest.param(
            {
                "backend/__init__.py": "",
                "backend/app/__init__.py": "",
                "backend/app/main.py": f"{APP}from backend.app.routers import x",
                "backend/app/routers.py": "",
            },
            ("backend/app", ".", "backend.app"),
            id="backend_as_package",
        ),
        pytest.param(
            {
                "backend/__init__.py": "",
                "backend/app/__init__.py": "",
                "backend/app/main.py": f"{APP}from app.routers import x",
                "backend/app/routers.py": "",
            },
            ("backend/app", "backend", "app"),
            id="imports_beat_markers",
        ),
        pytest.param(
            {"app/__init__.py": "", "app/main.py": APP}, ("app", ".", "app"), id="marker_alone"
        ),
        pytest.param({"app/main.py": APP}, ("app", ".", "app"), id="namespace_alone"),
        pytest.param(
            {"app/main.py": f"{APP}from routers import x", "app/routers.py": ""},
            ("app", "app", ""),
            id="flat_in_a_folder",
        ),
        pytest.param(
            {
                "app/main.py": f"{APP}from api.routes import x\nfrom core import y",
                "app/api/routes.py": "",
                "app/core/y.py": "",
            },
            ("app", "app", ""),
            id="flat_with_folders",
        ),
        pytest.param({"main.py": APP}, (".", ".", ""), id="flat_at_the_root"),
        pytest.param({"backend/main.py": APP}, ("backend", ".", "backend"), id="no_project"),
        pytest.param(
            {"backend/main.py": APP, "backend/requirements.txt": "fastapi"},
            ("backend", "backend", ""),
            id="flat_project",
        ),
        pytest.param(
            {
                "src/shop/__init__.py": "",
                "src/shop/main.py": f"{APP}from shop.x import y",
                "src/shop/x.py": "",
            },
            ("src/shop", "src", "shop"),
            id="src_layout",
        ),
        pytest.param(
            {"src/main.py": f"{APP}from src.x import y", "src/x.py": ""},
            ("src", ".", "src"),
            id="src_as_package",
        ),
        pytest.param(
            {"src/main.py": f"{APP}from x import y", "src/x.py": ""},
            ("src", "src", ""),
            id="src_flat",
        ),
        pytest.param(
            {"src/main.py": APP, "tests/test_a.py": "from src.main import app"},
            ("src", ".", "src"),
            id="src_by_tests",
        ),
        pytest.param(
            {"src/main.py": APP, "tests/test_a.py": "from main import app"},
            ("src", "src", ""),
            id="src_flat_by_tests",
        ),
        pytest.param(
            {"src/main.py": f'{APP}run("main:app")'}, ("src", "src", ""), id="src_flat_by_string"
        ),
        pytest.param({"src/main.py": APP}, ("src", ".", "src"), id="src_without_evidence"),
        pytest.param(
            {"src/main.py": APP, "src/a.py": "from b import c", "src/b.py": ""},
            ("src", "src", ""),
            id="by_neighbours",
        ),
        pytest.param(
            {
                "src/shop/__init__.py": "",
                "src/shop/server/__init__.py": "",
                "src/shop/server/app.py": f"{APP}from shop.config import x",
                "src/shop/config.py": "",
            },
            ("src/shop", "src", "shop"),
            id="sub_package",
        ),
        pytest.param(
            {"shop/server/app.py": f"{APP}from shop.config import x", "shop/config.py": ""},
            ("shop", ".", "shop"),
            id="sub_folder_of_a_namespace",
        ),
        pytest.param(
            {"src/shop/web/api/main.py": f"{APP}from ...config import x", "src/shop/config.py": ""},
            ("src/shop", "src", "shop"),
            id="relative_imports",
        ),
        pytest.param(
            {"app/__init__.py": "", "app/api/__init__.py": "", "app/api/main.py": APP},
            ("app", ".", "app"),
            id="sub_package_by_markers",
        ),
        pytest.param(
            {
                "src/api/main.py": f"{APP}from core.config import x",
                "src/core/config.py": "",
            },
            ("src/api", "src", "api"),
            id="beside_another_package",
        ),
        pytest.param(
            {
                "main.py": f"{APP}from app.routes import x\nimport config",
                "app/routes.py": "",
                "config.py": "",
            },
            ("app", ".", "app"),
            id="main_beside_its_package",
        ),
        pytest.param(
            {
                "main.py": f"{APP}from shop.routes import x",
                "shop/routes.py": "",
                "pyproject.toml": "[project]\nname = 'Shop'",
            },
            ("shop", ".", "shop"),
            id="main_beside_the_named_package",
        ),
        pytest.param(
            {"main.py": f"{APP}from routers import x", "routers/x.py": ""},
            (".", ".", ""),
            id="main_beside_its_routers",
        ),
        pytest.param(
            {
                "main.py": f"{APP}from backend.x import y",
                "backend/x.py": "",
                "backend/pyproject.toml": "",
            },
            (".", ".", ""),
            id="main_beside_a_project",
        ),
        pytest.param(
            {"my-service/main.py": f"{APP}import x", "my-service/x.py": ""},
            ("my-service", "my-service", ""),
            id="hyphen_flat",
        ),
        pytest.param(
            {"my-service/app/main.py": APP}, ("my-service/app", "my-service", "app"), id="hyphen"
        ),
        pytest.param({"class/main.py": APP}, ("class", "class", ""), id="keyword"),
        pytest.param(
            {
                "app/main.py": f"{APP}import logging\nimport app.x",
                "app/x.py": "",
                "app/logging.py": "",
            },
            ("app", ".", "app"),
            id="named_like_the_standard_library",
        ),
        pytest.param(
            {"app/main.py": f"{APP}import logging", "app/logging.py": ""},
            ("app", ".", "app"),
            id="named_like_the_standard_library_without_evidence",
        ),
        pytest.param(
            {"app/main.py": f"{APP}from app import create", "app/app.py": ""},
            ("app", "app", ""),
            id="nothing_comes_out_of_a_namespace",
        ),
        pytest.param(
            {
                "app/main.py": f"{APP}from app import create",
                "app/app.py": "",
                "app/__init__.py": "",
            },
            ("app", ".", "app"),
            id="a_tie_goes_to_the_markers",
        ),
        pytest.param(
            {"app/main.py": f"{APP}import redis", "app/x.py": "", "app/redis/redis.conf": ""},
            ("app", ".", "app"),
            id="a_folder_without_python",
        ),
        pytest.param(
            {
                "app/main.py": b"from x import y\nfrom fastapi import FastAPI\nFastAPI(\n",
                "app/x.py": "",
            },
            ("app", "app", ""),
            id="imports_of_a_broken_file",
        ),
    ],
)
def test_shapes(plant: Plant, files: dict[str, str], expected: tuple[str, str, str]) -> None:
    assert place(plant({"requirements.txt": "fastapi\n", **files})) == expected


SERVICE = {
    "services/billing/app/__init__.py": "",
    "services/billing/app/main.py": f"{APP}from services.billing.app.routes import x",
    "services/billing/app/routes.py": "",
    "services/billing/pyproject.toml": "",
    "services/catalog/app/__init__.py": "",
    "services/catalog/app/main.py": f"{APP}from app.books import x",
    "services/catalog/app/books.py": "",
    "services/catalog/pyproject.toml": "",
}


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({}, id="namespaces"),
        pytest.param(
            {
                "services/__init__.py": "",
                "services/billing/__init__.py": "",
                "services/catalog/__init__.py": "",
            },
            id="markers",
        ),
    ],
)
def test_services_of_a_monorepo(plant: Plant, extra: dict[str, str]) -> None:
    root = plant(SERVICE | extra)
    billing, catalog = detect(root).candidates
    assert (billing.app_dir, billing.import_root, billing.package) == (
        "services/billing/app",
        ".",
        "services.billing.app",
    )
    assert (catalog.app_dir, catalog.import_root, catalog.package) == (
        "services/catalog/app",
        "services/catalog",
        "app",
    )
    assert place(root, "services/catalog/app") == (
        "services/catalog/app",
        "services/catalog",
        "app",
    )


def test_services_without_files_of_their_own(plant: Plant) -> None:
    root = plant(
        {
            "requirements.txt": "fastapi",
            "services/__init__.py": "",
            "services/one/__init__.py": "",
            "services/one/main.py": APP,
            "services/two/__init__.py": "",
            "services/two/main.py": APP,
        }
    )
    assert [layout.package for layout in detect(root).candidates] == [
        "services.one",
        "services.two",
    ]


def test_a_shared_folder_beside_the_services_does_not_move_the_import_root(plant: Plant) -> None:
    shared = {
        "shared/auth.py": "",
        "shared/log.py": "",
        "services/catalog/app/main.py": f"{APP}import shared.auth, shared.log, app.books\n",
    }
    root = plant(SERVICE | shared)
    assert place(root, "services/catalog/app") == (
        "services/catalog/app",
        "services/catalog",
        "app",
    )


def test_a_package_shared_by_services_is_no_application(plant: Plant) -> None:
    shared = {
        "services/shared/auth.py": "",
        "services/billing/app/main.py": f"{APP}from services.shared.auth import x",
    }
    expected = ("services/billing/app", ".", "services.billing.app")
    assert place(plant(SERVICE | shared)) == expected


def test_a_further_application_in_a_sub_package(plant: Plant) -> None:
    root = plant(
        {
            "app/__init__.py": "",
            "app/main.py": APP,
            "app/v2/__init__.py": "",
            "app/v2/main.py": APP,
        }
    )
    [layout] = detect(root).candidates
    assert (layout.app_dir, layout.app_module) == ("app", "app/main.py")
    assert layout.other_apps == ("app/v2/main.py:2",)


def test_the_tests_of_a_sibling_are_no_evidence(plant: Plant) -> None:
    root = plant(
        {
            "one/__init__.py": "",
            "one/app/__init__.py": "",
            "one/app/main.py": APP,
            "one/tests/test_x.py": "",
            "tests/test_two.py": "from app.main import app",
        }
    )
    assert place(root) == ("one/app", ".", "one.app")


def test_a_link_is_no_evidence(plant: Plant, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "client.py").touch()
    root = plant({"app/main.py": f"{APP}import redis"})
    (root / "app" / "redis").symlink_to(tmp_path / "outside")
    assert place(root) == ("app", ".", "app")


def test_inside_a_service_that_is_imported_from_the_repository_above(plant: Plant) -> None:
    root = plant(SERVICE)
    (root / ".git").mkdir()
    billing, catalog = root / "services" / "billing", root / "services" / "catalog"
    assert place(billing) == ("app", "../..", "services.billing.app")
    assert place(billing, "app") == ("app", "../..", "services.billing.app")
    assert place(catalog) == ("app", ".", "app")


def test_a_flat_service_that_is_imported_from_above(plant: Plant) -> None:
    root = plant(
        {
            "services/tax/__init__.py": "",
            "services/tax/main.py": f"{APP}from services.tax.rates import x",
            "services/tax/rates.py": "",
        }
    )
    (root / ".git").mkdir()
    layout = detect(root / "services" / "tax").candidates[0]
    assert (layout.app_dir, layout.import_root, layout.package) == (".", "../..", "services.tax")
    assert (layout.home, layout.alembic_ini) == (".", "alembic.ini")


def test_nothing_above_the_git_repository_is_looked_at(plant: Plant) -> None:
    root = plant(SERVICE)
    billing = root / "services" / "billing"
    (billing / ".git").mkdir()
    assert place(billing) == ("app", ".", "app")


@pytest.mark.parametrize(
    ("app_dir", "expected"),
    [
        ("src/shop", ("src/shop", "src", "shop")),
        ("src/shop/", ("src/shop", "src", "shop")),
        ("./src/shop", ("src/shop", "src", "shop")),
        ("src/shop/web", ("src/shop/web", "src", "shop.web")),
        ("src/orders", ("src/orders", "src", "orders")),
        ("src", ("src", "src", "")),
        ("examples/demo", ("examples/demo", "examples", "demo")),
    ],
)
def test_a_folder_that_was_asked_for(
    plant: Plant, app_dir: str, expected: tuple[str, str, str]
) -> None:
    root = plant(
        {
            "pyproject.toml": "",
            "src/shop/__init__.py": "",
            "src/shop/config.py": "",
            "src/shop/web/main.py": f"{APP}from shop.config import x\nfrom orders import y",
            "src/shop/web/admin.py": f"{APP}site.mount('/', app)",
            "src/orders/__init__.py": "",
            "examples/demo/main.py": APP,
        }
    )
    assert place(root, app_dir) == expected
    [layout] = detect(root, app_dir).candidates
    assert layout.other_apps == ()
    assert layout.app_module == (
        "examples/demo/main.py" if "demo" in app_dir else "src/shop/web/main.py"
    )


NOWHERE = (
    "No FastAPI application was found in {}: expected a module with `FastAPI(...)`, outside of"
    " tests, examples and scripts. backend/app/main.py has one: name its folder with db_app_dir."
)
NO_FOLDER = (
    "db_app_dir is {!r}, {}: expected the folder of the application, relative to the repository,"
    " like backend/app. Correct it, or leave it out to see what is found."
)
NOT_IMPORTED = (
    "db_app_dir is '.', but backend/app/main.py is imported as 'app.main' from 'backend':"
    " expected a folder that can be imported from there. Use 'backend/app'."
)


@pytest.mark.parametrize(
    ("app_dir", "sentence"),
    [
        (".", NOT_IMPORTED),
        ("frontend", NOWHERE.format("frontend")),
        ("backend/seeds", NOWHERE.format("backend/seeds")),
        ("a-b", NOWHERE.format("a-b")),
        *(
            (name, NO_FOLDER.format(name, found))
            for name, found in {
                "backend/app/main.py": "which is a file, a link or a folder that tools fill",
                ".venv/lib": "which is a file, a link or a folder that tools fill",
                "linked": "which is a file, a link or a folder that tools fill",
                "nowhere": "which does not exist",
                "/srv": "an absolute path",
                "../x": "which leads out of the repository",
                "backend/../..": "which leads out of the repository",
            }.items()
        ),
    ],
)
def test_a_folder_that_cannot_be_taken(
    plant: Plant, tmp_path: Path, app_dir: str, sentence: str
) -> None:
    root = plant(
        {
            "backend/app/main.py": f"{APP}from app.x import y",
            "backend/app/x.py": "",
            "backend/pyproject.toml": "",
            "backend/seeds/x.py": "",
            "frontend/main.js": "",
            "a-b/__init__.py": "",
            ".venv/lib/main.py": APP,
        }
    )
    (root / "linked").symlink_to(tmp_path)
    with pytest.raises(Refusal) as refused:
        detect(root, app_dir)
    assert str(refused.value) == sentence


def test_a_package_whose_name_is_no_identifier(plant: Plant) -> None:
    root = plant({"my-app/main.py": f"{APP}from .x import y", "my-app/x.py": ""})
    with pytest.raises(Refusal) as refused:
        detect(root)
    assert str(refused.value) == (
        "my-app/main.py imports its neighbours with '.', but is in no package: expected folders"
        " whose names are Python identifiers; rename them first."
    )
