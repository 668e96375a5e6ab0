"""The process that owns one throw-away PostgreSQL server; `postgres.running` starts it.

When its standard input closes, at the latest because the process at the other end was killed,
it stops the server and removes the folder. If it is killed itself, the next to start does both.
An empty line starts a server that somebody has killed, with the same data on the same port.
"""

import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

PREFIX = "copier-fastapi-database-"
PATIENCE = 10.0  # seconds; an immediate shutdown kills what has not ended after 5
START_DEADLINE = 60.0  # seconds

# PostgreSQL refuses to run as root: then this account runs it.
UNPRIVILEGED = "nobody"

INITDB = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
)
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    # the data need not survive a crash
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # below the data directory and not in /dev/shm, where a killed server would leave it
    "dynamic_shared_memory_type": "mmap",
}


class Account(TypedDict):
    user: int | None
    group: int | None
    extra_groups: list[int] | None


class Launch(Account):
    cwd: Path
    stdin: int


def lock(folder: Path) -> int:
    """Lock until every process that has the descriptor is gone; raise BlockingIOError if taken."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def claim(inside: Path) -> Path:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=inside))
        # A sweep that runs right now may take the new folder for a stale one.
        with suppress(BlockingIOError, FileNotFoundError):
            lock(folder)
            if folder.exists():
                return folder


def sweep(inside: Path) -> None:
    for folder in inside.glob(f"{PREFIX}*"):
        try:
            held = lock(folder)
        except OSError:  # in use, just removed, another account's, or no folder
            continue
        if os.fstat(held).st_uid == os.geteuid():
            data = folder / "data"
            with suppress(OSError, ValueError):
                stop(int((data / "postmaster.pid").read_text().partition("\n")[0]), data)
            shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def ended(data: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            os.close(lock(data))
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def stop(pid: int, data: Path) -> None:
    # Every process of the server inherited the lock on its data directory. If nobody holds it,
    # the server is gone and its number may be a stranger's by now.
    if ended(data, 0):
        return
    os.kill(pid, signal.SIGQUIT)
    if not ended(data, PATIENCE):
        os.kill(pid, signal.SIGKILL)
        ended(data, PATIENCE)


def copied(install: Path, folder: Path) -> Path:
    """Copy the programs: the account may not enter a folder above the wheel, such as /root."""
    package = install.parent
    ignored = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a")
    for part in (install, package / ".dylibs", package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, folder / part.relative_to(package.parent), ignore=ignored)
    return folder / package.name / install.name


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def ready(server: subprocess.Popen[bytes], data: Path) -> bool:
    deadline = time.monotonic() + START_DEADLINE
    while server.poll() is None and time.monotonic() < deadline:
        with suppress(FileNotFoundError):
            if (data / "postmaster.pid").read_text().rstrip().endswith("\nready"):
                return True
        time.sleep(0.02)
    return False


def start(
    programs: Path, folder: Path, wanted_port: int, launch: Launch
) -> tuple[subprocess.Popen[bytes], int]:
    data, log = folder / "data", folder / "log"
    options = [f"--{name}={value}" for name, value in SETTINGS.items()]
    for _ in range(5):  # another process may take a free port before PostgreSQL does
        port = wanted_port or free_port()
        held = lock(data)
        # What a killed server says about itself; the lock shows that it is gone.
        (data / "postmaster.pid").unlink(missing_ok=True)
        with log.open("wb") as output:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-p", str(port), *options],
                stdout=output,
                stderr=output,
                pass_fds=[held],
                **launch,
            )
        os.close(held)
        if ready(server, data):
            return server, port
        stop(server.pid, data)
        report = log.read_text(errors="replace")
        if "Address already in use" not in report:
            sys.exit(f"PostgreSQL did not start:\n{report}")
        if wanted_port:
            break
    sys.exit(
        f"Port {port} of 127.0.0.1 is taken: "
        "stop the program that listens there or choose another port."
    )


def hand_over(folder: Path) -> Account:
    try:
        account = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        sys.exit(
            "PostgreSQL refuses to run as root, and there is no account "
            f"{UNPRIVILEGED} to run it: be an ordinary user, or set TEST_DATABASE_URL."
        )
    folder.chmod(0o711)
    for path in folder.rglob("*"):
        os.chown(path, account.pw_uid, account.pw_gid)
    return Account(user=account.pw_uid, group=account.pw_gid, extra_groups=[])


def serve(install: Path, folder: Path, wanted_port: int, password: str) -> None:
    data, password_file = folder / "data", folder / "password"
    data.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    account = Account(user=None, group=None, extra_groups=None)
    if os.geteuid() == 0:
        install = copied(install, folder)
        account = hand_over(folder)
    launch = Launch(cwd=folder, stdin=subprocess.DEVNULL, **account)
    subprocess.run(
        [install / "bin" / "initdb", f"--pgdata={data}", *INITDB, f"--pwfile={password_file}"],
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=START_DEADLINE,
        **launch,
    )
    password_file.unlink()
    server, port = start(install / "bin", folder, wanted_port, launch)
    try:
        report = json.dumps({"port": port, "folder": str(folder)})
        print(report, flush=True)
        for _ in sys.stdin:
            server.wait(PATIENCE)
            server, _ = start(install / "bin", folder, port, launch)
            print(report, flush=True)
    finally:
        try:
            stop(server.pid, data)
        finally:
            # Somebody may have removed the folder, and the lock with it.
            server.send_signal(signal.SIGQUIT)
            server.wait(PATIENCE)


def main() -> None:
    install, inside, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    for setting in sys.argv[4:]:
        name, _, SETTINGS[name] = setting.partition("=")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    password = sys.stdin.readline().rstrip("\n")
    try:
        sweep(inside)
        folder = claim(inside)
        try:
            serve(install, folder, port, password)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, subprocess.SubprocessError) as error:
        sys.exit(
            f"PostgreSQL could not be run in {inside}: {error}. Set TMPDIR to a folder where "
            "every account may run programs, or TEST_DATABASE_URL to a server of your own."
        )


if __name__ == "__main__":
    main()
