from __future__ import annotations

from fastapi import FastAPI

from services.billing.app.routes import router

app = FastAPI(title="billing")
app.include_router(router, prefix="/v1")