from enum import Enum

from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(str, Enum):
    LOCAL = "LOCAL"
    TESTING = "TESTING"
    PRODUCTION = "PRODUCTION"

    @property
    def is_deployed(self) -> bool:
        return self == self.PRODUCTION


class CustomBaseSettings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore")


class Config(CustomBaseSettings):
    ENVIRONMENT: Environment = Environment.LOCAL
    CORS_ORIGINS: list[str] = ["http://localhost:3000"]
    APP_VERSION: str = "0.1"


settings = Config()

app_configs: dict[str, object] = {"title": "Pressroom API", "version": settings.APP_VERSION}
if settings.ENVIRONMENT.is_deployed:
    app_configs["openapi_url"] = None  # hide docs
