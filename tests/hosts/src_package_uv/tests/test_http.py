from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from shop.main import app


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def test_prices_name_the_currency(client: TestClient) -> None:
    assert client.get("/prices").json()["teapot"] == "34.00 EUR"


def test_a_cart_is_filled(client: TestClient) -> None:
    cart_id = client.post("/carts").json()["id"]
    response = client.post(f"/carts/{cart_id}/lines", json={"sku": "mug", "quantity": 3})
    assert response.status_code == 200
    assert response.json() == {
        "id": cart_id,
        "lines": [{"sku": "mug", "quantity": 3}],
        "total": "28.50 EUR",
    }


def test_an_unknown_cart_is_not_found(client: TestClient) -> None:
    response = client.post(f"/carts/{uuid4()}/lines", json={"sku": "mug"})
    assert response.status_code == 404
    assert response.json() == {"detail": "no such cart"}
