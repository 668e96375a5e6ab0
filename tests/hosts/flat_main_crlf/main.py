from fastapi import FastAPI, HTTPException
import schemas
import store

# API für Notizen (siehe README)
app = FastAPI(title='Notizen', description='Kleine API für Notizen')


@app.get('/')
def index():
    return {'name': 'Notizen', 'anzahl': len(store.notizen)}


@app.get('/notizen', response_model=list[schemas.Notiz])
def alle_notizen(suche: str = ''):
    return [n for n in store.notizen.values() if suche.lower() in n.text.lower()]


@app.get('/notizen/{nr}', response_model=schemas.Notiz)
def eine_notiz(nr: int):
    if nr not in store.notizen:
        raise HTTPException(404, 'Notiz nicht gefunden')
    return store.notizen[nr]


@app.post('/notizen', response_model=schemas.Notiz, status_code=201)
def neue_notiz(notiz: schemas.NotizNeu):
    return store.speichern(notiz)


# löscht endgültig, es gibt keinen Papierkorb!
@app.delete('/notizen/{nr}', status_code=204)
def notiz_loeschen(nr: int):
    if store.notizen.pop(nr, None) is None:
        raise HTTPException(404, 'Notiz nicht gefunden')


if __name__ == '__main__':
    import uvicorn
    uvicorn.run('main:app', host='127.0.0.1', port=8000, reload=True)
