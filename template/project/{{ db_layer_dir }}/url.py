"""From the URL that a person or a hosting platform writes to the one for asyncpg."""

from pydantic import SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from .errors import DatabaseNotConfiguredError

_EXPECTED = "postgresql://user:password@host:5432/name"


def asyncpg_url(secret: SecretStr | None, variable: str) -> URL:
    """Return the URL that the environment variable holds, for the asyncpg driver.

    `postgres://`, `postgresql://` and `postgresql+<driver>://` are accepted. libpq's
    `sslmode` is passed on under the name that asyncpg has for it.

    Raises:
        DatabaseNotConfiguredError: the variable is missing or no PostgreSQL URL.

    """
    if secret is None:
        problem = "is not set in the environment or in .env"
        raise _error(variable, problem)
    try:
        url = make_url(secret.get_secret_value())
    except (ArgumentError, ValueError):
        # Not chained: the message of the cause may quote the URL.
        problem = "is not a URL (are special characters in the password encoded?)"
        raise _error(variable, problem) from None
    backend = url.drivername.partition("+")[0]
    if backend not in {"postgres", "postgresql"}:
        raise _error(variable, f"starts with {backend}://")
    if "sslmode" in url.query:
        ssl = url.query["sslmode"]
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": ssl})
    return url.set(drivername="postgresql+asyncpg")


def _error(variable: str, problem: str) -> DatabaseNotConfiguredError:
    return DatabaseNotConfiguredError(f"{variable} {problem}: expected {_EXPECTED}")
