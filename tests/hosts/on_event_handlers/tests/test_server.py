from fastapi.testclient import TestClient

from telemetry.server import app


def test_startup_loads_and_shutdown_clears():
	with TestClient(app) as client:
		assert client.get("/status").json()["ready"] is True
		assert client.get("/hives").json() == ["nord", "sud"]
	assert TestClient(app).get("/hives").json() == []


def test_started_twice():
	for _ in range(2):
		with TestClient(app) as client:
			assert client.get("/hives/nord").json()["kilograms"] == 31.5


def test_measure():
	with TestClient(app) as client:
		answer = client.post("/hives/sud", json={"celsius": 35.1, "kilograms": 28.4})
		assert answer.status_code == 201
		assert client.get("/hives/sud").json()["celsius"] == 35.1


def test_without_startup():
	answer = TestClient(app).get("/hives/nord")
	assert answer.status_code == 404
	assert answer.json() == {"detail": "ruche inconnue : nord"}
