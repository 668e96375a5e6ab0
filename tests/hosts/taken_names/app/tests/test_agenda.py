from fastapi.testclient import TestClient

from app.main import app

c = TestClient(app)
ANA = {"nome": "Ana", "telefone": "+351 912 345 678", "grupo": "família"}


def setup_function():
    c.delete("/admin/contatos")


def test_criar_e_ler():
    assert c.post("/contatos", json=ANA).status_code == 201
    assert c.get("/contatos/ANA").json() == ANA


def test_nao_encontrado():
    r = c.get("/contatos/ninguem")
    assert r.status_code == 404
    assert r.json() == {"detail": "contato não encontrado"}


def test_campo_a_mais():
    assert c.post("/contatos", json={**ANA, "idade": 30}).status_code == 422


def test_agenda_cheia(monkeypatch):
    monkeypatch.setenv("LIMITE", "0")
    assert c.post("/contatos", json=ANA).status_code == 507


def test_admin():
    c.post("/contatos", json=ANA)
    assert c.get("/admin/resumo").json() == {"total": 1, "grupos": ["família"]}
