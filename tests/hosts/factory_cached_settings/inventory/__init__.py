"""Spare parts of a bicycle workshop."""

__version__ = "1.0.2"
