###############################################################################
# Modelos (pydantic)
###############################################################################
from pydantic import BaseModel, Field


class Base(BaseModel):
    model_config = {"extra": "forbid"}


class Contato(Base):
    nome: str = Field(min_length=1)
    telefone: str = Field(pattern=r"^\+?[0-9 ]{6,20}$")
    grupo: str = "geral"


class Resumo(Base):
    total: int
    grupos: list[str]
