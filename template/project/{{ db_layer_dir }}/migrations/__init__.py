"""What happens when Alembic runs: env.py calls `run()`."""

from .environment import run

__all__ = ["run"]
