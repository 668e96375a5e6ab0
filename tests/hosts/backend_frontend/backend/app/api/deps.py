from typing import Annotated

from fastapi import Depends, Header, HTTPException

TOKENS = {"front-desk-token": "front-desk", "it-token": "it"}


def get_current_desk(authorization: Annotated[str | None, Header()] = None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or token not in TOKENS:
        raise HTTPException(status_code=401, detail="Could not validate credentials")
    return TOKENS[token]


CurrentDesk = Annotated[str, Depends(get_current_desk)]
