"""A host in use: its own tests, its revisions, and its application with routes of ours."""

import re
import sys
from pathlib import Path

import httpx

from host_manifest import Host
from layering import add_model, answers, dotted, run

# Routes in front of all others, as routes of the host that no catch-all shadows.
PROBE = """
from datetime import datetime

from fastapi import APIRouter
from sqlalchemy import select

from {layer} import ReadSessionDep, SessionDep
from {models}.widget import Widget
from {asgi_module} import {asgi_name}

app = {asgi_name}{call}
router = APIRouter()


@router.post("/probe/widgets", status_code=201)
async def create(name: str, session: SessionDep) -> datetime:
    widget = Widget(name=name)
    session.add(widget)
    await session.flush()
    return widget.created_at


@router.get("/probe/widgets")
async def names(session: ReadSessionDep) -> list[str]:
    return list(await session.scalars(select(Widget.name).order_by(Widget.name)))


app.router.routes[0:0] = router.routes
"""


def own_tests(host: Host, root: Path, *tests: Path, **variables: str) -> str:
    """Run the host's own tests, the layer's among them, and return pytest's last line."""
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    done = run(*command, *tests, cwd=root / host.test_cwd, variables=variables)
    return done.stdout.splitlines()[-1]


def passed(summary: str) -> int:
    found = re.search(r"(\d+) passed", summary)
    assert found, summary
    return int(found[1])


def add_widgets(host: Host, root: Path, database_url: str) -> None:
    """Add a model, the revision that creates its table, and routes that use it."""
    found = answers(root)
    home, variables = root / found["db_home"], {"DATABASE_URL": database_url}
    add_model(host, root)
    asgi_module, asgi_name = host.asgi.split(":")
    (root / host.import_root / "probe_app.py").write_text(
        PROBE.format(
            layer=dotted(host, found["db_layer"]),
            models=dotted(host, found["db_models"]),
            asgi_module=asgi_module,
            asgi_name=asgi_name,
            call="()" if host.factory else "",
        ),
        encoding="utf-8",
    )
    run("alembic", "revision", "--autogenerate", "-m", "add widgets", cwd=home, variables=variables)
    [revision] = (root / found["db_alembic"] / "versions").glob("*.py")
    assert re.search(r"op\.create_table\(\s*[\"']widgets[\"']", revision.read_text())
    run("alembic", "upgrade", "head", cwd=home, variables=variables)


def seed(host: Host, root: Path, database_url: str) -> str:
    """Run the seed, and return its report."""
    module = dotted(host, answers(root)["db_seed"].removesuffix(".py"))
    return run(
        *(sys.executable, "-m", module),
        cwd=root / host.import_root,
        variables={"DATABASE_URL": database_url},
    ).stdout


def assert_host_works(host: Host, client: httpx.Client) -> None:
    response = client.get(host.sample_path, headers=dict(host.sample_headers))
    assert response.status_code == 200, response.text
    assert host.sample_body_contains in response.text
