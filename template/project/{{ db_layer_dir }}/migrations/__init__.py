"""What happens when Alembic runs: env.py calls `run()`."""

from importlib import import_module


def run() -> None:
    """Do what the command asked for. `check`, which needs git, goes without Alembic."""
    import_module(f"{__name__}.environment").run()
