"""Whom the layer trusts, before a server whose certificate is for `localhost`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import tls_server
from runtime.application import Run

UNKNOWN_ROOT = "certificate verify failed: self.signed certificate in certificate chain"
WRONG_NAME = "certificate verify failed: IP address mismatch, certificate is not valid for"
PRIVATE = "sslrootcert={root}"
OTHER = "sslrootcert={other_root}"
SYSTEM = "sslrootcert=system"
BOUND = "channel_binding=require"
CERTIFICATE = "sslcert={certificate}&sslkey={key}"

LogIn = Callable[..., str]


@pytest.fixture(scope="module")
def server() -> Iterator[tls_server.Server]:
    if reason := tls_server.available():
        pytest.skip(reason)
    with tls_server.running() as server:
        yield server


@pytest.fixture
def log_in(
    layer: Any,
    run: Run,
    server: tls_server.Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> LogIn:
    """Return a function that connects by TLS, and returns the name of the account."""
    # Certificates of the person who runs the tests.
    monkeypatch.setenv("HOME", str(tmp_path))
    files = {
        "root": server.root_certificate,
        "other_root": server.other_root,
        "certificate": server.client_certificate,
        "key": server.client_key,
    }

    async def current_user() -> str:
        query = "SELECT current_user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        async with layer.get_engine().connect() as connection:
            user, encrypted = (await connection.execute(text(query))).one()
        assert encrypted
        return str(user)

    def log_in(options: str, host: str = "localhost", url: str = server.url) -> str:
        url = url.replace("@localhost:", f"@{host}:")
        monkeypatch.setenv("DATABASE_URL", f"{url}?{options.format_map(files)}")
        return str(run(current_user()))

    return log_in


@pytest.mark.parametrize(
    ("host", "options"),
    [
        ("localhost", ""),
        ("localhost", "sslmode=allow"),
        ("localhost", "sslmode=prefer"),
        ("localhost", "sslmode=require"),
        ("127.0.0.1", "sslmode=require"),
        ("127.0.0.1", f"sslmode=require&{PRIVATE}"),
        ("127.0.0.1", f"sslmode=verify-ca&{PRIVATE}"),
        ("localhost", f"sslmode=verify-full&{PRIVATE}"),
        ("localhost", f"{BOUND}&{PRIVATE}"),
        ("localhost", f"sslmode=require&{BOUND}&{PRIVATE}"),
    ],
)
def test_trusted(log_in: LogIn, host: str, options: str) -> None:
    assert log_in(options, host) == "postgres"


@pytest.mark.parametrize(
    ("host", "options", "reason"),
    [
        ("localhost", "sslmode=disable", "no pg_hba.conf entry for host .*, no encryption"),
        ("localhost", "sslmode=verify-ca", r"root certificate file .* does not exist"),
        ("localhost", "sslmode=verify-full", r"root certificate file .* does not exist"),
        ("localhost", f"sslmode=require&{OTHER}", UNKNOWN_ROOT),
        ("localhost", f"sslmode=verify-ca&{OTHER}", UNKNOWN_ROOT),
        ("localhost", f"sslmode=verify-full&{OTHER}", UNKNOWN_ROOT),
        ("127.0.0.1", f"sslmode=verify-full&{PRIVATE}", WRONG_NAME),
        ("localhost", SYSTEM, UNKNOWN_ROOT),
        ("localhost", f"sslmode=require&{SYSTEM}", UNKNOWN_ROOT),
        ("localhost", BOUND, UNKNOWN_ROOT),
        ("localhost", f"sslmode=require&{BOUND}", UNKNOWN_ROOT),
        ("localhost", f"{BOUND}&{OTHER}", UNKNOWN_ROOT),
        ("127.0.0.1", f"{BOUND}&{PRIVATE}", WRONG_NAME),
        ("127.0.0.1", f"sslmode=verify-ca&{BOUND}&{PRIVATE}", WRONG_NAME),
    ],
)
def test_not_trusted(log_in: LogIn, host: str, options: str, reason: str) -> None:
    with pytest.raises(OperationalError, match=reason):
        log_in(options, host)


@pytest.mark.parametrize("options", [SYSTEM, BOUND, f"sslmode=require&{BOUND}"])
def test_a_root_of_the_system(
    log_in: LogIn, server: tls_server.Server, options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.root_certificate))
    assert log_in(options) == "postgres"
    with pytest.raises(OperationalError, match=WRONG_NAME):
        log_in(options, "127.0.0.1")


def test_client_certificate(log_in: LogIn, server: tls_server.Server) -> None:
    options, url = f"sslmode=verify-full&{PRIVATE}", server.certified_url
    assert log_in(f"{options}&{CERTIFICATE}", url=url) == tls_server.CERTIFIED
    with pytest.raises(OperationalError, match="requires a valid client certificate"):
        log_in(options, url=url)
