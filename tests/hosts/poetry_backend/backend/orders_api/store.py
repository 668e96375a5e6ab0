from itertools import count

from pydantic import BaseModel, PositiveInt


class OrderIn(BaseModel):
    product: str
    quantity: PositiveInt = 1


class Order(OrderIn):
    number: int
    done: bool = False


class OrderStore:
    def __init__(self):
        self._numbers = count(1)
        self._orders: list[Order] = []

    def place(self, order: OrderIn) -> Order:
        placed = Order(number=next(self._numbers), **order.model_dump())
        self._orders.append(placed)
        return placed

    def pending(self) -> list[Order]:
        return [o for o in self._orders if not o.done]

    def finish(self, number: int) -> bool:
        for o in self._orders:
            if o.number == number and not o.done:
                o.done = True
                return True
        return False
