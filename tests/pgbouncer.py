"""A PgBouncer in front of a PostgreSQL, from the program that is installed on this machine."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import postgres
from postgres_supervisor import Account, claim, free_port, hand_over
from tcp_proxy import HOST, at_port

START_DEADLINE = 20.0  # seconds


class PgBouncerNotStartedError(Exception):
    pass


def program(name: str) -> str | None:
    # Debian keeps pgbouncer in /usr/sbin, which may not be on the PATH of an ordinary user.
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")


def available() -> str | None:
    """Return the reason why PgBouncer cannot be run here."""
    if not program("pgbouncer"):
        return "PgBouncer was not found: run `apt-get install pgbouncer`."
    if not program("setpriv"):
        return "setpriv, which ends PgBouncer with us, was not found: install util-linux."
    return None


@contextmanager
def running(server_url: str, **options: str | int) -> Iterator[str]:
    """Pool transactions; `options` are lines of the section [pgbouncer]."""
    pgbouncer = str(program("pgbouncer"))
    if version(pgbouncer) < (1, 21) and options.get("max_prepared_statements") == 0:
        del options["max_prepared_statements"]  # the option is unknown, and 0 is all it can do
    port = free_port()
    folder = claim(postgres.temporary_folder())
    try:
        configure(folder, server_url, port, options)
        account = Account(user=None, group=None, extra_groups=None)
        if os.geteuid() == 0:  # as which PgBouncer refuses to run
            account = hand_over(folder)
        log = folder / "log"
        with (
            log.open("wb") as output,
            subprocess.Popen(
                [str(program("setpriv")), "--pdeathsig=KILL", pgbouncer, folder / "pgbouncer.ini"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                start_new_session=True,  # Ctrl-C is for us
                **account,
            ) as process,
        ):
            try:
                wait_until_up(process, log)
                yield at_port(server_url, port)
            finally:
                process.kill()
    finally:
        shutil.rmtree(folder)


def through(bouncer_url: str, database_url: str) -> str:
    """Return the URL of a database of the server, by way of the pooler in front of it."""
    name = unquote(urlsplit(database_url).path.removeprefix("/"))
    return postgres.database_url(bouncer_url, name)


def version(pgbouncer: str) -> tuple[int, ...]:
    answer = subprocess.run([pgbouncer, "--version"], stdout=subprocess.PIPE, text=True, check=True)
    [numbers] = re.findall(r"^PgBouncer (\d+)\.(\d+)", answer.stdout)
    return tuple(map(int, numbers))


def configure(folder: Path, server_url: str, port: int, options: dict[str, str | int]) -> None:
    server = urlsplit(server_url)
    settings = {
        "pool_mode": "transaction",
        "listen_addr": HOST,
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": f"{folder}/users",
    } | options
    lines = [
        "[databases]",
        f"* = host={server.hostname} port={server.port or 5432}",
        "[pgbouncer]",
        *(f"{name} = {value}" for name, value in settings.items()),
    ]
    (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    users = folder / "users"
    users.touch(mode=0o600)
    users.write_text(f"{quoted(server.username)} {quoted(server.password)}\n")


def quoted(escaped: str | None) -> str:
    return '"' + unquote(escaped or "").replace('"', '""') + '"'


def wait_until_up(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE
    while True:
        report = log.read_text(errors="replace")
        if "process up" in report:
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise PgBouncerNotStartedError(f"PgBouncer did not start:\n{report}")
        time.sleep(0.02)
