"""`fastapi dev` starts a project with the layer as it started the host before."""

import os
import signal
import subprocess
import sysconfig
import time
from pathlib import Path

import httpx
import pytest

from host_manifest import HOSTS, Host
from layering import environment, free_port, layer, make_host, make_venv

SHAPES = ("backend_frontend", "flat_main_crlf", "src_package_uv")
CHOSEN = [host for host in HOSTS if host.name in SHAPES]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python with the command, which brings uvloop: not for the other tests."""
    folder = tmp_path_factory.mktemp("fastapi") / "venv"
    python = make_venv(folder, "fastapi-cli")
    [libraries] = folder.glob("lib/python*/site-packages")
    (libraries / "ours.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    return python


@pytest.mark.parametrize("host", CHOSEN, ids=lambda host: host.name)
def test_it_starts(host: Host, template: Path, python: Path, tmp_path: Path) -> None:
    root = make_host(host.folder, tmp_path / "shop")
    layer(template, root)
    port, log = free_port(), tmp_path / "log"
    command = [
        str(python),
        "-m",
        "fastapi",
        "dev",
        str(Path(host.app_module).relative_to(host.import_root)),
    ]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=root / host.import_root,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as server,
    ):
        try:
            status = first_status(server, f"http://127.0.0.1:{port}/health/database")
        finally:
            os.killpg(server.pid, signal.SIGKILL)
    # There is no database, and the layer says so.
    assert status == 503, log.read_text("utf-8")


def first_status(server: subprocess.Popen[bytes], url: str) -> int:
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        try:
            return httpx.get(url).status_code
        except httpx.TransportError:
            time.sleep(0.1)
    return 0
