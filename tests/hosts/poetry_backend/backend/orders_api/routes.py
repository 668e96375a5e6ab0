from fastapi import APIRouter, HTTPException, Request

from .store import Order, OrderIn

router = APIRouter(prefix="/orders")


@router.post("", status_code=201)
async def place(order: OrderIn, request: Request) -> Order:
    return request.app.state.store.place(order)


@router.get("/pending")
async def pending(request: Request) -> list[Order]:
    return request.app.state.store.pending()


@router.post("/{number}/done", status_code=204)
async def done(number: int, request: Request) -> None:
    if not request.app.state.store.finish(number):
        raise HTTPException(404, "pedido no encontrado")
