import asyncio
import contextlib
from dataclasses import dataclass, field


@dataclass
class Job:
    id: int
    payload: str
    result: str | None = None


@dataclass
class Worker:
    """Takes jobs from a queue, one at a time.

    The queue belongs to the event loop that started the worker, so a worker is
    never reused: every start of the application makes a new one.
    """

    jobs: dict[int, Job] = field(default_factory=dict)
    queue: asyncio.Queue[Job] = field(default_factory=asyncio.Queue)

    async def run(self) -> None:
        while True:
            job = await self.queue.get()
            job.result = job.payload[::-1]
            self.queue.task_done()

    async def submit(self, payload: str) -> Job:
        job = Job(id=len(self.jobs) + 1, payload=payload)
        self.jobs[job.id] = job
        await self.queue.put(job)
        return job

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
