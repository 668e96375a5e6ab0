from fastapi import HTTPException, Request, Security
from fastapi.security import APIKeyHeader

from app.worker import Worker

api_key = APIKeyHeader(name="X-Api-Key", auto_error=False)


def require_key(key: str | None = Security(api_key)) -> str:
    if key != "belt":
        raise HTTPException(403, "missing or wrong API key")
    return key


def get_worker(request: Request) -> Worker:
    # without lifespan (a bare TestClient, for one) nobody works
    worker = getattr(request.app.state, "worker", None)
    if worker is None:
        raise HTTPException(503, "the worker is not running", headers={"Retry-After": "5"})
    return worker
