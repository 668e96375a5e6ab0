from typing import Annotated

from fastapi import APIRouter, Body, Depends, HTTPException

from app.dependencies import get_worker, require_key
from app.worker import Job, Worker

router = APIRouter(prefix="/jobs", tags=["jobs"], dependencies=[Depends(require_key)])

WorkerDep = Annotated[Worker, Depends(get_worker)]


@router.post("", status_code=202)
async def submit(worker: WorkerDep, payload: Annotated[str, Body(embed=True, min_length=1)]) -> Job:
    return await worker.submit(payload)


@router.get("/{job_id}")
async def read(worker: WorkerDep, job_id: int) -> Job:
    await worker.queue.join()  # jobs are short: wait for all instead of polling
    try:
        return worker.jobs[job_id]
    except KeyError:
        raise HTTPException(404, f"no job {job_id}") from None
