from pydantic import BaseModel


class NotizNeu(BaseModel):
    text: str
    wichtig: bool = False


class Notiz(NotizNeu):
    nr: int
