from src.config import CustomBaseSettings


class AuthConfig(CustomBaseSettings):
    AUTH_TOKEN_BYTES: int = 16


auth_config = AuthConfig()
