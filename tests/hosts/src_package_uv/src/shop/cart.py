"""Carts, kept for as long as the process lives."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID, uuid4

from shop.catalogue import PRICES, Sku


class UnknownSkuError(LookupError):
    """The price list has no such article."""


class CartFullError(ValueError):
    """Another article would exceed the number of lines a cart may have."""


@dataclass(slots=True)
class Cart:
    """Articles and how many of each."""

    max_lines: int
    id: UUID = field(default_factory=uuid4)
    lines: Counter[Sku] = field(default_factory=Counter)

    def add(self, sku: Sku, quantity: int) -> None:
        """Put ``quantity`` more of ``sku`` into the cart."""
        if sku not in PRICES:
            raise UnknownSkuError(sku)
        if sku not in self.lines and len(self.lines) >= self.max_lines:
            raise CartFullError(self.max_lines)
        self.lines[sku] += quantity

    @property
    def total(self) -> Decimal:
        """Sum of all lines, without taxes."""
        return sum((PRICES[sku] * n for sku, n in self.lines.items()), start=Decimal(0))
