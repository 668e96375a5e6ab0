"""The newest revision as a file, on which git sees that two branches add one each."""

from .revisions import folder


def read_head() -> str | None:
    """Return the revision that versions/HEAD names, None without that file."""
    try:
        words = (folder() / "HEAD").read_text("utf-8").split()
    except FileNotFoundError:
        return None
    return words[0] if words else ""
