"""The newest revision as a file, on which git sees that two branches add one each."""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from .revisions import CONFIG_FILE


def read_head() -> str | None:
    """Return the revision that versions/HEAD names, None without that file."""
    versions = ScriptDirectory.from_config(Config(CONFIG_FILE)).versions
    try:
        words = Path(versions, "HEAD").read_text("utf-8").split()
    except FileNotFoundError:
        return None
    return words[0] if words else ""
