"""Builds the application."""

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from inventory import __version__, api
from inventory.settings import Settings, get_settings
from inventory.stock import Stock


def create_app(settings: Settings | None = None) -> FastAPI:
    """Builds an application with a stock of its own.

    Args:
        settings: Settings to use instead of those of the environment.

    Returns:
        The application, ready to be served.
    """
    settings = settings or get_settings()

    application = FastAPI(title=settings.workshop, version=__version__)
    application.state.settings = settings
    application.state.stock = Stock()
    application.include_router(api.router)
    # Must be last: it answers every path that is left.
    application.mount("/", StaticFiles(directory=settings.static_dir, html=True), name="static")
    return application
