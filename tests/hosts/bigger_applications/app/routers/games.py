from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, Field

from ..dependencies import get_query_token

router = APIRouter(
    prefix="/games",
    tags=["games"],
    dependencies=[Depends(get_query_token)],
    responses={404: {"description": "Not found"}},
)


class Game(BaseModel):
    name: str
    players: int = Field(ge=1, le=12)
    lent_to: str | None = None


fake_games_db = {
    "azul": Game(name="Azul", players=4),
    "hanabi": Game(name="Hanabi", players=5, lent_to="rosa"),
}


@router.get("/")
async def read_games():
    return fake_games_db


@router.get("/{game_id}")
async def read_game(game_id: str):
    if game_id not in fake_games_db:
        raise HTTPException(status_code=404, detail="Game not found")
    return {"game_id": game_id, **fake_games_db[game_id].model_dump()}


@router.put(
    "/{game_id}",
    tags=["custom"],
    responses={403: {"description": "Operation forbidden"}},
)
async def update_game(game_id: str, game: Game):
    if game_id != "hanabi":
        raise HTTPException(status_code=403, detail="You can only update the game: hanabi")
    return {"game_id": game_id, **game.model_dump()}
