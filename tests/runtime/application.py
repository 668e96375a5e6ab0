"""An application with models and endpoints of its own, and what the server says about it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import asyncpg
import httpx
from sqlalchemy.ext.asyncio import AsyncSession

Run = Callable[[Coroutine[Any, Any, Any]], Any]
Work = Callable[[AsyncSession], Awaitable[object]]
Respond = Callable[..., httpx.Response]

REPOSITORY = {
    "backend/pyproject.toml": '[project]\nname = "layered"\ndependencies = ["fastapi"]\n',
    "backend/layered/__init__.py": "",
    "backend/layered/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
}
TICKETS = """\
from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base, TimestampMixin


class Ticket(TimestampMixin, Base):
    __tablename__ = "tickets"
    __table_args__ = (
        UniqueConstraint("number", deferrable=True, initially="DEFERRED"),
        UniqueConstraint("number", "title"),
        CheckConstraint("number > 0", name="positive"),
        Index(None, "title", "number"),
    )

    number: Mapped[int]
    title: Mapped[str] = mapped_column(default="", index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
"""
KEYED = """\
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base
from layered.models.base import Timestamps


class {name}(Timestamps, Base):
    __tablename__ = "{table}"

    code: Mapped[str] = mapped_column(primary_key=True)
"""
ENDPOINTS = """\
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException, Request
from fastapi.responses import JSONResponse
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from layered.core.database import ReadSessionDep, SessionDep, get_db
from layered.models.tickets import Ticket

router = APIRouter()


@router.post("/tickets/{number}", status_code=201)
async def create(number: int, session: SessionDep) -> None:
    session.add(Ticket(number=number))


@router.post("/early/{number}", status_code=201)
async def answer_before_the_commit(
    number: int, session: Annotated[AsyncSession, Depends(get_db)]
) -> None:
    session.add(Ticket(number=number))


@router.post("/raised/{number}")
async def raise_an_http_exception(number: int, session: SessionDep) -> None:
    session.add(Ticket(number=number))
    await session.flush()
    raise HTTPException(status_code=400)


@router.post("/crashed/{number}")
async def crash(number: int, session: SessionDep) -> None:
    session.add(Ticket(number=number))
    await session.flush()
    raise ZeroDivisionError


@router.post("/returned/{number}")
async def return_an_error(number: int, session: SessionDep) -> JSONResponse:
    session.add(Ticket(number=number))
    return JSONResponse({}, status_code=400)


@router.post("/later/{number}")
async def use_the_session_later(number: int, session: SessionDep, tasks: BackgroundTasks) -> None:
    async def later() -> None:
        session.add(Ticket(number=number))
        await session.flush()

    tasks.add_task(later)


@router.get("/unused")
async def unused(session: SessionDep, reading: ReadSessionDep) -> None: ...


@router.get("/numbers")
async def numbers(session: ReadSessionDep) -> list[int]:
    return list(await session.scalars(select(Ticket.number).order_by(Ticket.number)))


@router.post("/refused/{how}")
async def write_while_reading(how: str, session: ReadSessionDep) -> None:
    if how == "text":
        await session.execute(text("INSERT INTO tickets (number, title) VALUES (1, '')"))
    else:
        session.add(Ticket(number=1))
        await session.flush()


@router.get("/which")
async def which(session: SessionDep, reading: ReadSessionDep) -> list[str]:
    current = select(func.current_database())
    return [str(await s.scalar(current)) for s in (session, reading)]


@router.get("/process")
async def process(reading: ReadSessionDep) -> int:
    return int(await reading.scalar(text("SELECT pg_backend_pid()")) or 0)


@router.post("/process")
async def writing_process(session: SessionDep) -> int:
    return int(await session.scalar(text("SELECT pg_backend_pid()")) or 0)


@router.post("/work")
async def work(request: Request, session: SessionDep) -> None:
    await request.app.state.work(session)


@router.post("/reading")
async def work_reading(request: Request, session: ReadSessionDep) -> None:
    await request.app.state.work(session)
"""


class Server:
    """What the server itself says, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, statement: str) -> list[Any]:
        async def fetch() -> list[Any]:
            connection = await asyncpg.connect(self.url)
            try:
                return [row[0] for row in await connection.fetch(statement)]
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def numbers(self) -> list[int]:
        return self.ask("SELECT number FROM tickets ORDER BY number")

    def connections(self) -> int:
        """Return how many others are connected, once those that say good-bye have gone."""
        for _ in range(100):
            [others] = self.ask(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if not others:
                break
            time.sleep(0.02)
        return int(others)
