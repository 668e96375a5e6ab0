import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from inventory.app import create_app
from inventory.settings import Settings, get_settings


@pytest.fixture
def app() -> FastAPI:
    return create_app(Settings(workshop="Test bench", low_stock=4))


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app)


@pytest.fixture(autouse=True)
def fresh_settings():
    get_settings.cache_clear()
