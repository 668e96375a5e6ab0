"""Columns, keys and names that the models get without asking."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import layering
from rendering import Tree, render, write
from runtime.application import REPOSITORY, Run, Server


@pytest.fixture(scope="module")
def uuid7_tree(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    root = write(tmp_path_factory.mktemp("uuid7") / "repository", REPOSITORY)
    return render(template, root, root, db_primary_key="uuid7")


@pytest.fixture(scope="module")
def uuid7_module(uuid7_tree: Tree) -> Any:
    spec = spec_from_file_location("uuid7", uuid7_tree.application / "core/database/uuid7.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_timestamps_come_from_the_server(
    layer: Any, database: str, run: Run, server: Server
) -> None:
    ticket_class = import_module("layered.models.tickets").Ticket

    async def live() -> tuple[Any, Any]:
        async with layer.async_session() as session:
            ticket = ticket_class(number=1)
            session.add(ticket)
            await session.flush()
            # Without a further round trip, which an attribute could not make.
            created = (ticket.id, ticket.created_at, ticket.updated_at)
            await session.commit()
            ticket.title = "changed"
            await session.flush()
            updated = (ticket.id, ticket.created_at, ticket.updated_at)
            await session.commit()
        return created, updated

    created, updated = run(live())
    assert created[1] == created[2]
    assert created[:2] == updated[:2]
    assert updated[2] > updated[1]
    assert created[1].tzinfo is not None
    assert abs(datetime.now(UTC) - created[1]) < timedelta(minutes=10)
    assert server.ask("SELECT updated_at FROM tickets") == [updated[2]]
    assert database


def test_a_key_of_its_own_beside_the_timestamps(layer: Any, database: str, run: Run) -> None:
    order_class = import_module("layered.orders.models").Order

    async def live() -> Any:
        async with layer.async_session() as session, session.begin():
            order = order_class(code="A-1")
            session.add(order)
            await session.flush()
            return order.created_at

    assert run(live()).tzinfo is not None
    assert [column.name for column in order_class.__table__.primary_key] == ["code"]
    assert database


def test_integer_keys_are_identities(server: Server) -> None:
    assert server.ask(
        "SELECT data_type || ' ' || is_identity FROM information_schema.columns"
        " WHERE table_name = 'tickets' AND column_name = 'id'"
    ) == ["bigint YES"]


def test_every_constraint_has_a_name_that_migrations_know(server: Server) -> None:
    assert server.ask(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'tickets'::regclass"
        " AND contype <> 'n' ORDER BY 1"
    ) == [
        "ck_tickets_positive",
        "fk_tickets_parent_id_tickets",
        "pk_tickets",
        "uq_tickets_number",
        "uq_tickets_number_title",
    ]
    assert server.ask(
        "SELECT indexname FROM pg_indexes WHERE tablename = 'tickets'"
        " AND indexname LIKE 'ix%' ORDER BY 1"
    ) == ["ix_tickets_title", "ix_tickets_title_number"]


def test_models_are_found_wherever_they_stand(server: Server) -> None:
    """And nothing is imported from tests or from a virtual environment: that would raise."""
    assert server.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1") == [
        *("bills", "deep", "orders", "tickets")
    ]


def test_a_flat_application_finds_its_own_models_only(template: Path, tmp_path: Path) -> None:
    app = "from fastapi import FastAPI\n\napp = FastAPI()\n"
    files = {"main.py": app, "requirements.txt": "fastapi\n"}
    root = write(tmp_path / "flat", files)
    render(template, root, root)
    write(
        root,
        {
            "parts/models.py": "Base = print('parts')\n",
            "training/models.py": "import a_library_for_neural_networks\n",
            "build/lib/models.py": "Base = raise_an_error\n",
            "models/own.py": "print('own')\n",
            "tests/models.py": "raise RuntimeError\n",
            "env/pyvenv.cfg": "",
            "env/lib/models.py": "raise RuntimeError\n",
            ".venv/lib/models.py": "raise RuntimeError\n",
        },
    )
    script = "from core.database.tables import load_models; load_models()"
    printed = layering.run("python", "-c", script, cwd=root).stdout
    assert printed.split() == ["own", "parts"]


def test_uuid7_is_what_rfc_9562_says(uuid7_module: Any) -> None:
    before = time.time_ns() // 1_000_000
    made = [uuid7_module.uuid7() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    for key in made:
        assert (key.version, key.variant) == (7, "specified in RFC 4122")
        assert before <= key.int >> 80 <= after


def test_uuid7_only_grows(uuid7_module: Any) -> None:
    def make(count: int) -> list[UUID]:
        return [uuid7_module.uuid7() for _ in range(count)]

    with ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(make, [25_000] * 4))
    for part in parts:
        assert all(one < next_one for one, next_one in pairwise(part))
    assert len(set().union(*parts)) == 100_000


@pytest.mark.parametrize("jump", [0, -5_000_000_000])
def test_uuid7_grows_when_the_clock_does_not(
    uuid7_module: Any, jump: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    first = uuid7_module.uuid7()
    monkeypatch.setattr(uuid7_module.time, "time_ns", lambda: now + jump)
    made = [first, *(uuid7_module.uuid7() for _ in range(100))]
    assert made == sorted(set(made))


def test_uuid7_borrows_from_the_next_millisecond(uuid7_module: Any) -> None:
    generator = uuid7_module._Generator()  # noqa: SLF001
    first = generator.next()
    generator._counter = (1 << 42) - 1  # noqa: SLF001
    generator._millisecond += 60_000  # noqa: SLF001
    second, third = generator.next(), generator.next()
    assert first < second < third
    assert second.int >> 80 == generator._millisecond  # noqa: SLF001


def test_uuid7_is_the_key_of_the_mixin(uuid7_tree: Tree) -> None:
    text = (uuid7_tree.application / "models/base.py").read_text("utf-8")
    assert re.search(
        r"id: Mapped\[UUID\] = mapped_column\(\s+primary_key=True,\s+default=uuid7,", text
    )
