"""What every pattern serves: one table, as JSON."""

from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.params import Depends
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

POOL_SIZE = 5
PAGE = 100


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    quantity: Mapped[int]
    price: Mapped[float]


class NewItem(BaseModel):
    name: str
    quantity: int
    price: float


def as_json(item: Item) -> dict[str, Any]:
    return {"id": item.id, "name": item.name, "quantity": item.quantity, "price": item.price}


def application(*, reading: Depends, writing: Depends) -> FastAPI:
    """Return the endpoints over the AsyncSession that a dependency hands out."""
    app = FastAPI()

    @app.get("/items/{item_id}")
    async def read(item_id: int, session: Annotated[AsyncSession, reading]) -> dict[str, Any]:
        return as_json(await session.get_one(Item, item_id))

    @app.get("/items")
    async def page(session: Annotated[AsyncSession, reading]) -> list[dict[str, Any]]:
        items = await session.scalars(select(Item).order_by(Item.id).limit(PAGE))
        return [as_json(item) for item in items]

    @app.post("/items")
    async def add(new: NewItem, session: Annotated[AsyncSession, writing]) -> dict[str, Any]:
        item = Item(**new.model_dump())
        session.add(item)
        await session.flush()
        return as_json(item)

    return app
