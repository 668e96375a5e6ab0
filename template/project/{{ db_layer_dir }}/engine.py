"""The engines of the running event loop, created on first use."""

from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from .create import create_read_engine, create_write_engine
from .settings import DatabaseSettings, read_settings


class _Engines(NamedTuple):
    settings: DatabaseSettings
    write: AsyncEngine
    read: AsyncEngine
    closing: AsyncGenerator[None, None]


# asyncpg binds a connection to the event loop that opened it. TestClient, pytest and
# scripts run one application under several loops, one after another: an engine at
# module level would fail in the second.
_engines: dict[AbstractEventLoop, _Engines] = {}


def get_engine() -> AsyncEngine:
    """Return the engine of the running event loop, which connects when it is used.

    Settings are read with its first use in the loop.

    Raises:
        DatabaseNotConfiguredError: a variable is missing or cannot be used.
        RuntimeError: no event loop is running.

    """
    return _of_running_loop().write


def get_read_engine() -> AsyncEngine:
    """Return the engine on whose connections PostgreSQL refuses to write.

    They lead to DATABASE_READ_URL where that is set. A statement is a transaction of
    its own and costs one round trip. Raises as `get_engine()` does.
    """
    return _of_running_loop().read


def get_settings() -> DatabaseSettings:
    """Return the settings of the engines. Raises as `get_engine()` does."""
    return _of_running_loop().settings


async def dispose_engines() -> None:
    """Close the idle connections of the running event loop."""
    if engines := _engines.pop(get_running_loop(), None):
        await engines.closing.aclose()


def _of_running_loop() -> _Engines:
    loop = get_running_loop()
    if loop not in _engines:
        for closed in [known for known in tuple(_engines) if known.is_closed()]:
            _engines.pop(closed, None)
        settings = read_settings()
        write = create_write_engine(settings)
        read = create_read_engine(settings, write)
        _engines[loop] = _Engines(settings, write, read, _closing(write, read))
        # A generator that has started is closed by asyncio before it closes the loop.
        with suppress(StopIteration):
            anext(_engines[loop].closing).send(None)
    return _engines[loop]


async def _closing(*engines: AsyncEngine) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        for engine in engines:
            await engine.dispose()
