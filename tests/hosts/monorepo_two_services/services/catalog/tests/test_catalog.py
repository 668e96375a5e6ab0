from fastapi.testclient import TestClient

from app.main import app

client = TestClient(app)


def test_search():
    assert [b['cents'] for b in client.get('/books?q=pride').json()] == [799]


def test_one_book():
    assert client.get('/books/9780141439600').json()['title'] == 'A Tale of Two Cities'


def test_missing_book():
    assert client.get('/books/0').status_code == 404
