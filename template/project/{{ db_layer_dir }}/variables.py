"""The variables of the layer, for settings that forbid unknown keys in `.env`."""

from pydantic import Field
from pydantic_settings import BaseSettings


def _known(variable: str) -> str | None:
    """Declare a variable that the application itself does not use."""
    field: str | None = Field(
        default=None,
        validation_alias=variable,
        exclude=True,
        repr=False,
    )
    return field


class DatabaseVariables(BaseSettings):
    """First base of a settings class that reads `.env` and forbids unknown keys there.

    Nothing else changes: no value is checked, shown or dumped, `model_config` stays as
    it is. The layer itself reads `settings.DatabaseSettings`.
    """

    database_layer_url: str | None = _known("DATABASE_URL")
    database_layer_read_url: str | None = _known("DATABASE_READ_URL")
    database_layer_alembic_url: str | None = _known("ALEMBIC_DATABASE_URL")
    database_layer_test_url: str | None = _known("TEST_DATABASE_URL")
    database_layer_echo: str | None = _known("DATABASE_ECHO")
    database_layer_pool_size: str | None = _known("DATABASE_POOL_SIZE")
    database_layer_max_overflow: str | None = _known("DATABASE_MAX_OVERFLOW")
    database_layer_pool_timeout: str | None = _known("DATABASE_POOL_TIMEOUT")
    database_layer_pool_recycle: str | None = _known("DATABASE_POOL_RECYCLE")
    database_layer_statement_timeout: str | None = _known("DATABASE_STATEMENT_TIMEOUT")
    database_layer_lock_timeout: str | None = _known("DATABASE_LOCK_TIMEOUT")
    database_layer_idle_timeout: str | None = _known(
        "DATABASE_IDLE_IN_TRANSACTION_TIMEOUT",
    )
    database_layer_pgbouncer: str | None = _known("DATABASE_PGBOUNCER")
