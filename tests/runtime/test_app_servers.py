"""uvicorn and gunicorn with two processes each, from the first request to the signal to end."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import layering
from rendering import Tree, write
from runtime.application import Server

SERVED = """\
import os

from fastapi import FastAPI

from layered.api import router
from layered.core.database import setup_database

app = FastAPI()
setup_database(app)
app.include_router(router)


@app.get("/worker")
async def worker() -> int:
    return os.getpid()
"""
GUNICORN = ("gunicorn", "--workers", "2", "--preload", "--no-control-socket")
COMMANDS = {
    "uvicorn": ("uvicorn", "--workers", "2", "--port"),
    "gunicorn with uvicorn": (*GUNICORN, "-k", "uvicorn_worker.UvicornWorker", "-b"),
    "gunicorn": (*GUNICORN, "-k", "asgi", "-b"),
}
ENDS: dict[str, Callable[[subprocess.Popen[bytes]], None]] = {
    "SIGTERM": lambda server: server.terminate(),
    # In a terminal it goes to all of the processes.
    "Ctrl-C": lambda server: os.killpg(server.pid, signal.SIGINT),
}
CONNECTED = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'layered'
"""
COMPLAINT = re.compile("Traceback|Warning:|ERROR|Exception")
# Of a connection that nobody closed. uvicorn has others, of its own socket and standard input.
WARNINGS = "default:unclosed connection:ResourceWarning,default:unclosed transport:ResourceWarning"


@contextmanager
def serving(
    command: tuple[str, ...], cwd: Path, url: str, log: Path
) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    port = layering.free_port()
    address = f"127.0.0.1:{port}" if command[-1] == "-b" else str(port)
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", *command, address, "layered.workers:app"],
            cwd=cwd,
            env=layering.environment({"DATABASE_URL": url, "PYTHONWARNINGS": WARNINGS}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as server,
    ):
        try:
            layering.wait_for_port(server, port, log)
            # A connection belongs to one worker: for each request another one.
            limits = httpx.Limits(max_keepalive_connections=0)
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=30
            ) as client:
                yield client, server
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_two_workers(project: Tree, database: str, tmp_path: Path, command: str, end: str) -> None:
    write(project.application, {"workers.py": SERVED})
    log = tmp_path / "log"
    server = Server(database)
    workers: set[int] = set()
    numbers: list[int] = []
    with serving(COMMANDS[command], project.import_root, database, log) as (client, process):
        deadline = time.monotonic() + 60
        while len(workers) < 2 or len(numbers) < 20:
            assert time.monotonic() < deadline, f"only {workers} answered"
            workers.add(client.get("/worker").json())
            numbers.append(len(numbers) + 1)
            assert client.post(f"/tickets/{numbers[-1]}").status_code == 201
            assert client.get("/numbers").json() == numbers
        [connected] = server.ask(CONNECTED)
        # Each has one for reading and one for writing at most; some may have had only one kind.
        assert 2 <= connected <= 2 * len(workers)
        ENDS[end](process)
        assert process.wait(60) == 0
    assert server.connections() == 0
    assert [line for line in log.read_text("utf-8").splitlines() if COMPLAINT.search(line)] == []
