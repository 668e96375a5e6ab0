from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

VAT_PERCENT = 7


@dataclass
class Invoice:
    number: str
    net_cents: int
    issued: date = field(default_factory=date.today)

    @property
    def gross_cents(self) -> int:
        # Half a cent is rounded up, as the tax office wants it; round() would not.
        return (self.net_cents * (100 + VAT_PERCENT) + 50) // 100


class Ledger:
    def __init__(self) -> None:
        self.invoices: dict[str, Invoice] = {}

    def issue(self, net_cents: int) -> Invoice:
        invoice = Invoice(f"R{len(self.invoices) + 1:05d}", net_cents)
        self.invoices[invoice.number] = invoice
        return invoice
