from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from app import gate
from app.core.config import settings
from app.models import Occupancy, User

app = FastAPI(
    title=f"Turnstile – {settings.gym_name}",
    docs_url="/docs" if settings.docs_enabled else None,
)


@app.exception_handler(gate.GymFull)
async def gym_full(request: Request, exc: gate.GymFull) -> JSONResponse:
    return JSONResponse({"detail": "The gym is full — please wait."}, status_code=409)


@app.exception_handler(gate.NotInside)
async def not_inside(request: Request, exc: gate.NotInside) -> JSONResponse:
    return JSONResponse({"detail": "Nobody like that is inside."}, status_code=404)


@app.get("/occupancy")
async def occupancy() -> Occupancy:
    return gate.occupancy()


@app.post("/enter")
async def enter(user: User) -> Occupancy:
    return gate.enter(user)


@app.post("/leave")
async def leave(user: User) -> Occupancy:
    return gate.leave(user)
