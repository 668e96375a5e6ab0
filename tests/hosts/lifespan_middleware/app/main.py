from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import errors
from app.__about__ import __version__
from app.middleware import RequestNumberMiddleware
from app.routers import jobs, meta
from app.worker import Worker


@asynccontextmanager
async def lifespan(app: FastAPI):
    # Kept on app.state, not in a yielded state: the dependency has to see that the
    # worker is gone after shutdown.
    async with Worker().running() as app.state.worker:
        yield
    app.state.worker = None


app = FastAPI(
    title="Conveyor",
    version=__version__,
    lifespan=lifespan,
    docs_url="/",  # the docs are the front page
    redoc_url=None,
)

app.add_middleware(RequestNumberMiddleware)
errors.register(app)

for module in (jobs, meta):
    app.include_router(module.router)
