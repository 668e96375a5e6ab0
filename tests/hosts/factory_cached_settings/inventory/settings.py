"""Settings and how to get hold of them."""

from functools import lru_cache
from pathlib import Path

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    """Settings of one application object.

    Attributes:
        workshop: Name shown in the title of the API.
        low_stock: Parts with fewer pieces are reported as running low.
        static_dir: Folder of the web page.
    """

    workshop: str = "Speichenschmiede"
    low_stock: int = 5
    static_dir: Path = Path(__file__).parent / "static"


@lru_cache
def get_settings() -> Settings:
    """Returns the settings of this process. Tests call ``get_settings.cache_clear()``."""
    return Settings()
