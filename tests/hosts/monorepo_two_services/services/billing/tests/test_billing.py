from fastapi.testclient import TestClient

from services.billing.app.main import app

client = TestClient(app)


def test_rates():
    assert client.get("/v1/rates").json() == {"vat_percent": 7}


def test_half_a_cent_is_rounded_up():
    response = client.post("/v1/invoices", json={"net_cents": 50})
    assert response.status_code == 201
    assert response.json()["gross_cents"] == 54


def test_an_invoice_can_be_read_again():
    issued = client.post("/v1/invoices", json={"net_cents": 1000}).json()
    assert client.get(f"/v1/invoices/{issued['number']}").json() == issued


def test_an_invoice_that_was_never_issued():
    response = client.get("/v1/invoices/R99999")
    assert response.status_code == 404
    assert response.json() == {"detail": "Invoice R99999 was never issued"}
