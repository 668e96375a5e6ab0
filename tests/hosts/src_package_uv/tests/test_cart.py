from decimal import Decimal

import pytest

from shop.cart import Cart, CartFullError, UnknownSkuError
from shop.catalogue import Sku


def test_total_counts_every_piece() -> None:
    cart = Cart(max_lines=2)
    cart.add(Sku("mug"), 2)
    cart.add(Sku("strainer"), 1)
    assert cart.total == Decimal("23.25")


def test_an_unknown_article_is_refused() -> None:
    with pytest.raises(UnknownSkuError):
        Cart(max_lines=1).add(Sku("unicorn"), 1)


def test_a_full_cart_takes_more_of_the_same_only() -> None:
    cart = Cart(max_lines=1)
    cart.add(Sku("mug"), 1)
    cart.add(Sku("mug"), 1)
    with pytest.raises(CartFullError):
        cart.add(Sku("teapot"), 1)
