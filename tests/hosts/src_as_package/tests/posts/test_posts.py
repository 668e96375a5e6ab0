from fastapi.testclient import TestClient


def test_first_post(client: TestClient) -> None:
    assert client.get("/posts/hello-world").json()["body"] == "First!"


def test_publish(client: TestClient, ada: dict[str, str]) -> None:
    response = client.post("/posts", json={"title": "On Bernoulli Numbers"}, headers=ada)
    assert response.status_code == 201
    assert response.json()["slug"] == "on-bernoulli-numbers"


def test_unknown_post_is_404_and_unknown_page_is_the_application(client: TestClient) -> None:
    assert client.get("/posts/nope").status_code == 404
    page = client.get("/some/page")
    assert page.status_code == 200
    assert "<title>Pressroom</title>" in page.text
