import itertools
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from app.api.deps import CurrentDesk

router = APIRouter(prefix="/tickets", tags=["tickets"])


class TicketCreate(BaseModel):
    title: str = Field(min_length=1, max_length=255)
    description: str | None = None


class TicketPublic(TicketCreate):
    id: int
    opened_by: str


class TicketsPublic(BaseModel):
    data: list[TicketPublic]
    count: int


next_id = itertools.count(2)
tickets: dict[int, TicketPublic] = {
    1: TicketPublic(id=1, title="Printer is on fire", opened_by="front-desk"),
}


@router.get("/", response_model=TicketsPublic)
def read_tickets(skip: int = 0, limit: int = 100) -> Any:
    """
    Retrieve tickets.
    """
    page = list(tickets.values())[skip : skip + limit]
    return TicketsPublic(data=page, count=len(tickets))


@router.get("/{id}", response_model=TicketPublic)
def read_ticket(id: int) -> Any:
    """
    Get ticket by ID.
    """
    ticket = tickets.get(id)
    if not ticket:
        raise HTTPException(status_code=404, detail="Ticket not found")
    return ticket


@router.post("/", response_model=TicketPublic, status_code=201)
def create_ticket(*, desk: CurrentDesk, ticket_in: TicketCreate) -> Any:
    """
    Create new ticket.
    """
    ticket = TicketPublic(id=next(next_id), opened_by=desk, **ticket_in.model_dump())
    tickets[ticket.id] = ticket
    return ticket
