from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from src.auth import service
from src.exceptions import NotAuthenticated

bearer = HTTPBearer(auto_error=False)


def parse_token(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> str:
    user = service.get_user_by_token(credentials.credentials) if credentials else None
    if user is None:
        raise NotAuthenticated()
    return user
