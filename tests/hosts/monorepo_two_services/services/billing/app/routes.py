from __future__ import annotations

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from services.billing.app.invoices import VAT_PERCENT, Invoice, Ledger

router = APIRouter()
ledger = Ledger()


class IssueRequest(BaseModel):
    net_cents: int = Field(gt=0)


class InvoiceResponse(BaseModel):
    number: str
    net_cents: int
    gross_cents: int

    @classmethod
    def of(cls, invoice: Invoice) -> InvoiceResponse:
        return cls(
            number=invoice.number,
            net_cents=invoice.net_cents,
            gross_cents=invoice.gross_cents,
        )


@router.get("/rates")
def read_rates() -> dict[str, int]:
    return {"vat_percent": VAT_PERCENT}


@router.post("/invoices", status_code=201)
def issue_invoice(request: IssueRequest) -> InvoiceResponse:
    return InvoiceResponse.of(ledger.issue(request.net_cents))


@router.get("/invoices/{number}")
def read_invoice(number: str) -> InvoiceResponse:
    invoice = ledger.invoices.get(number)
    if invoice is None:
        raise HTTPException(status_code=404, detail=f"Invoice {number} was never issued")
    return InvoiceResponse.of(invoice)
