from typing import Annotated

from fastapi import APIRouter, Depends, status
from pydantic import BaseModel

from src.auth import service
from src.auth.dependencies import parse_token
from src.exceptions import NotAuthenticated

router = APIRouter()


class AuthUser(BaseModel):
    username: str
    password: str


@router.post("/users/tokens", status_code=status.HTTP_201_CREATED)
async def auth_user(auth_data: AuthUser) -> dict[str, str]:
    token = service.authenticate(auth_data.username, auth_data.password)
    if token is None:
        raise NotAuthenticated()
    return {"access_token": token}


@router.get("/users/me")
async def get_my_account(user: Annotated[str, Depends(parse_token)]) -> dict[str, str]:
    return {"username": user}
