from fastapi.testclient import TestClient

from app.main import app

client = TestClient(app)


def test_root():
    response = client.get("/", params={"token": "meeple"})
    assert response.status_code == 200
    assert response.json() == {"message": "Hello, which game tonight?"}


def test_every_route_wants_the_query_token():
    assert client.get("/games/").status_code == 422
    response = client.get("/games/", params={"token": "wrong"})
    assert response.status_code == 400
    assert response.json() == {"detail": "No valid token provided"}


def test_read_game():
    response = client.get("/games/hanabi", params={"token": "meeple"})
    assert response.status_code == 200
    assert response.json() == {
        "game_id": "hanabi",
        "name": "Hanabi",
        "players": 5,
        "lent_to": "rosa",
    }


def test_read_unknown_member():
    response = client.get("/members/nobody", params={"token": "meeple"})
    assert response.status_code == 404


def test_update_game_forbidden():
    response = client.put(
        "/games/azul?token=meeple", json={"name": "Azul", "players": 3}
    )
    assert response.status_code == 403


def test_admin_wants_the_header():
    assert client.post("/admin/?token=meeple").status_code == 422
    response = client.post("/admin/?token=meeple", headers={"X-Token": "box-insert"})
    assert response.status_code == 200
