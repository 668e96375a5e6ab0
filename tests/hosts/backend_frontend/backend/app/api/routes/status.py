from fastapi import APIRouter

router = APIRouter(prefix="/status", tags=["status"])


@router.get("/health-check/")
async def health_check() -> bool:
    return True
