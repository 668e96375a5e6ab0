from pydantic import BaseModel


class Book(BaseModel):
    isbn: str
    title: str
    cents: int


BOOKS = [
    Book(isbn='9780141439600', title='A Tale of Two Cities', cents=899),
    Book(isbn='9780141439518', title='Pride and Prejudice', cents=799),
]
