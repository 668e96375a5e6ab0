"""Where dependencies are declared, and how the lock file follows."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from detection import detect

Plant = Callable[[Mapping[str, str | bytes]], Path]

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
PROJECT = "[project]\nname = 'x'\ndependencies = ['fastapi[standard]>=0.121']\n"
BUILT = f"{PROJECT}[build-system]\n"
EMPTY = "[project]\nname = 'x'\n"
TOOLS = "[tool.ruff]\nline-length = 90\n"
DYNAMIC = "[project]\nname = 'x'\ndynamic = ['dependencies']\n"


@pytest.mark.parametrize(
    ("files", "dependency_file", "lock_command"),
    [
        pytest.param({}, "", "", id="none"),
        pytest.param({"pyproject.toml": PROJECT}, "pyproject.toml", "", id="pep_621"),
        pytest.param(
            {"pyproject.toml": f"{BUILT}requires = []"},
            "pyproject.toml",
            "pip install -e .",
            id="build_system",
        ),
        pytest.param(
            {"pyproject.toml": f"{BUILT}[dependency-groups]\nlint = []\ndev = []"},
            "pyproject.toml",
            "pip install -e . --group dev",
            id="group",
        ),
        pytest.param(
            {"pyproject.toml": f"{BUILT}[project.optional-dependencies]\ntest = []"},
            "pyproject.toml",
            "pip install -e '.[test]'",
            id="extra",
        ),
        pytest.param(
            {"pyproject.toml": f"{BUILT}[tool.hatch.envs.x]"},
            "pyproject.toml",
            "",
            id="hatch",
        ),
        pytest.param(
            {"pyproject.toml": PROJECT, "uv.lock": ""}, "pyproject.toml", "uv sync", id="uv_lock"
        ),
        pytest.param(
            {"pyproject.toml": f"{PROJECT}[tool.uv]"}, "pyproject.toml", "uv sync", id="uv_table"
        ),
        pytest.param(
            {"pyproject.toml": f"{PROJECT}[tool.uv]", "poetry.lock": ""},
            "pyproject.toml",
            "uv sync",
            id="two_tools",
        ),
        pytest.param(
            {"pyproject.toml": "[tool.poetry.dependencies]\npython = '^3.11'\nfastapi = '*'"},
            "pyproject.toml",
            "poetry lock && poetry install",
            id="poetry",
        ),
        pytest.param(
            {"pyproject.toml": f"{PROJECT}[tool.pdm]"},
            "pyproject.toml",
            "pdm lock && pdm sync",
            id="pdm",
        ),
        pytest.param(
            {"Pipfile": "[packages]\nfastapi = '*'"}, "Pipfile", "pipenv install --dev", id="pipenv"
        ),
        pytest.param(
            {"requirements.txt": "uvicorn\nFastAPI==0.121\n", "pyproject.toml": TOOLS},
            "requirements.txt",
            "pip install -r requirements.txt",
            id="requirements_beside_tool_tables",
        ),
        pytest.param(
            {"requirements.txt": "\ufefffastapi\n".encode("utf-16")},
            "requirements.txt",
            "pip install -r requirements.txt",
            id="utf_16",
        ),
        pytest.param(
            {"requirements.txt": "fastapi-users\n", "pyproject.toml": PROJECT},
            "pyproject.toml",
            "",
            id="another_distribution",
        ),
        pytest.param(
            {
                "requirements.txt": "-r requirements/prod.txt\n",
                "requirements/prod.txt": "-r ../requirements/base.txt",
                "requirements/base.txt": "fastapi",
            },
            "requirements/base.txt",
            "pip install -r requirements/base.txt",
            id="includes",
        ),
        pytest.param(
            {"reqs/dev.txt": "-r prod.txt\npytest", "reqs/prod.txt": "fastapi==0.130.0"},
            "reqs/prod.txt",
            "pip install -r reqs/prod.txt",
            id="folder_of_another_name",
        ),
        pytest.param(
            {"requirements.txt": "-r requirements.txt\n-r /etc/fstab\n-r ../../x\n"},
            "requirements.txt",
            "pip install -r requirements.txt",
            id="includes_that_lead_nowhere",
        ),
        pytest.param(
            {"requirements-dev.txt": "fastapi", "requirements.txt": "fastapi"},
            "requirements.txt",
            "pip install -r requirements.txt",
            id="production_first",
        ),
        pytest.param(
            {"requirements/dev.txt": "fastapi", "requirements/live.txt": "fastapi"},
            "requirements/live.txt",
            "pip install -r requirements/live.txt",
            id="production_first_in_a_folder",
        ),
        pytest.param(
            {
                "requirements.in": "fastapi",
                "requirements.txt": "#    pip-compile requirements.in\nfastapi==0.121.0 \\\n",
            },
            "requirements.in",
            "pip-compile requirements.in -o requirements.txt",
            id="pip_compile",
        ),
        pytest.param(
            {
                "requirements/base.in": "fastapi",
                "requirements/base.txt": "#    uv pip compile requirements/base.in -o requirements/"
                "base.txt\nfastapi==0.121.0\n",
            },
            "requirements/base.in",
            "uv pip compile requirements/base.in -o requirements/base.txt",
            id="uv_pip_compile",
        ),
        pytest.param(
            {"pyproject.toml": PROJECT, "requirements.txt": "#  pip-compile\nfastapi==0.121.0"},
            "pyproject.toml",
            "",
            id="two_files",
        ),
        pytest.param(
            {
                "pyproject.toml": f"{DYNAMIC}[tool.setuptools.dynamic]\n"
                "dependencies = {file = 'deps/run.txt'}",
                "deps/run.txt": "fastapi",
            },
            "deps/run.txt",
            "pip install -r deps/run.txt",
            id="setuptools_dynamic",
        ),
        pytest.param(
            {
                "pyproject.toml": f"{DYNAMIC}[tool.hatch.metadata.hooks.requirements_txt]\n"
                "files = ['run.txt']",
                "run.txt": "fastapi",
            },
            "run.txt",
            "pip install -r run.txt",
            id="hatch_dynamic",
        ),
        pytest.param(
            {"pyproject.toml": TOOLS, "requirements.txt": "uvicorn"},
            "requirements.txt",
            "pip install -r requirements.txt",
            id="fastapi_is_transitive",
        ),
        pytest.param(
            {
                "pyproject.toml": f"{EMPTY}[project.optional-dependencies]\nweb = ['fastapi']",
                "Pipfile": "",
            },
            "pyproject.toml",
            "",
            id="fastapi_is_an_extra",
        ),
        pytest.param({"pyproject.toml": "[project"}, "pyproject.toml", "", id="invalid"),
        pytest.param(
            {"setup.py": "setup(install_requires=['fastapi'])"},
            "setup.py",
            "pip install -e .",
            id="setup_py",
        ),
        pytest.param(
            {"app/requirements.txt": "uvicorn", "requirements.txt": "fastapi"},
            "requirements.txt",
            "pip install -r ../requirements.txt",
            id="declared_above_home",
        ),
        pytest.param(
            {
                "app/requirements.txt": "uvicorn",
                "pyproject.toml": f"{BUILT}[dependency-groups]\ntests = []",
            },
            "pyproject.toml",
            "pip install -e .. --group ../pyproject.toml:tests",
            id="group_above_home",
        ),
        pytest.param(
            {"app/pyproject.toml": PROJECT, "uv.lock": ""},
            "app/pyproject.toml",
            "uv sync",
            id="workspace",
        ),
    ],
)
def test_dependency_file(
    plant: Plant, files: dict[str, str | bytes], dependency_file: str, lock_command: str
) -> None:
    root = plant({"app/__init__.py": "", "app/main.py": APP, **files})
    [layout] = detect(root).candidates
    assert (layout.dependency_file, layout.lock_command) == (dependency_file, lock_command)


def test_a_link_out_of_the_repository_is_not_read(plant: Plant, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("fastapi")
    root = plant({"app/main.py": APP, "requirements/base.txt": "fastapi"})
    (root / "requirements.txt").symlink_to(outside)
    assert detect(root).candidates[0].dependency_file == "requirements/base.txt"


def test_a_path_out_of_the_repository_is_not_read(plant: Plant, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("fastapi")
    root = plant({"app/main.py": APP, "requirements.txt": f"-r {outside}\n-r ../outside.txt"})
    assert detect(root).candidates[0].dependency_file == "requirements.txt"


def test_a_link_inside_the_repository_is_read(plant: Plant) -> None:
    root = plant({"app/main.py": APP, "requirements/base.txt": "fastapi"})
    (root / "requirements.txt").symlink_to("requirements/base.txt")
    assert detect(root).candidates[0].dependency_file == "requirements.txt"
