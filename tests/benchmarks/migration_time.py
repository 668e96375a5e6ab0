"""How long `alembic upgrade head` takes at head, as a whole process.

Against what `alembic init -t async` writes, with the same revisions (the aim is at most 1.15
times), and against the same with what a FastAPI project puts into it: a URL from pydantic-settings,
whose import takes a third of the time, and one model.

uv run tests/benchmarks/migration_time.py [rounds]
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "template")]

import postgres
from layering import make_template, run
from rendering import render, write
from runtime.application import REPOSITORY
from runtime.migrating import THREE, add_revision, make_home

STOCK_URL = "driver://user:pass@localhost/dbname"
APPLICATION = """\
from pydantic_settings import BaseSettings
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Settings(BaseSettings):
    database_url: str


class Base(DeclarativeBase): ...


class Thing(Base):
    __tablename__ = "things"

    id: Mapped[int] = mapped_column(primary_key=True)
    n: Mapped[int | None]


settings = Settings()
"""
WIRING = """\
import application

config.set_main_option("sqlalchemy.url", application.settings.database_url.replace("%", "%%"))
target_metadata = application.Base.metadata
"""


def main(rounds: int) -> None:
    """Alternate them, so that a busy machine slows all."""
    with tempfile.TemporaryDirectory() as name, postgres.running() as server:
        folder = Path(name)
        homes = {
            "stock": stock(folder / "stock"),
            "stock, with an application": stock(folder / "wired", wiring=WIRING),
            "ours": ours(folder),
        }
        variables = {}
        for label in homes:
            postgres.create_database(server.url(), label)
            url = server.url(label)
            variables[label] = {"DATABASE_URL": url if label == "ours" else with_driver(url)}
        fill_in(homes["stock"] / "alembic.ini", STOCK_URL, with_driver(server.url("stock")))
        seconds: dict[str, list[float]] = {label: [] for label in homes}
        # The first run of each migrates and fills caches: it is not counted.
        for index in range(rounds + 1):
            for label, home in homes.items():
                start = time.perf_counter()
                run("alembic", "upgrade", "head", cwd=home, variables=variables[label])
                if index:
                    seconds[label].append(time.perf_counter() - start)
    medians = {label: statistics.median(values) for label, values in seconds.items()}
    print(f"{'median of ' + str(rounds):28}{'seconds':>8}{'ours is':>10}")
    for label, median in medians.items():
        print(f"{label:28}{median:8.2f}{medians['ours'] / median:9.2f}x")


def stock(home: Path, *, wiring: str = "") -> Path:
    home.mkdir()
    run("alembic", "init", "-t", "async", "alembic", cwd=home)
    (home / "application.py").write_text(APPLICATION, "utf-8")
    if wiring:
        fill_in(home / "alembic/env.py", "target_metadata = None\n", wiring)
    after = None
    for name, upgrade in THREE.items():
        add_revision(home, name, after, upgrade)
        after = name
    return home


def with_driver(url: str) -> str:
    return url.replace("postgresql", "postgresql+asyncpg")


def fill_in(file: Path, blank: str, text: str) -> None:
    content = file.read_text("utf-8")
    assert blank in content
    file.write_text(content.replace(blank, text), "utf-8")


def ours(folder: Path) -> Path:
    root = write(folder / "repository", REPOSITORY)
    tree = render(make_template(folder / "copier-fastapi-database"), root, root)
    return make_home(tree, folder / "project", THREE)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
