import pytest


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/nowhere", 404, "http"), ("/jobs/one", 422, "invalid"), ("/crash", 500, "bug")],
)
def test_every_error_has_the_same_shape(started, path, status, code):
    response = started.get(path)
    assert response.status_code == status
    assert response.json().keys() == {"error"}
    assert response.json()["error"]["code"] == code


def test_requests_are_numbered(stopped):
    first, second = (int(stopped.get("/version").headers["X-Request-Number"]) for _ in range(2))
    assert second == first + 1
