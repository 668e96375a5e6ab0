"""What lies on the shelves."""

from pydantic import BaseModel, NonNegativeInt


class Part(BaseModel):
    """A kind of spare part."""

    number: str
    name: str
    pieces: NonNegativeInt


class Stock:
    """All parts of one workshop, kept in memory."""

    def __init__(self) -> None:
        self._parts = {
            part.number: part
            for part in (
                Part(number="CH-11", name="Chain, 11 speed", pieces=12),
                Part(number="TU-28", name="Inner tube, 28 inch", pieces=3),
            )
        }

    def all(self) -> list[Part]:
        return sorted(self._parts.values(), key=lambda part: part.number)

    def take(self, number: str, pieces: int) -> Part:
        """Takes pieces from the shelf.

        Raises:
            KeyError: There is no such part.
            ValueError: There are not enough pieces.
        """
        part = self._parts[number]
        if pieces > part.pieces:
            raise ValueError(f"only {part.pieces} left")
        part.pieces -= pieces
        return part
