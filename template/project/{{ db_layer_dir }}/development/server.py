"""Stub."""
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Server:
    """Stub."""

    folder: Path
    programs: Path

    @property
    def data(self) -> Path:
        """Stub."""
        return self.folder

    def running(self) -> int | None:
        """Stub."""

    def stop(self) -> None:
        """Stub."""

    def initialize(self, user: str, password: str) -> None:
        """Stub."""

    def start(self, host: str, port: int, **settings: str) -> None:
        """Stub."""
