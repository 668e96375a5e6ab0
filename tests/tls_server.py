"""A PostgreSQL that insists on TLS, from the programs of an installed server.

The one that the other tests use was built without TLS.
"""

import asyncio
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import trustme

from postgres import ServerNotStartedError, temporary_folder
from postgres_supervisor import (
    INITDB,
    PATIENCE,
    START_DEADLINE,
    Account,
    Launch,
    claim,
    hand_over,
    start,
    stop,
    sweep,
)

DEBIAN = Path("/usr/lib/postgresql")
CERTIFIED = "certified"  # the role that logs in with a certificate and has no password
ACCESS = f"""
hostssl all {CERTIFIED} all cert
hostssl all all all scram-sha-256
"""
SETTINGS = """
ssl = on
ssl_cert_file = '../server.pem'
ssl_key_file = '../server.key'
ssl_ca_file = '../root.pem'
"""


@dataclass(frozen=True)
class Server:
    port: int
    folder: Path
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{self.password}@localhost:{self.port}/postgres"

    @property
    def certified_url(self) -> str:
        return f"postgresql://{CERTIFIED}@localhost:{self.port}/postgres"

    @property
    def root_certificate(self) -> Path:
        return self.folder / "root.pem"

    @property
    def other_root(self) -> Path:
        """A certificate that signed nothing here."""
        return self.folder / "other_root.pem"

    @property
    def client_certificate(self) -> Path:
        return self.folder / "client.pem"

    @property
    def client_key(self) -> Path:
        return self.folder / "client.key"


def find_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL here that can do TLS."""
    folders = sorted(DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    if pg_config := shutil.which("pg_config"):
        folders.insert(0, Path(answer(pg_config, "--bindir").strip()))
    return next(filter(can_do_tls, folders), None)


def can_do_tls(folder: Path) -> bool:
    # pg_config may belong to the client's library, with no server beside it.
    if not (folder / "postgres").exists() or not (folder / "initdb").exists():
        return False
    lines = answer(folder / "postgres", "--describe-config").splitlines()
    [ciphers] = [line.split("\t")[4] for line in lines if line.startswith("ssl_ciphers\t")]
    return ciphers != "none"


def answer(program: str | Path, option: str) -> str:
    done = subprocess.run([program, option], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def available() -> str | None:
    """Return the reason why it cannot be run here."""
    if find_programs():
        return None
    return "A PostgreSQL that can do TLS was not found: run `apt-get install postgresql`."


def write_certificates(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "root.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other_root.pem")
    for name, certificate in {
        "server": authority.issue_cert("localhost"),
        "client": authority.issue_cert(common_name=CERTIFIED),
    }.items():
        [chain] = certificate.cert_chain_pems
        chain.write_to_path(folder / f"{name}.pem")
        key = folder / f"{name}.key"
        key.touch(mode=0o600)
        certificate.private_key_pem.write_to_path(key)


def make_cluster(programs: Path, folder: Path, password: str) -> Launch:
    """Make a data folder and return how to run programs on it."""
    data, password_file = folder / "data", folder / "password"
    data.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    write_certificates(folder)
    account = Account(user=None, group=None, extra_groups=None)
    if os.geteuid() == 0:
        account = hand_over(folder)
    launch = Launch(cwd=folder, stdin=subprocess.DEVNULL, **account)
    # Before PostgreSQL 17 the locales were not its own.
    options = [option for option in INITDB if "builtin" not in option]
    subprocess.run(
        [programs / "initdb", f"--pgdata={data}", *options, f"--pwfile={password_file}"],
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=START_DEADLINE,
        **launch,
    )
    password_file.unlink()
    (data / "pg_hba.conf").write_text(ACCESS)
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(SETTINGS)
    return launch


@contextmanager
def running() -> Iterator[Server]:
    """Run it in this process' care; if that is killed, the next test run stops the server."""
    programs = find_programs()
    if not programs:
        raise ServerNotStartedError(available())
    inside = temporary_folder()
    sweep(inside)
    folder = claim(inside)
    try:
        password = secrets.token_urlsafe()
        launch = make_cluster(programs, folder, password)
        process, port = start(programs, folder, 0, launch)
        server = Server(port, folder, password)
        try:
            asyncio.run(create_certified(server))
            yield server
        finally:
            stop(process.pid, folder / "data")
            process.wait(PATIENCE)
    finally:
        shutil.rmtree(folder)


async def create_certified(server: Server) -> None:
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute(f"CREATE ROLE {CERTIFIED} LOGIN")
    finally:
        await connection.close()
