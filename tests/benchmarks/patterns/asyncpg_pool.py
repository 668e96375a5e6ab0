"""The driver without SQLAlchemy: what there is to reach."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI

from benchmarks.patterns.items import PAGE, POOL_SIZE, NewItem

READ = "SELECT id, name, quantity, price FROM items WHERE id = $1"
LIST = "SELECT id, name, quantity, price FROM items ORDER BY id LIMIT $1"
ADD = """\
INSERT INTO items (name, quantity, price) VALUES ($1, $2, $3)
RETURNING id, name, quantity, price"""


def create_app(url: str) -> FastAPI:
    pool: Any

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        nonlocal pool
        async with asyncpg.create_pool(url, min_size=POOL_SIZE, max_size=POOL_SIZE) as pool:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/items/{item_id}")
    async def read(item_id: int) -> dict[str, Any]:
        async with pool.acquire() as connection:
            row = await connection.fetchrow(READ, item_id)
        return dict(row)

    @app.get("/items")
    async def page() -> list[dict[str, Any]]:
        async with pool.acquire() as connection:
            rows = await connection.fetch(LIST, PAGE)
        return [dict(row) for row in rows]

    @app.post("/items")
    async def add(new: NewItem) -> dict[str, Any]:
        async with pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(ADD, new.name, new.quantity, new.price)
        return dict(row)

    return app
