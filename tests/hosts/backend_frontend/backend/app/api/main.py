from fastapi import APIRouter

from app.api.routes import status, tickets

api_router = APIRouter()
api_router.include_router(tickets.router)
api_router.include_router(status.router)
