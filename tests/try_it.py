"""Layer the template onto a throw-away copy of a host and serve it: `uv run tests/try_it.py`."""

import argparse
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import postgres
from host_manifest import HOSTS, Host
from layering import (
    PROJECT,
    add_model,
    answers,
    dotted,
    environment,
    free_port,
    git,
    layer,
    make_host,
    run,
    seed_rows,
)


def main() -> None:
    """Do it and stay until Ctrl-C."""
    names = {host.name: host for host in HOSTS}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host", nargs="?", default="backend_frontend", choices=names)
    host = names[parser.parse_args().host]
    # The end that a service manager asks for is to clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="try-it-") as folder:
            serve(host, Path(folder).resolve() / host.folder)
    except KeyboardInterrupt:
        say("Stopped, everything is removed.")


def serve(host: Host, root: Path) -> None:
    make_host(host.folder, root)
    say(f"Layering the template onto {host.name} in {root}")
    sys.stdout.write(layer(PROJECT, root, "--vcs-ref", "HEAD", db_app_dir=host.app_dir).stderr)
    say("git diff --stat:", git(root, "diff", "--stat"))
    add_model(host, root)
    seed_rows(host, root, "first", "second")
    with postgres.running() as server:
        say(f"PostgreSQL runs on port {server.port}.")
        found = answers(root)
        variables = {"DATABASE_URL": server.url()}
        home, import_root = root / found["db_home"], root / host.import_root
        for command in (
            ("alembic", "revision", "--autogenerate", "-m", "add widgets"),
            ("alembic", "upgrade", "head"),
        ):
            say("$ " + " ".join(command), run(*command, cwd=home, variables=variables).stderr)
        module = dotted(host, found["db_seed"].removesuffix(".py"))
        say(f"$ python -m {module}")
        say(run(sys.executable, "-m", module, cwd=import_root, variables=variables).stdout)
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        say(f"Open {address}/docs or {address}/health/database. Ctrl-C stops and removes it all.")
        uvicorn = [sys.executable, "-m", "uvicorn", host.asgi, "--port", str(port)]
        server_process = subprocess.Popen(
            [*uvicorn, *(["--factory"] if host.factory else [])],
            cwd=import_root,
            env=environment(variables),
        )
        try:
            server_process.wait()
        finally:
            server_process.terminate()
            server_process.wait()


def say(*lines: str) -> None:
    sys.stdout.write("\n".join(["", *lines, ""]))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
