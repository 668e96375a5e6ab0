from fastapi import FastAPI

from .routes import router
from .settings import AppSettings
from .store import OrderStore


def create_app(**overrides) -> FastAPI:
    cfg = AppSettings(**overrides)
    api = FastAPI(title=cfg.shop_name)

    # un almacén por aplicación: así las pruebas no se pisan
    api.state.store = OrderStore()

    @api.get("/")
    async def about() -> dict[str, str | int]:
        return {"shop": cfg.shop_name, "closes_at": cfg.closing_hour}

    api.include_router(router)
    return api