"""The seed behind a real PgBouncer that lends its connections for one transaction."""

from collections.abc import Iterator
from typing import Any

import pytest

import pgbouncer
from requirements import require
from runtime.application import Run, Server
from runtime.seeded import create_tables

# The tests of the seed once more, with the database of this module.
from runtime.test_seeding import (
    refusal,
    seed,
    seeding,
    small_batches,
    test_a_row_of_a_later_batch_is_found,
    test_rows_are_created_updated_and_left_alone,
    test_rows_that_are_found_after_many_new_ones,
    test_seeds_run_one_after_another,
    test_tables_come_in_the_order_of_their_foreign_keys,
)

__all__ = [
    "refusal",
    "seed",
    "seeding",
    "small_batches",
    "test_a_row_of_a_later_batch_is_found",
    "test_rows_are_created_updated_and_left_alone",
    "test_rows_that_are_found_after_many_new_ones",
    "test_seeds_run_one_after_another",
    "test_tables_come_in_the_order_of_their_foreign_keys",
]


@pytest.fixture(scope="module")
def bouncer(postgres_url: str) -> Iterator[str]:
    """Fewer connections than seeds at once, and prepared statements that do not last."""
    require(pgbouncer.available())
    with pgbouncer.running(postgres_url, default_pool_size=3, max_prepared_statements=0) as url:
        yield url


@pytest.fixture
def server(
    layer: Any, run: Run, database_url: str, bouncer: str, monkeypatch: pytest.MonkeyPatch
) -> Server:
    monkeypatch.setenv("DATABASE_URL", database_url)
    create_tables(layer, run)
    monkeypatch.setenv("DATABASE_URL", pgbouncer.through(bouncer, database_url))
    monkeypatch.setenv("DATABASE_PGBOUNCER", "true")
    return Server(database_url)
