from fastapi import FastAPI, HTTPException

from app.books import BOOKS, Book

app = FastAPI(title='catalog')


@app.get('/books')
def books(q: str = '') -> list[Book]:
    return [b for b in BOOKS if q.lower() in b.title.lower()]


@app.get('/books/{isbn}')
def book(isbn: str) -> Book:
    for b in BOOKS:
        if b.isbn == isbn:
            return b
    raise HTTPException(404)
