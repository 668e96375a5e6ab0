"""Routes below /api/parts."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request

from inventory.settings import Settings
from inventory.stock import Part, Stock

router = APIRouter(prefix="/api/parts", tags=["parts"])


def _stock(request: Request) -> Stock:
    return request.app.state.stock


def _settings(request: Request) -> Settings:
    return request.app.state.settings


@router.get("")
def list_parts(stock: Annotated[Stock, Depends(_stock)]) -> list[Part]:
    return stock.all()


@router.get("/low")
def list_low_parts(
    stock: Annotated[Stock, Depends(_stock)], settings: Annotated[Settings, Depends(_settings)]
) -> list[Part]:
    return [part for part in stock.all() if part.pieces < settings.low_stock]


@router.post("/{number}/take")
def take_part(number: str, stock: Annotated[Stock, Depends(_stock)], pieces: int = 1) -> Part:
    try:
        return stock.take(number, pieces)
    except KeyError:
        raise HTTPException(404, "no such part") from None
    except ValueError as error:
        raise HTTPException(409, str(error)) from None
