"""What Alembic runs for each of its commands, called by env.py."""

import asyncio
from logging.config import fileConfig
from typing import TYPE_CHECKING

from alembic import context, util

from .create import create_migration_engine
from .errors import DatabaseNotConfiguredError
from .tables import load_models

if TYPE_CHECKING:
    from sqlalchemy import Connection


def run() -> None:
    """Do what the command asked for, on the database or as SQL text (`--sql`).

    The URL never passes through Alembic's configuration, whose parser takes a `%` in a
    password for the start of a variable.
    """
    config = context.config
    # On the command line only: called from an application or a test, fileConfig would
    # replace the handlers of its root logger.
    if config.cmd_opts is not None and config.config_file_name is not None:
        fileConfig(config.config_file_name, disable_existing_loggers=False)

    if context.is_offline_mode():
        context.configure(
            dialect_name="postgresql",
            target_metadata=load_models(),
            literal_binds=True,
            dialect_opts={"paramstyle": "named"},
        )
        with context.begin_transaction():
            context.run_migrations()
    else:
        asyncio.run(_run_online())


async def _run_online() -> None:
    try:
        engine = create_migration_engine()
    except DatabaseNotConfiguredError as error:
        # Alembic prints the sentence of a CommandError, a traceback for anything else.
        raise util.CommandError(str(error)) from error
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)


def _migrate(connection: "Connection") -> None:
    context.configure(
        connection=connection,
        target_metadata=load_models(),
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()
