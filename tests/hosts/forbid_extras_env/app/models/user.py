from typing import Annotated, Literal

from pydantic import BaseModel, Field


class Guest(BaseModel):
    kind: Literal["guest"]
    name: str


class Member(BaseModel):
    kind: Literal["member"]
    card: Annotated[str, Field(pattern=r"^\d{4}$")]


User = Annotated[Guest | Member, Field(discriminator="kind")]
