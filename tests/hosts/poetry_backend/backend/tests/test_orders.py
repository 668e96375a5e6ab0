import pytest
from fastapi.testclient import TestClient

from orders_api.main import create_app


@pytest.fixture
def client():
    return TestClient(create_app(shop_name="Horno de prueba"))


def test_about(client):
    assert client.get("/").json() == {"shop": "Horno de prueba", "closes_at": 20}


def test_place_and_finish(client):
    placed = client.post("/orders", json={"product": "barra", "quantity": 2})
    assert placed.status_code == 201
    assert placed.json()["number"] == 1
    assert client.post("/orders/1/done").status_code == 204
    assert client.get("/orders/pending").json() == []


def test_finish_unknown(client):
    assert client.post("/orders/9/done").json() == {"detail": "pedido no encontrado"}


def test_environment(monkeypatch):
    monkeypatch.setenv("ORDERS_CLOSING_HOUR", "14")
    assert TestClient(create_app()).get("/").json()["closes_at"] == 14
