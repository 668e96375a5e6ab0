from fastapi.testclient import TestClient

from app.core.config import settings


def test_read_tickets(client: TestClient) -> None:
    response = client.get(f"{settings.API_V1_STR}/tickets/")
    assert response.status_code == 200
    assert response.json()["data"][0]["title"] == "Printer is on fire"


def test_create_ticket(client: TestClient, it_token_headers: dict[str, str]) -> None:
    response = client.post(
        f"{settings.API_V1_STR}/tickets/",
        headers=it_token_headers,
        json={"title": "No coffee", "description": "since 9 o'clock"},
    )
    assert response.status_code == 201
    content = response.json()
    assert content["opened_by"] == "it"
    assert client.get(f"{settings.API_V1_STR}/tickets/{content['id']}").json() == content


def test_create_ticket_without_token(client: TestClient) -> None:
    response = client.post(f"{settings.API_V1_STR}/tickets/", json={"title": "No coffee"})
    assert response.status_code == 401


def test_read_ticket_not_found(client: TestClient) -> None:
    response = client.get(f"{settings.API_V1_STR}/tickets/404")
    assert response.status_code == 404
    assert response.json()["detail"] == "Ticket not found"


def test_schema_is_the_one_the_frontend_client_was_generated_from(client: TestClient) -> None:
    schema = client.get(f"{settings.API_V1_STR}/openapi.json").json()
    assert {
        operation["operationId"] for path in schema["paths"].values() for operation in path.values()
    } == {
        "tickets-read_tickets",
        "tickets-create_ticket",
        "tickets-read_ticket",
        "status-health_check",
    }
