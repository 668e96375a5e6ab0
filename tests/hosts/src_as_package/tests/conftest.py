import pytest
from fastapi.testclient import TestClient

from src.main import app


@pytest.fixture
def client() -> TestClient:
    return TestClient(app)


@pytest.fixture
def ada(client: TestClient) -> dict[str, str]:
    response = client.post("/auth/users/tokens", json={"username": "ada", "password": "difference-engine"})
    return {"Authorization": f"Bearer {response.json()['access_token']}"}
