"""Alembic's own command line, from any folder."""

from alembic.config import main

from .revisions import CONFIG_FILE


def alembic(*arguments: str) -> int:
    """Run `alembic` with this project's alembic.ini. Exits as it does, if it fails."""
    main(["--config", str(CONFIG_FILE), *arguments], prog="alembic")
    return 0
