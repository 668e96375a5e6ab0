###############################################################################
# Regras da agenda
###############################################################################
from app.config import settings
from app.models import Contato, Resumo

CONTATOS: dict[str, Contato] = {}


class AgendaCheia(Exception):
    pass


def adicionar(contato: Contato) -> Contato:
    if len(CONTATOS) >= settings().limite:
        raise AgendaCheia
    CONTATOS[contato.nome.lower()] = contato
    return contato


def procurar(nome: str) -> Contato | None:
    return CONTATOS.get(nome.lower())


def resumo() -> Resumo:
    grupos = sorted({c.grupo for c in CONTATOS.values()})
    return Resumo(total=len(CONTATOS), grupos=grupos)
