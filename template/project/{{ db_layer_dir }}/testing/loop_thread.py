"""A thread with an event loop, for connections that tests of any loop can use."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from inspect import isawaitable
from threading import Thread
from typing import Any, TypeAlias, TypeVar

Answer: TypeAlias = Any
Call: TypeAlias = Callable[[], Answer]
Run: TypeAlias = Callable[[Call], Awaitable[Answer]]
T = TypeVar("T")

# Of asyncpg: these wait for nothing.
_AT_ONCE = {"get_attributes", "get_settings", "get_statusmsg", "is_closed"}
_HANDLES = {"Cursor", "PreparedStatement"}


class LoopThread:
    """Where connections live that outlast the event loop of one test.

    asyncpg binds a connection to the loop that opened it. The pytest plugins begin a
    new loop for each test unless told otherwise, and TestClient has one of its own.
    """

    def __init__(self) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Let the calling thread wait for the work."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Let the running task wait for the work."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return await asyncio.wrap_future(future)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Let the running task wait for work that goes on when it is cancelled."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return await asyncio.shield(asyncio.wrap_future(future))

    async def call(self, call: Call) -> Answer:
        """Let the running task wait for what the function does."""
        return await self.wait(answer(call))

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for nothing."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        """End the thread, in which nothing is open any more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def answer(call: Call) -> Answer:
    """Return what the function returns, or that for which it lets wait."""
    found = call()
    return await found if isawaitable(found) else found


class Elsewhere:
    """An object of asyncpg in the thread, used as if it were in this one."""

    def __init__(self, target: Answer, run: Run) -> None:
        """Let `run` make the calls that wait for PostgreSQL."""
        self._target = target
        self._run = run

    def __getattr__(self, name: str) -> Answer:
        """Return the attribute, or what calls it there."""
        attribute = getattr(self._target, name)
        if name in _AT_ONCE or not callable(attribute):
            return attribute
        if name == "transaction":
            return lambda **options: Elsewhere(attribute(**options), self._run)
        return partial(self._call, attribute)

    async def __aenter__(self) -> None:
        """Begin a transaction, of which asyncpg makes a context."""
        await self._run(self._target.__aenter__)

    async def __aexit__(self, *error: object) -> None:
        """End it."""
        await self._run(partial(self._target.__aexit__, *error))

    async def _call(
        self,
        method: Callable[..., Answer],
        *arguments: object,
        **options: object,
    ) -> Answer:
        found = await self._run(partial(method, *arguments, **options))
        handle = type(found).__name__ in _HANDLES
        return Elsewhere(found, self._run) if handle else found


class OwnConnection(Elsewhere):
    """A connection that nobody else uses."""

    def __init__(self, driver: Answer, thread: LoopThread) -> None:
        """Use the connection that the thread has opened."""
        super().__init__(driver, thread.call)
        self._thread = thread

    def terminate(self) -> None:
        """Hang up, as asyncpg does."""
        self._thread.soon(answer(self._target.terminate))

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """Call back in the loop of the task that listens."""
        loop = asyncio.get_running_loop()
        later = partial(loop.call_soon_threadsafe, callback)
        await self._call(self._target.add_listener, channel, later)
