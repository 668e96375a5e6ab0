###############################################################################
# Aplicação principal
###############################################################################
from fastapi import FastAPI, HTTPException

from app import core
from app.admin import app as admin_app
from app.config import settings
from app.models import Contato

app = FastAPI(title=settings().nome)
app.mount("/admin", admin_app)


@app.get("/")
def inicio():
    return {"agenda": settings().nome}


@app.get("/contatos/{nome}")
def ler(nome: str) -> Contato:
    contato = core.procurar(nome)
    if contato is None:
        raise HTTPException(404, "contato não encontrado")
    return contato


@app.post("/contatos", status_code=201)
def criar(contato: Contato) -> Contato:
    try:
        return core.adicionar(contato)
    except core.AgendaCheia:
        raise HTTPException(507, "agenda cheia")