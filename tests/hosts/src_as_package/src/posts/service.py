from src.posts.schemas import Post, PostIn

_posts: dict[str, Post] = {
    "hello-world": Post(slug="hello-world", title="Hello, world", body="First!", author="ada"),
}


def get_all() -> list[Post]:
    return list(_posts.values())


def get_by_slug(slug: str) -> Post | None:
    return _posts.get(slug)


def publish(post: PostIn, author: str) -> Post:
    slug = "-".join(post.title.lower().split())
    _posts[slug] = Post(slug=slug, author=author, **post.model_dump())
    return _posts[slug]
