"""As in fastapi/full-stack-fastapi-template: `def` endpoints, a blocking session, psycopg.

Its SQLModel is left out: SQLModel's session and models are SQLAlchemy's.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from sqlalchemy import create_engine, make_url, select
from sqlalchemy.orm import Session

from benchmarks.patterns.items import PAGE, POOL_SIZE, Item, NewItem, as_json


def create_app(url: str) -> FastAPI:
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), pool_size=POOL_SIZE, max_overflow=0
    )

    def get_db() -> Iterator[Session]:
        with Session(engine) as session:
            yield session

    opened = Depends(get_db)
    app = FastAPI()

    @app.get("/items/{item_id}")
    def read(item_id: int, session: Annotated[Session, opened]) -> dict[str, Any]:
        return as_json(session.get_one(Item, item_id))

    @app.get("/items")
    def page(session: Annotated[Session, opened]) -> list[dict[str, Any]]:
        items = session.scalars(select(Item).order_by(Item.id).limit(PAGE))
        return [as_json(item) for item in items]

    @app.post("/items")
    def add(new: NewItem, session: Annotated[Session, opened]) -> dict[str, Any]:
        item = Item(**new.model_dump())
        session.add(item)
        session.commit()
        session.refresh(item)
        return as_json(item)

    return app
