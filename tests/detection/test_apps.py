"""Which files build the application, and which only look like it."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from detection import Layout, detect

Plant = Callable[[Mapping[str, str | bytes]], Path]

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
FACTORY = "from fastapi import FastAPI\ndef create():\n    app = FastAPI()\n    return app\n"


def only(root: Path) -> Layout:
    [layout] = detect(root).candidates
    return layout


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(APP, id="plain"),
        pytest.param(FACTORY, id="factory"),
        pytest.param("from fastapi import FastAPI as F\napi: F = F()", id="alias"),
        pytest.param("import fastapi\nAPP = fastapi.FastAPI()", id="module"),
        pytest.param("import fastapi as f\napp = f.FastAPI(**{})", id="module_alias"),
        pytest.param("import fastapi.applications\nx = fastapi.applications.FastAPI()", id="deep"),
        pytest.param("from fastapi import *\napp = FastAPI()", id="star"),
        pytest.param("from app.web import *\napp = FastAPI()", id="other_star"),
        pytest.param("from fastapi import FastAPI\napp = wrap(FastAPI())", id="wrapped"),
        pytest.param(
            "from fastapi import FastAPI\nclass App(FastAPI): ...\napp = App()", id="subclass"
        ),
        pytest.param(
            "from fastapi import FastAPI\nclass S:\n\tdef __init__(self):\n\t\tself.app=FastAPI()",
            id="attribute_and_tabs",
        ),
        pytest.param("from fastapi import FastAPI\nif True:\n    app = FastAPI()", id="nested"),
        pytest.param("\ufefffrom fastapi import FastAPI\r\napp = FastAPI()\r\n", id="bom_crlf"),
        pytest.param(
            b"# coding: latin-1\nfrom fastapi import FastAPI\napp = FastAPI(title='caf\xe9')",
            id="latin_1",
        ),
        pytest.param('from fastapi import FastAPI\napp = FastAPI(title="\\d")', id="warning"),
    ],
)
def test_constructions(plant: Plant, source: str | bytes) -> None:
    layout = only(plant({"app/__init__.py": "", "app/web.py": source}))
    assert (layout.app_module, layout.other_apps) == ("app/web.py", ())


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("from fastapi import FastAPI\napp = FastAPI(\n", id="syntax_error"),
        pytest.param(
            "from fastapi import FastAPI\napp = FastAPI()\nx = 'caf\xe9'".encode("latin-1")
        ),
        pytest.param(b"from fastapi import FastAPI\napp = FastAPI()\n\x00", id="null_byte"),
        pytest.param(
            "from fastapi import FastAPI\napp = FastAPI()\n<<<<<<< HEAD\n", id="conflict_marker"
        ),
    ],
)
def test_a_file_that_does_not_parse_is_a_last_resort(plant: Plant, source: str | bytes) -> None:
    root = plant({"app/main.py": source, "app/routes.py": "from app.main import app\n"})
    layout = only(root)
    assert (layout.app_module, layout.package) == ("app/main.py", "app")
    other = plant({"app/server.py": APP})
    assert only(other).app_module == "app/server.py"
    assert only(other).other_apps == ("app/main.py:2",)


def test_the_module_that_constructs_is_found_not_the_one_that_calls_the_factory(
    plant: Plant,
) -> None:
    root = plant(
        {
            "shop/__init__.py": "",
            "shop/web.py": FACTORY,
            "shop/main.py": "from shop.web import create\napp = create()\n",
        }
    )
    assert only(root).app_module == "shop/web.py"


def test_a_subclass_in_another_module(plant: Plant) -> None:
    root = plant(
        {
            "shop/__init__.py": "",
            "shop/base.py": "from fastapi import FastAPI\nclass Application(FastAPI): ...\n",
            "shop/main.py": "from shop.base import Application\napp = Application()\n",
            "shop/other.py": "from tornado.web import Application\nApplication()\n",
        }
    )
    layout = only(root)
    assert (layout.app_module, layout.other_apps) == ("shop/main.py", ())


@pytest.mark.parametrize(
    "name",
    ["main", "app", "server", "api", "asgi", "__main__", "__init__"],
)
def test_entry_like_names_come_first(plant: Plant, name: str) -> None:
    files = {"shop/__init__.py": "", "shop/a.py": APP, f"shop/{name}.py": APP}
    layout = only(plant(files))
    assert layout.app_module == f"shop/{name}.py"
    assert layout.other_apps == ("shop/a.py:2",)


def test_two_applications_in_one_file(plant: Plant) -> None:
    root = plant({"main.py": f"{APP}internal = FastAPI()\n"})
    assert only(root).other_apps == ("main.py:3",)


@pytest.mark.parametrize(
    "mount",
    [
        pytest.param("app.mount('/a', admin)", id="position"),
        pytest.param("app.mount(path='/a', app=admin)", id="keyword"),
    ],
)
def test_a_mounted_application_in_the_same_file(plant: Plant, mount: str) -> None:
    root = plant({"main.py": f"{APP}admin = FastAPI()\n{mount}\n"})
    assert only(root).other_apps == ()


@pytest.mark.parametrize(
    "wiring",
    [
        pytest.param("from app.admin import app as a\napp.mount('/a', a)", id="variable"),
        pytest.param("from app import admin\napp.mount('/a', admin.app)", id="module"),
        pytest.param("import app.admin\nx.mount('/a', app.admin.app)", id="dotted"),
        pytest.param("from .admin import app as a\napp.mount('/a', a)", id="relative"),
        pytest.param("from app.admin import create\napp.mount('/a', create())", id="factory"),
        pytest.param("from app.admin import create\nsub = create()\nx.mount('', sub)", id="result"),
    ],
)
def test_an_application_that_another_module_mounts(plant: Plant, wiring: str) -> None:
    root = plant(
        {
            "app/__init__.py": "",
            "app/zebra.py": APP,
            "app/admin.py": FACTORY if "create" in wiring else APP,
            "app/wiring.py": f"from app.zebra import app\n{wiring}\n",
        }
    )
    layout = only(root)
    assert (layout.app_module, layout.other_apps) == ("app/zebra.py", ())


def test_a_mount_means_the_nearest_module_of_that_name(plant: Plant) -> None:
    files: dict[str, str] = {}
    for service in ("one", "two"):
        files[f"{service}/requirements.txt"] = "fastapi\n"
        files[f"{service}/app/main.py"] = APP
    files["one/app/main.py"] = f"{APP}from app.sub import app as sub\napp.mount('/', sub)\n"
    files["one/app/sub.py"] = APP
    files["two/app/sub.py"] = APP
    one, two = detect(plant(files)).candidates
    assert (one.other_apps, two.other_apps) == ((), ("two/app/sub.py:2",))


def test_an_application_that_starlette_mounts_is_the_application(plant: Plant) -> None:
    outer = "from starlette.applications import Starlette\nouter = Starlette()\n"
    root = plant({"a.py": APP, "main.py": f"{outer}{APP}outer.mount('/', app)\n"})
    assert only(root).app_module == "main.py"


def test_a_mounted_application_is_better_than_none(plant: Plant) -> None:
    root = plant({"app/admin.py": f"{APP}site.mount('/', app)\n"})
    assert only(root).app_module == "app/admin.py"


@pytest.mark.parametrize(
    "helper",
    [
        pytest.param(f"{APP}print(app.openapi())", id="module"),
        pytest.param(
            "from fastapi import FastAPI\ndef f():\n    a = FastAPI()\n    return str(a.openapi())",
            id="function",
        ),
    ],
)
def test_an_application_built_for_its_schema(plant: Plant, helper: str) -> None:
    layout = only(plant({"app/zebra.py": APP, "app/schema.py": helper}))
    assert (layout.app_module, layout.other_apps) == ("app/zebra.py", ())


def test_an_application_that_prints_its_schema_on_the_side(plant: Plant) -> None:
    root = plant({"app/main.py": f"{APP}print(app.openapi())", "app/zebra.py": APP})
    assert only(root).app_module == "app/main.py"


def test_an_application_that_an_object_keeps(plant: Plant) -> None:
    kept = "from fastapi import FastAPI\nclass S:\n    def f(self):\n        self.a = FastAPI()\n"
    root = plant({"app/main.py": kept, "app/zebra.py": APP})
    assert only(root).app_module == "app/main.py"


def test_an_application_that_never_leaves_its_function_comes_later(plant: Plant) -> None:
    local = "from fastapi import FastAPI\ndef serve():\n    app = FastAPI()\n    run(app)\n"
    root = plant({"app/main.py": local, "app/zebra.py": APP})
    assert only(root).app_module == "app/zebra.py"


@pytest.mark.parametrize(
    "decoy",
    [
        "tests/main.py",
        "app/tests/main.py",
        "app/test_main.py",
        "app/conftest.py",
        "docs/main.py",
        "docs_src/first/main.py",
        "examples/main.py",
        "scripts/main.py",
        "benchmarks/main.py",
        "{{cookiecutter.name}}/main.py",
        ".venv/lib/main.py",
        "venv/main.py",
        "myenv/lib/main.py",
        "node_modules/x/main.py",
        "build/lib/main.py",
        ".tox/main.py",
        "lib/site-packages/main.py",
    ],
)
def test_decoys(plant: Plant, decoy: str) -> None:
    root = plant({"app/zebra.py": APP, decoy: APP, "myenv/pyvenv.cfg": ""})
    layout = only(root)
    assert (layout.app_module, layout.other_apps) == ("app/zebra.py", ())


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("# from fastapi import FastAPI; app = FastAPI()", id="comment"),
        pytest.param('"""from fastapi import FastAPI\napp = FastAPI()"""', id="string"),
        pytest.param("from fastapi import FastAPI\ndef f(app: FastAPI): ...", id="annotation"),
        pytest.param("from other import Api\nFastAPI = Api", id="no_call"),
        pytest.param("from other import FastAPI as F\nFastAPI(", id="broken_and_not_ours"),
    ],
)
def test_what_is_no_application(plant: Plant, source: str) -> None:
    layout = only(plant({"app/main.py": source, "app/zebra.py": APP}))
    assert (layout.app_module, layout.other_apps) == ("app/zebra.py", ())


def test_a_large_file_is_not_read(plant: Plant) -> None:
    root = plant({"app/main.py": APP + "#" * 2**20, "app/zebra.py": APP})
    assert only(root).other_apps == ()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_read(plant: Plant) -> None:
    root = plant({"app/zebra.py": APP})
    os.mkfifo(root / "app" / "main.py")
    assert only(root).app_module == "app/zebra.py"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text_are_passed_by(plant: Plant) -> None:
    root = plant({"app/zebra.py": APP, "a\nb/main.py": APP, "app/x\n.py": APP})
    for name in (b"caf\xe9", b"caf\xe9.py"):
        (root / os.fsdecode(name)).mkdir()
    (root / os.fsdecode(b"caf\xe9") / "main.py").write_text(APP)
    (root / "app" / os.fsdecode(b"caf\xe9.py")).write_text(APP)
    layout = only(root)
    assert (layout.app_module, layout.other_apps) == ("app/zebra.py", ())


def test_links_are_not_followed(plant: Plant, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "main.py").write_text(APP)
    root = plant({"app/zebra.py": APP})
    (root / "linked").symlink_to(outside)
    (root / "app" / "main.py").symlink_to(outside / "main.py")
    layout = only(root)
    assert (layout.app_module, layout.other_apps) == ("app/zebra.py", ())


def test_a_linked_module_is_found_where_it_really_is(plant: Plant) -> None:
    root = plant({"app/real.py": APP})
    (root / "app" / "main.py").symlink_to("real.py")
    assert only(root).app_module == "app/real.py"


def test_a_monorepo_has_several_candidates(plant: Plant) -> None:
    root = plant(
        {
            "services/users-api/app/main.py": APP,
            "services/users-api/requirements.txt": "fastapi\n",
            "services/orders/main.py": f"{APP}import prices\n",
            "services/orders/prices.py": "",
            "services/orders/requirements.txt": "fastapi\n",
        }
    )
    candidates = detect(root).candidates
    assert [layout.app_dir for layout in candidates] == [
        "services/orders",
        "services/users-api/app",
    ]
    assert [layout.package for layout in candidates] == ["", "app"]
