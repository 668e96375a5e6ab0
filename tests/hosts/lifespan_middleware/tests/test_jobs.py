from fastapi.testclient import TestClient

from app.main import app


def test_a_job_is_worked_on(started):
    submitted = started.post("/jobs", json={"payload": "stressed"})
    assert submitted.status_code == 202
    assert started.get(f"/jobs/{submitted.json()['id']}").json()["result"] == "desserts"


def test_every_start_has_a_worker_of_its_own():
    workers = []
    for _ in range(2):
        with TestClient(app, headers={"X-Api-Key": "belt"}) as client:
            assert client.get("/jobs/1").status_code == 404
            client.post("/jobs", json={"payload": "x"})
            workers.append(app.state.worker)
    assert workers[0] is not workers[1]


def test_nobody_works_before_the_start(stopped):
    response = stopped.post("/jobs", json={"payload": "x"})
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"


def test_a_key_is_needed(started):
    response = started.get("/jobs/1", headers={"X-Api-Key": "braces"})
    assert response.status_code == 403
