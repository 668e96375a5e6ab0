from fastapi.testclient import TestClient


def test_wrong_password(client: TestClient) -> None:
    response = client.post("/auth/users/tokens", json={"username": "ada", "password": ""})
    assert response.status_code == 401
    assert response.json() == {"detail": "User not authenticated"}


def test_my_account(client: TestClient, ada: dict[str, str]) -> None:
    assert client.get("/auth/users/me", headers=ada).json() == {"username": "ada"}
