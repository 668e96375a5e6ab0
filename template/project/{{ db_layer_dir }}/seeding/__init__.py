"""Rows that are the same in every environment, written as often as the seed runs."""

from .command import run
from .rows import Rows, reference

__all__ = ["Rows", "reference", "run"]
