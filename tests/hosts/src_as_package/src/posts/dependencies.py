from src.exceptions import NotFound
from src.posts import service
from src.posts.schemas import Post


async def valid_post_slug(slug: str) -> Post:
    post = service.get_by_slug(slug)
    if not post:
        raise NotFound()
    return post
