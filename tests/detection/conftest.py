from collections.abc import Callable, Mapping
from pathlib import Path

import pytest


@pytest.fixture
def plant(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Write files into a new repository, and return its root."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        root = tmp_path / "sandwich-bar"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    return write
