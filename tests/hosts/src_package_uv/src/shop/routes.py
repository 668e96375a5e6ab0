"""HTTP face of the shop."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request, status
from pydantic import BaseModel, Field

from shop.cart import Cart, CartFullError, UnknownSkuError
from shop.catalogue import PRICES, Sku
from shop.settings import ShopSettings

router = APIRouter()


class Line(BaseModel):
    """One article of a cart."""

    sku: str
    quantity: Annotated[int, Field(gt=0, le=999)] = 1


class CartOut(BaseModel):
    """A cart as clients see it."""

    id: UUID
    lines: list[Line]
    total: str


def present(cart: Cart, currency: str) -> CartOut:
    """Render money as text: floats are no money."""
    return CartOut(
        id=cart.id,
        lines=[Line(sku=sku, quantity=n) for sku, n in sorted(cart.lines.items())],
        total=f"{cart.total:.2f} {currency}",
    )


def get_settings(request: Request) -> ShopSettings:
    """Return the settings the application was started with."""
    settings = request.app.state.settings
    assert isinstance(settings, ShopSettings)  # noqa: S101
    return settings


def get_carts(request: Request) -> dict[UUID, Cart]:
    """Return every open cart."""
    carts: dict[UUID, Cart] = request.app.state.carts
    return carts


SettingsDep = Annotated[ShopSettings, Depends(get_settings)]
CartsDep = Annotated[dict[UUID, Cart], Depends(get_carts)]


@router.get("/prices")
async def list_prices(settings: SettingsDep) -> dict[str, str]:
    """List what everything costs."""
    return {sku: f"{price:.2f} {settings.currency}" for sku, price in PRICES.items()}


@router.post("/carts", status_code=status.HTTP_201_CREATED)
async def open_cart(carts: CartsDep, settings: SettingsDep) -> CartOut:
    """Open an empty cart."""
    cart = Cart(max_lines=settings.max_cart_lines)
    carts[cart.id] = cart
    return present(cart, settings.currency)


@router.post("/carts/{cart_id}/lines")
async def add_line(cart_id: UUID, line: Line, carts: CartsDep, settings: SettingsDep) -> CartOut:
    """Put an article into a cart."""
    cart = carts.get(cart_id)
    if cart is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no such cart")
    try:
        cart.add(Sku(line.sku), line.quantity)
    except UnknownSkuError as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no such article") from error
    except CartFullError as error:
        raise HTTPException(status.HTTP_409_CONFLICT, "the cart is full") from error
    return present(cart, settings.currency)
