"""How fast the seed writes rows, against COPY into a table of the same kind.

uv run tests/benchmarks/seed_time.py [--rows N] [--rounds N]

The aims: a first run with at least half the rows/s of COPY, a second run, in which nothing has
changed, at least as fast as the first, and memory that does not grow with the number of rows.
"""

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "template")]

import postgres
from layering import environment, make_template
from rendering import render, write
from runtime.application import REPOSITORY

MODEL = """\
from sqlalchemy.orm import Mapped, mapped_column

from layered.models import Base, TimestampMixin


class Item(TimestampMixin, Base):
    __tablename__ = "items"

    name: Mapped[str] = mapped_column(unique=True)
    quantity: Mapped[int]
    price: Mapped[float]
"""
COLUMNS = ("name", "quantity", "price")
MEMORY = (10_000, 100_000, 1_000_000)  # rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000, help="%(default)s by default")
    parser.add_argument("--rounds", type=int, default=5, help="%(default)s by default")
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        asyncio.run(seed(options.memory_of))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    with tempfile.TemporaryDirectory() as folder, postgres.running() as database:
        project = layered_project(Path(folder))
        variables = {"DATABASE_URL": database.url(), "PYTHONPATH": str(project)}
        os.environ["DATABASE_URL"] = database.url()
        sys.path.insert(0, str(project))
        asyncio.run(compare(database.url(), options.rows, options.rounds))
        for count in MEMORY:
            measured = subprocess.run(
                [sys.executable, __file__, "--memory-of", str(count)],
                env=environment(variables),
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            print(
                f"{count:9,} rows from a generator: {int(measured.stdout) / 1024:.0f} MiB at most"
            )


def layered_project(folder: Path) -> Path:
    root = write(folder / "repository", REPOSITORY)
    tree = render(make_template(folder / "template"), root, root)
    write(tree.application, {"models/items.py": MODEL})
    return tree.import_root


async def compare(url: str, rows: int, rounds: int) -> None:
    """Alternate the three, so that a busy machine slows all of them."""
    await import_module("layered.core.database").init_db()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE copied (LIKE items INCLUDING ALL)")
    seconds: dict[str, list[float]] = {"COPY": [], "first seed": [], "second seed": []}
    for number in range(rounds + 1):
        await connection.execute("TRUNCATE items, copied")
        await connection.execute("CHECKPOINT")
        for label, taken in seconds.items():
            start = time.perf_counter()
            if label == "COPY":
                await connection.copy_records_to_table(
                    "copied", records=(tuple(row.values()) for row in made(rows)), columns=COLUMNS
                )
            else:
                await seed(rows)
            if number:  # the first round fills caches
                taken.append(time.perf_counter() - start)
    await connection.close()
    print(f"{rows:,} rows, median of {rounds}: {'seconds':>10}{'rows/s':>10}{'/ COPY':>8}")
    for label, taken in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(seconds["COPY"], taken, strict=True))
        median = statistics.median(taken)
        print(f"{label:>28}{median:13.2f}{rows / median:10,.0f}{ratio:8.2f}")


async def seed(rows: int) -> None:
    command = import_module("layered.core.database.seeding.command")
    seeding = import_module("layered.core.database.seeding")
    item = import_module("layered.models.items").Item
    await command._run(lambda: [seeding.Rows(item, key="name", rows=made(rows))], production=False)  # noqa: SLF001


def made(rows: int) -> Iterator[dict[str, Any]]:
    return ({"name": f"item {n}", "quantity": n, "price": n / 4} for n in range(rows))


if __name__ == "__main__":
    main()
