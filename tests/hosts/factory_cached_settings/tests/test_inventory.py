from fastapi.testclient import TestClient

from inventory.app import create_app


def test_parts_that_run_low(client: TestClient):
    assert [part["number"] for part in client.get("/api/parts/low").json()] == ["TU-28"]


def test_take_parts(client: TestClient):
    assert client.post("/api/parts/TU-28/take", params={"pieces": 2}).json()["pieces"] == 1
    response = client.post("/api/parts/TU-28/take", params={"pieces": 2})
    assert response.status_code == 409
    assert response.json() == {"detail": "only 1 left"}


def test_every_application_has_its_own_stock(client: TestClient):
    client.post("/api/parts/CH-11/take", params={"pieces": 12})
    other = TestClient(create_app())
    assert other.get("/api/parts").json()[0]["pieces"] == 12


def test_settings_of_the_environment_are_read_once(monkeypatch):
    monkeypatch.setenv("WORKSHOP", "Kettenhund")
    assert create_app().title == "Kettenhund"
    monkeypatch.setenv("WORKSHOP", "Rostlaube")
    assert create_app().title == "Kettenhund"


def test_the_page_answers_what_the_api_does_not(client: TestClient):
    assert "<h1>Spare parts</h1>" in client.get("/").text
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert "Nothing here" in response.text
