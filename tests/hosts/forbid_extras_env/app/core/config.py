import os
from datetime import time

from pydantic import PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="forbid")

    gym_name: str
    capacity: PositiveInt
    opening_hours: tuple[time, time]

    docs_enabled: bool = True


class ProductionSettings(Settings):
    """What is known about the live gyms comes on top of what is committed."""

    model_config = SettingsConfigDict(env_file=(".env", ".env.production"))

    docs_enabled: bool = False


settings = ProductionSettings() if os.environ.get("APP_ENV") == "production" else Settings()
