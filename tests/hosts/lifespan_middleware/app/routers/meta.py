from fastapi import APIRouter, Depends, Request

from app.__about__ import __version__
from app.dependencies import require_key

router = APIRouter(tags=["meta"])


@router.get("/version")
async def version() -> dict[str, str]:
    return {"name": "conveyor", "version": __version__}


@router.get("/queue", dependencies=[Depends(require_key)])
async def queue(request: Request) -> dict[str, bool | int]:
    worker = getattr(request.app.state, "worker", None)
    return {"running": worker is not None, "jobs": len(worker.jobs) if worker else 0}


@router.get("/crash", include_in_schema=False)
async def crash(request: Request) -> None:
    raise RuntimeError(f"request {request.state.number} asked for it")
