"""An application with the admin, as a process of its own."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx

import layering
from rendering import render, write
from runtime.application import REPOSITORY

MODELS = """\
import enum
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from layered.models import Base, TimestampMixin


class Role(enum.Enum):
    WRITER = "writer"
    EDITOR = "in chief"


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


class Author(TimestampMixin, Base):
    __tablename__ = "authors"
    __table_args__ = (CheckConstraint("name <> 'nobody'", name="somebody"),)

    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role] = mapped_column(default=Role.WRITER)
    level: Mapped[Level | None]
    state: Mapped[Literal["new", "old"]] = mapped_column(server_default="new")
    born: Mapped[datetime | None]
    password_hash: Mapped[str | None]
    books: Mapped[list["Book"]] = relationship(back_populates="author")


class Book(TimestampMixin, Base):
    __tablename__ = "books"

    title: Mapped[str]
    lent: Mapped[timedelta | None]
    text: Mapped[str | None] = mapped_column(deferred=True)
    version: Mapped[int] = mapped_column()
    pages: Mapped[int] = mapped_column(default=0)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    author: Mapped[Author] = relationship(back_populates="books")

    __mapper_args__ = {"version_id_col": version}

    @validates("title")
    def check_title(self, _key: str, title: str | None) -> str | None:
        assert title != "untitled", "A book has a title"
        return title

    @validates("pages")
    def check_pages(self, _key: str, pages: int | None) -> int | None:
        if pages is not None and pages < 0:
            raise ValueError(f"No book has {pages} pages")
        return pages


class Card(Base):
    __tablename__ = "cards"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    place: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")
    note: Mapped[dict[str, int] | None] = mapped_column(JSONB)
    mark: Mapped[UUID | None]
    label: Mapped[str | None]
    above_id: Mapped[UUID | None] = mapped_column(ForeignKey("cards.id"))
    above: Mapped["Card | None"] = relationship(remote_side=[id])


class Animal(Base):
    __tablename__ = "animals"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column()

    __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "animal"}


class Shelf(Base):
    __tablename__ = "shelves"

    room: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
"""
MAIN = """\
import logging
import sys

from fastapi import APIRouter, FastAPI
from starlette.responses import PlainTextResponse

from layered.core.database import setup_database

logging.basicConfig(level=logging.INFO)
app = FastAPI()
setup_database(app)
router = APIRouter(prefix="/admin")


@router.get("/own")
async def own() -> str:
    return "own"


@app.get("/imported")
async def imported() -> list[str]:
    return [name for name in ("starlette_admin", "layered.models.library") if name in sys.modules]


app.include_router(router)


async def rest(scope, receive, send):
    await PlainTextResponse("rest")(scope, receive, send)


app.mount("/", rest)
"""
GUARDED = """\
from fastapi import FastAPI
from starlette.middleware.sessions import SessionMiddleware
from starlette_admin.auth import AdminUser, AuthProvider
from starlette_admin.exceptions import LoginFailed

from layered.core.database import setup_database


class Accounts(AuthProvider):
    async def login(self, username, password, remember_me, request):
        if (username, password) != ("ada", "correct horse"):
            raise LoginFailed("Unknown name or password")
        request.session["admin"] = username

    async def logout(self, request):
        request.session.clear()

    async def authenticate(self, request):
        name = request.session.get("admin")
        return AdminUser(username=name) if name else None


app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key="secret", same_site="strict")
setup_database(app, admin_authentication=Accounts(), admin_secret="another secret")
"""
CREATE = """
import asyncio
from layered.core.database import init_db

asyncio.run(init_db())
"""
DEVELOPMENT = {"DATABASE_ENVIRONMENT": "development"}


class Site:
    """The project in a folder, with a database that has its tables."""

    def __init__(self, template: Path, root: Path, database_url: str) -> None:
        write(root, REPOSITORY)
        tree = render(template, root, root, db_admin=True)
        write(
            tree.application,
            {"models/library.py": MODELS, "main.py": MAIN, "guarded.py": GUARDED},
        )
        self.folder = tree.import_root
        self.url = database_url
        layering.run(
            *(sys.executable, "-c", CREATE),
            cwd=self.folder,
            variables={"DATABASE_URL": database_url},
        )

    def logs(self) -> list[Path]:
        """Return what its servers have said, the latest last."""
        logs = self.folder.parent.glob("uvicorn-*.log")
        return sorted(logs, key=lambda log: log.stat().st_mtime)

    @contextmanager
    def serving(
        self, module: str = "main", variables: Mapping[str, str] = DEVELOPMENT
    ) -> Iterator[httpx.Client]:
        variables = {"DATABASE_URL": self.url, **variables}
        with layering.serving(
            f"layered.{module}:app", cwd=self.folder, variables=variables
        ) as client:
            yield client


def submit(
    client: httpx.Client,
    path: str,
    values: Mapping[str, object],
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Load a form, and send it as a browser does."""
    return client.post(
        path,
        data={"csrftoken": token(client, path), **values},
        headers=SAME_ORIGIN if headers is None else headers,
    )


def token(client: httpx.Client, path: str = "/admin/authors/create") -> str:
    page = client.get(path)
    [found, *_] = re.findall(r'name="csrftoken" value="([^"]+)"', page.text)
    return unescape(found)


SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def plain(page: str) -> str:
    """Return what a person reads, without scripts."""
    text = re.sub(r"<(script|style|template)\b.*?</\1>", "", page, flags=re.DOTALL)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))
