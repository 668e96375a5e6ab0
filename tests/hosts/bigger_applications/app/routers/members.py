from fastapi import APIRouter, HTTPException

router = APIRouter()

fake_members_db = [{"username": "rosa"}, {"username": "ishmael"}]


@router.get("/members/", tags=["members"])
async def read_members():
    return fake_members_db


@router.get("/members/me", tags=["members"])
async def read_member_me():
    return {"username": "fakecurrentmember"}


@router.get("/members/{username}", tags=["members"])
async def read_member(username: str):
    for member in fake_members_db:
        if member["username"] == username:
            return member
    raise HTTPException(status_code=404, detail="Member not found")
