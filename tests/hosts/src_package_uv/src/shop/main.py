"""The application."""

from typing import Final

from fastapi import FastAPI

from shop.routes import router
from shop.settings import ShopSettings

app: Final = FastAPI(title="shop", version="2.3.0")
app.state.settings = ShopSettings()
app.state.carts = {}
app.include_router(router)
