from fastapi.testclient import TestClient

from main import app

client = TestClient(app)


def test_index():
    antwort = client.get('/')
    assert antwort.status_code == 200
    assert antwort.json()['name'] == 'Notizen'


def test_suche():
    antwort = client.get('/notizen', params={'suche': 'milch'})
    assert [n['nr'] for n in antwort.json()] == [1]


def test_anlegen_und_loeschen():
    antwort = client.post('/notizen', json={'text': 'Müll rausbringen'})
    assert antwort.status_code == 201
    nr = antwort.json()['nr']
    assert client.delete(f'/notizen/{nr}').status_code == 204
    assert client.get(f'/notizen/{nr}').status_code == 404


def test_unbekannte_notiz():
    assert client.get('/notizen/999').json() == {'detail': 'Notiz nicht gefunden'}
