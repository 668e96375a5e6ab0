import pytest
from fastapi.testclient import TestClient

from app.main import app

KEY = {"X-Api-Key": "belt"}


@pytest.fixture
def stopped():
    """A client of an application that was never started."""
    return TestClient(app, headers=KEY)


@pytest.fixture
def started():
    with TestClient(app, headers=KEY, raise_server_exceptions=False) as client:
        yield client
