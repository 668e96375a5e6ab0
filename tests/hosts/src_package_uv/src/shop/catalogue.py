"""The price list."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NewType

Sku = NewType("Sku", str)

PRICES: Final[Mapping[Sku, Decimal]] = MappingProxyType(
    {
        Sku("mug"): Decimal("9.50"),
        Sku("teapot"): Decimal("34.00"),
        Sku("strainer"): Decimal("4.25"),
    },
)
