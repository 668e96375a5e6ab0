"""From the URL that a person or a hosting platform writes to what asyncpg connects to.

The grammar and the options are those of libpq, so of psql:
https://www.postgresql.org/docs/current/libpq-connect.html
"""

import os
import re
import ssl
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import unquote, urlencode

from pydantic import SecretStr
from sqlalchemy import URL

from .errors import DatabaseNotConfiguredError

_EXPECTED = "expected postgresql://user:password@host:5432/name"
_NO_URL = f"is not a URL (are special characters in the password encoded?): {_EXPECTED}"
# Unlike libpq's, it has no @ in host or name: that would be the rest of a password.
_URL = re.compile(
    r"postgres(?:ql)?(?:\+\w+)?://"
    r"(?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?P<hosts>[^@/?]*)(?:/(?P<dbname>[^@?]*))?(?:\?(?P<options>.*))?",
)
_HOST = re.compile(r"(?:\[(?P<ipv6>[^]]+)]|(?P<name>[^][:]*))(?::(?P<port>\d*))?")

_PORTS = range(1, 65536)

# asyncpg reads these itself, files and defaults included.
_TLS_OPTIONS = {
    *("sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "sslnegotiation"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version"),
}
_PASSED_ON = {"passfile", "service", "krbsrvname", "gsslib", *_TLS_OPTIONS}
_TLS_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
_CHOICES = {
    "sslmode": _TLS_MODES,
    "ssl": {"true", *_TLS_MODES},  # as JDBC and asyncpg have it
    "target_session_attrs": {
        *("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
    },
    "channel_binding": {"disable", "prefer", "require"},
    # asyncpg has neither of these: what it does is what the allowed values ask for.
    "gssencmode": {"disable", "prefer"},
    "load_balance_hosts": {"disable"},
}
_INSTEAD = {"pgbouncer": ": set DATABASE_PGBOUNCER=true instead"}


@dataclass(frozen=True)
class Address:
    """Where to connect, and how."""

    url: URL
    """For logs and traces: without password and options."""
    hosts: list[tuple[str | None, int | None]]
    """Names, IP addresses or folders of a socket, each with its port."""
    session_attribute: str
    """One of libpq's `target_session_attrs`."""
    connect_timeout: float | None
    """Seconds for each of the hosts."""
    application_name: str
    options: str
    """A command line for the server, such as `-c search_path=shop`."""
    arguments: dict[str, Any] = field(repr=False)
    """For `asyncpg.connect`: account, database and TLS."""


def read_url(secret: SecretStr | None, variable: str) -> Address:
    """Return what the URL in the environment variable says.

    `postgres://` and `postgresql+<driver>://` mean the same as `postgresql://`.

    Raises:
        DatabaseNotConfiguredError: the variable is missing, no PostgreSQL URL, or has
            an option that is unknown or that asyncpg cannot honour.

    """
    try:
        if secret is None:
            _refuse(f"is not set in the environment or in .env: {_EXPECTED}")
        return _read(secret.get_secret_value().strip())
    except ValueError as error:
        # Not chained, and each sentence below quotes names, never a value.
        message = f"{variable} {error}"
        raise DatabaseNotConfiguredError(message) from None


def _read(text: str) -> Address:
    parts = _URL.fullmatch(text)
    if not parts:
        scheme = re.match(r"\w+(?=(\+\w+)?://)", text)
        if scheme and scheme[0] not in {"postgres", "postgresql"}:
            _refuse(f"starts with {scheme[0]}://: {_EXPECTED}")
        _refuse(_NO_URL)

    account = ("user", "password", "dbname")
    options = {name: _decode(parts[name] or "") for name in account}
    for option in filter(None, (parts["options"] or "").split("&")):
        name, _, value = option.partition("=")
        options[_decode(name)] = _decode(value)
    _check_choices(options)
    if mode := options.pop("ssl", None):
        options["sslmode"] = "require" if mode == "true" else mode

    user, password, dbname = (options.pop(name) or None for name in account)
    hosts = _hosts(parts["hosts"], options.pop("host", ""), options.pop("port", ""))
    fallback = options.pop("fallback_application_name", "")
    name = options.pop("application_name", "") or fallback
    command_line = options.pop("options", "")
    if options.pop("client_encoding", "utf8").lower() not in {"utf8", "utf-8", "auto"}:
        _refuse("has a client_encoding other than utf8")
    timeout = options.pop("connect_timeout", "0")
    if not re.fullmatch(r"-?\d+", timeout):
        _refuse("has a connect_timeout that is no number of seconds")
    attribute = options.pop("target_session_attrs", "any")
    arguments = {
        "user": user,
        "password": password,
        "database": dbname,
        **_tls(options),
    }
    if unknown := options.keys() - _PASSED_ON:
        option = min(unknown)
        if not option.isidentifier() or "@" in parts["options"]:
            _refuse(_NO_URL)  # the rest of a password again: not to be shown
        instead = _INSTEAD.get(option, ", which this layer cannot honour: take it out")
        _refuse(f"has the option {option!r}{instead}")
    if options:
        arguments["dsn"] = f"postgresql://?{urlencode(options)}"
    host, port = hosts[0]
    url = URL.create("postgresql+asyncpg", user, None, host, port, dbname)
    # libpq waits for ever without a positive number; here the setting has an answer.
    seconds = max(float(timeout), 0) or None
    return Address(url, hosts, attribute, seconds, name, command_line, arguments)


def _refuse(problem: str) -> NoReturn:
    raise ValueError(problem)


def _decode(text: str) -> str:
    if re.search(r"%(?![0-9a-fA-F]{2})", text):
        _refuse("has a % that does not start an escape: write it as %25")
    decoded = unquote(text.strip())
    if "\0" in decoded or "\ufffd" in decoded:
        _refuse("has an escape that is no text in UTF-8")
    return decoded


def _check_choices(options: dict[str, str]) -> None:
    for name, choices in _CHOICES.items():
        if name in options and options[name] not in choices:
            _refuse(f"has a {name} other than {', '.join(sorted(choices))}")


def _hosts(spec: str, host: str, port: str) -> list[tuple[str | None, int | None]]:
    """Read `a:1,b:2` of the URL, for which the options `host` and `port` may stand."""
    found: list[tuple[str, str]] = []
    for part in spec.split(","):
        if not (match := _HOST.fullmatch(part)):
            _refuse(f"has a host that cannot be read: {_EXPECTED}")
        name = match["ipv6"] or match["name"] or ""
        found.append((_decode(name), match["port"] or ""))
    names = host.split(",") if host else [name for name, _ in found]
    ports = port.split(",") if port else [port for _, port in found]
    if len(ports) == 1:
        ports *= len(names)
    if len(ports) != len(names):
        _refuse("has not one port for each host")
    for number in filter(None, ports):
        if not number.isdecimal() or int(number) not in _PORTS:
            _refuse("has a port that is no number from 1 to 65535")
    # None lets asyncpg look into PGHOST and PGPORT, then at the usual sockets.
    default = "localhost" if len(names) > 1 else None
    pairs = zip(names, ports, strict=True)
    return [(name or default, int(port) if port else None) for name, port in pairs]


def _tls(options: dict[str, str]) -> dict[str, Any]:
    for name in ("gssencmode", "load_balance_hosts"):
        options.pop(name, None)
    binding = options.pop("channel_binding", "prefer")
    mode = options.pop("sslmode", None)
    from_system = options.get("sslrootcert") == "system"
    if binding == "require" or from_system:
        # asyncpg cannot bind the login to the TLS channel. What that is for, nobody
        # between client and server, a verified certificate gives as well.
        if mode == "disable":
            _refuse("has sslmode=disable beside an option that needs TLS")
        mode = "verify-full"
        if from_system or "sslrootcert" not in options:
            options.pop("sslrootcert", None)
            # asyncpg leaves these aside when it is given a context.
            if beside := _TLS_OPTIONS & options.keys():
                _refuse(f"has {min(beside)}, which needs an sslrootcert that is a file")
            return {"ssl": ssl.create_default_context()}
    for name in ("sslrootcert", "sslcert", "sslkey", "sslcrl"):
        if options.get(name) and not os.access(options[name], os.R_OK):
            _refuse(f"has an {name} that cannot be read: expected the path of a file")
    return {"ssl": mode}
