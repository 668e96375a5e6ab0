import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import postgres
from layering import make_template, make_venv
from updating import second_release

SERVER_URL = pytest.StashKey[str]()


def server_url(config: pytest.Config) -> str:
    """Start the server when the first test needs it, or when there are workers: for all of them."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        return url
    if workerinput := getattr(config, "workerinput", None):
        return str(workerinput["postgres_url"])
    if SERVER_URL not in config.stash:
        stack = ExitStack()
        config.stash[SERVER_URL] = stack.enter_context(postgres.running()).url()
        config.add_cleanup(stack.close)
    return config.stash[SERVER_URL]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    try:
        node.workerinput["postgres_url"] = server_url(node.config)
    except postgres.ServerNotStartedError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> str:
    """URL of the maintenance database."""
    return server_url(pytestconfig)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the working tree as a released template."""
    return make_template(tmp_path_factory.mktemp("template") / "copier-fastapi-database")


@pytest.fixture(scope="session")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a template of two releases: the working tree, and one that comes after it."""
    return second_release(template, tmp_path_factory.mktemp("releases") / "template")


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """URL of an empty database that nobody else uses."""
    name = f"test_{uuid4().hex}"
    postgres.create_database(postgres_url, name)
    yield postgres.database_url(postgres_url, name)
    postgres.drop_database(postgres_url, name)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that the account can reach which runs PostgreSQL for root."""
    folder = Path(tempfile.mkdtemp(prefix="open-", dir=postgres.temporary_folder()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def bare_copier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a `copier` beside which no library of the editor is installed."""
    return make_venv(tmp_path_factory.mktemp("bare") / "venv", "copier").parent


@pytest.fixture(scope="session")
def path_without_uv(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder of links: git, and what it calls, may lie beside uv."""
    tools = tmp_path_factory.mktemp("tools")
    for folder in map(Path, os.environ["PATH"].split(os.pathsep)):
        for tool in folder.iterdir() if folder.is_dir() else ():
            if tool.name not in {"uv", "uvx"} and not (tools / tool.name).is_symlink():
                (tools / tool.name).symlink_to(tool)
    return str(tools)
