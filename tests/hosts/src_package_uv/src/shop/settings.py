"""What the environment may change."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ShopSettings(BaseSettings):
    """Settings of the shop, read from ``SHOP_*``."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", frozen=True)

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    max_cart_lines: Annotated[int, Field(gt=0)] = 20
