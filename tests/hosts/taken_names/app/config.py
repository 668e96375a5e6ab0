import pydantic_settings


class Settings(pydantic_settings.BaseSettings):
    nome: str = "Agenda"
    limite: int = 50


def settings() -> Settings:
    return Settings()
