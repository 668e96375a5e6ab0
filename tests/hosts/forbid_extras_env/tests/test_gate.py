from fastapi.testclient import TestClient

from app.main import app

client = TestClient(app)


def test_in_and_out():
    anna = {"kind": "member", "card": "0042"}
    assert client.post("/enter", json=anna).json()["inside"] == 1
    assert client.post("/leave", json=anna).json()["inside"] == 0
    assert client.post("/leave", json=anna).status_code == 404


def test_full_is_full():
    guests = [{"kind": "guest", "name": name} for name in ("Bo", "Cy", "Di")]
    for guest in guests:
        assert client.post("/enter", json=guest).status_code == 200
    response = client.post("/enter", json={"kind": "guest", "name": "Ed"})
    assert response.status_code == 409
    assert response.json() == {"detail": "The gym is full — please wait."}
    for guest in guests:
        client.post("/leave", json=guest)


def test_a_member_needs_a_card():
    assert client.post("/enter", json={"kind": "member"}).status_code == 422
