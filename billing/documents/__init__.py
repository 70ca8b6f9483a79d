"""Documents as PDF: what is handed to patients and payers, and kept as it was printed.

A document is read from the books into texts (`statement`, `invoice`, `receipt`, `superbill`),
issued (`issuing`, many at once `batches`: it gets a number and never changes), and set (`render`,
by the Typst templates in `templates/`, one folder a layout). A deposit slip is only set. They read
balances and move no money.
"""

from billing.documents.batches import Batch
from billing.documents.deposit_slip import deposit_slip
from billing.documents.invoice import invoice
from billing.documents.issuing import Draft, hold, issue, issue_all, pdf_of, unchanged
from billing.documents.receipt import receipt
from billing.documents.render import Bundle, can_draw, render
from billing.documents.statement import statement
from billing.documents.superbill import superbill

__all__ = [
    "Batch",
    "Bundle",
    "Draft",
    "can_draw",
    "deposit_slip",
    "hold",
    "invoice",
    "issue",
    "issue_all",
    "pdf_of",
    "receipt",
    "render",
    "statement",
    "superbill",
    "unchanged",
]
