"""A rendered project on this process' path, and the layer imported from it."""

import asyncio
import os
import sys
import sysconfig
import venv
import warnings
from collections.abc import Coroutine, Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

import layering
import tcp_proxy
from rendering import Tree, render, write
from runtime.application import ENDPOINTS, KEYED, REPOSITORY, TICKETS, Respond, Run, Server, Work

with warnings.catch_warnings():
    # It would rather have httpx2, which FastAPI does not bring yet.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail each test that printed or logged the password of the database.

    That of a server of one's own is not looked for: it may be a word such as `postgres`.
    """
    report = yield
    if call.when == "teardown" and "TEST_DATABASE_URL" not in os.environ:
        password = urlsplit(str(item.funcargs.get("postgres_url", ""))).password
        if password and password in report.capstdout + report.capstderr + report.caplog:
            report.outcome = "failed"
            report.longrepr = "The password of the database was shown"
    return report


@pytest.fixture(scope="session")
def project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """Two folders deep, with models in all the places where one is found."""
    root = write(tmp_path_factory.mktemp("layered") / "repository", REPOSITORY)
    tree = render(template, root, root)
    write(
        tree.application,
        {
            "api.py": ENDPOINTS,
            "models/tickets.py": TICKETS,
            # Without an __init__.py in either folder.
            "models/sub/package/x.py": KEYED.format(name="Deep", table="deep"),
            "orders/models.py": KEYED.format(name="Order", table="orders"),
            "billing/models/__init__.py": KEYED.format(name="Bill", table="bills"),
            "forms/models.py": "raise RuntimeError\n",
            "tests/models.py": "raise RuntimeError\n",
            "venv/pyvenv.cfg": "",
            "venv/lib/models.py": "raise RuntimeError\n",
            ".venv/lib/python3.11/site-packages/django/models.py": "raise RuntimeError\n",
        },
    )
    sys.path.insert(0, str(tree.import_root))
    yield tree
    sys.path.remove(str(tree.import_root))


@pytest.fixture(scope="module")
def rendered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Return a project that is on nobody's path, to be copied."""
    root = write(tmp_path_factory.mktemp("rendered") / "repository", REPOSITORY)
    return render(template, root, root)


@pytest.fixture
def _uuids_of_the_server(postgres_url: str) -> None:
    [version] = Server(postgres_url).ask("SELECT current_setting('server_version_num')::int")
    if version < 180000:
        pytest.skip("uuidv7() needs PostgreSQL 18, and TEST_DATABASE_URL leads to an older one")


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python with the libraries of this one and no programs beside it."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder)
    python = folder / "bin/python"
    done = layering.run(python, "-c", "import site; print(*site.getsitepackages())", cwd=folder)
    link = Path(done.stdout.strip()) / "libraries.pth"
    link.write_text(sysconfig.get_path("purelib"), "utf-8")
    return python


@pytest.fixture
def layer(project: Tree, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the front door of the layer, without any variable of this machine."""
    assert project.application.name == "layered"
    settings = import_module("layered.core.database.settings")
    for field in settings.DatabaseSettings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    for name in ("ENVIRONMENT", "APP_ENV", "ENV"):
        monkeypatch.delenv(name, raising=False)
    return import_module("layered.core.database")


@pytest.fixture
def run(layer: Any) -> Run:
    """Return a function that runs a coroutine in a loop of its own and closes its connections."""
    dispose_engines = import_module(f"{layer.__name__}.engine").dispose_engines

    async def closing(work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        finally:
            await dispose_engines()

    return lambda work: asyncio.run(closing(work))


@pytest.fixture
def database(layer: Any, run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of the database of the layer, which has its tables."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    run(layer.init_db())
    return database_url


@pytest.fixture
def proxy(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tcp_proxy.Proxy]:
    """Return a proxy that stands between the layer and its database."""
    server = urlsplit(database)
    with tcp_proxy.running(str(server.hostname), server.port or 5432) as proxy:
        monkeypatch.setenv("DATABASE_URL", proxy.url(database))
        yield proxy


@pytest.fixture
def app(layer: Any) -> FastAPI:
    app = FastAPI()
    layer.setup_database(app)
    app.include_router(import_module("layered.api").router)
    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def respond(app: FastAPI, client: TestClient) -> Respond:
    """Return a function that runs `work(session)` in a request and returns the response.

    The request goes to one of the last two of ENDPOINTS: `/work` or `/reading`.
    """

    def respond(work: Work, path: str = "/work") -> httpx.Response:
        app.state.work = work
        response: httpx.Response = client.post(path)
        return response

    return respond


@pytest.fixture
def server(database: str) -> Server:
    return Server(database)
