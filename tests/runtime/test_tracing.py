"""OpenTelemetry, as docs/database.md says to switch it on: nothing in the layer knows of it.

Instrumenting is for the whole process, so each test is one of its own.
"""

import json
import sys
from typing import Any

import pytest
from sqlalchemy import make_url

import layering
from rendering import Tree

INSTRUMENT = """
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor

SQLAlchemyInstrumentor().instrument(skip_dep_check=True)
"""
SETUP = """
import asyncio
import json
import sys

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import set_tracer_provider

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
set_tracer_provider(provider)
"""
APPLICATION = """
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from layered.core.database import async_session
from layered.core.database.engine import get_read_engine
from layered.models.tickets import Ticket


async def use(number):
    async with get_read_engine().connect() as connection:
        await connection.execute(select(Ticket.number).where(Ticket.title == "canary"))
    try:
        async with async_session() as session, session.begin():
            session.add(Ticket(number=number, title="canary"))
    except IntegrityError:
        pass
"""
# One row that is accepted and one that is not, in an event loop of its own each.
USE = """
asyncio.run(use(1))
asyncio.run(use(-1))

assert ("opentelemetry.instrumentation" in sys.modules) == INSTRUMENTED
for span in exporter.get_finished_spans():
    print(span.to_json(indent=None))
"""


def spans(project: Tree, url: str, *parts: str) -> list[dict[str, Any]]:
    script = [f"INSTRUMENTED = {INSTRUMENT in parts}\n", SETUP, *parts, USE]
    done = layering.run(
        *(sys.executable, "-W", "error", "-c", "".join(script)),
        cwd=project.import_root,
        variables={"DATABASE_URL": url},
    )
    assert done.stderr == ""
    for secret in ("canary", str(make_url(url).password)):
        assert secret not in done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "parts", [(INSTRUMENT, APPLICATION), (APPLICATION, INSTRUMENT)], ids=["before", "after"]
)
def test_every_statement_is_a_span(project: Tree, database: str, parts: tuple[str, ...]) -> None:
    """Instrumented before or after the application is imported, but before it is used."""
    recorded = spans(project, database, *parts)
    assert [(span["name"], span["status"]["status_code"]) for span in recorded] == [
        *(("connect", "UNSET"), ("SELECT", "UNSET"), ("connect", "UNSET"), ("INSERT", "UNSET")),
        *(("connect", "UNSET"), ("SELECT", "UNSET"), ("connect", "UNSET"), ("INSERT", "ERROR")),
    ]
    for span in recorded:
        assert span["attributes"]["db.system"] == "postgresql"
        assert span["attributes"]["db.name"] == make_url(database).database
    assert recorded[1]["attributes"]["db.statement"] == (
        "SELECT tickets.number \nFROM tickets \nWHERE tickets.title = $1::VARCHAR"
    )


def test_nothing_is_there_otherwise(project: Tree, database: str) -> None:
    assert spans(project, database, APPLICATION) == []
