###############################################################################
# Administração: aplicação separada, com documentação própria em /admin/docs
###############################################################################
from fastapi import FastAPI

from app import core

app = FastAPI(title="Administração", openapi_url="/schema.json")


@app.get("/resumo")
def resumo():
    return core.resumo()


@app.delete("/contatos", status_code=204)
def apagar_tudo():
    core.CONTATOS.clear()
