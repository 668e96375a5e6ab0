from pydantic import BaseModel, Field


class PostIn(BaseModel):
    title: str = Field(max_length=80)
    body: str = ""


class Post(PostIn):
    slug: str
    author: str
