"""Is this production? For commands that are not meant to be run there by mistake."""

import os
import re
from ipaddress import ip_address

from .settings import DatabaseSettings
from .url import read_url

_NAMES = {"live", "prod", "production"}


def may_be_production(settings: DatabaseSettings) -> str | None:
    """Return what speaks for production, as the start of a sentence.

    That is the name of the environment or, without one, a server elsewhere.

    Raises:
        DatabaseNotConfiguredError: DATABASE_URL is missing or cannot be used.

    """
    name = settings.database_environment
    if name and "/" not in name:  # ENV with a path is one of the shell's
        words = re.split(r"[\W_]+", name.lower())
        return f"The environment is {name}" if _NAMES & {*words} else None
    address = read_url(settings.database_url, "DATABASE_URL")
    unnamed = os.environ.get("PGHOST", "")  # which asyncpg reads, too
    for place in ",".join(host or unnamed for host, _ in address.hosts).split(","):
        if not _is_here(place):
            return (
                f"DATABASE_URL leads to {place}, which may be production while "
                "DATABASE_ENVIRONMENT has no other name for it"
            )
    return None


def _is_here(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host.lower() == "localhost":
        return True  # a socket
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
