from typing import Annotated

from fastapi import APIRouter, Depends, status

from src.auth.dependencies import parse_token
from src.posts import service
from src.posts.dependencies import valid_post_slug
from src.posts.schemas import Post, PostIn

router = APIRouter()


@router.get("")
async def get_posts() -> list[Post]:
    return service.get_all()


@router.get("/{slug}")
async def get_post(post: Annotated[Post, Depends(valid_post_slug)]) -> Post:
    return post


@router.post("", status_code=status.HTTP_201_CREATED)
async def publish_post(post: PostIn, author: Annotated[str, Depends(parse_token)]) -> Post:
    return service.publish(post, author)
