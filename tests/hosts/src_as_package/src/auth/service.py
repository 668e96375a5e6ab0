import secrets

from src.auth.config import auth_config

_users = {"ada": "difference-engine", "grace": "nanosecond"}
_tokens: dict[str, str] = {}


def authenticate(username: str, password: str) -> str | None:
    if not secrets.compare_digest(_users.get(username, ""), password) or not password:
        return None
    token = secrets.token_hex(auth_config.AUTH_TOKEN_BYTES)
    _tokens[token] = username
    return token


def get_user_by_token(token: str) -> str | None:
    return _tokens.get(token)
