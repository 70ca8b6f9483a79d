"""The nouns of billing, one a file."""

from billing.models.adjudications import (
    Adjudication,
    Outcome,
    Responsibility,
    ResponsibilityKind,
)
from billing.models.adjustments import Adjustment, AdjustmentKind
from billing.models.allocations import Allocation
from billing.models.audit import AuditEvent, EventKind
from billing.models.chain import ChainLink
from billing.models.clinic import Clinic, Logo, ReversalDefault, clinic_name, shown
from billing.models.deposits import Deposit, DepositItem
from billing.models.desk_settings import DeskSettings, uses_letter_keys
from billing.models.documents import Document, DocumentKind, StatementBatch
from billing.models.drafts import PaymentDraft
from billing.models.exports import Export
from billing.models.fees import Fee, Service
from billing.models.history import KEPT, history_of
from billing.models.import_files import ImportFile
from billing.models.invoices import Invoice, InvoiceLine
from billing.models.journal import AccountType, JournalBatch, JournalItem, LedgerAccount
from billing.models.numbering import NumberSeries
from billing.models.offsets import Offset, OffsetKind
from billing.models.payments import Kind, Method, Payment
from billing.models.periods import ClosingDate
from billing.models.remittances import (
    CodeAction,
    Decision,
    EraFile,
    EraInterchange,
    PayerKey,
    Remittance,
    RemittanceClaim,
    RemittanceOffset,
    RemittanceRow,
    RemittanceState,
    RowState,
)
from billing.models.submissions import Submission
from billing.models.voids import LineVoid

__all__ = [
    "KEPT",
    "AccountType",
    "Adjudication",
    "Adjustment",
    "AdjustmentKind",
    "Allocation",
    "AuditEvent",
    "ChainLink",
    "Clinic",
    "ClosingDate",
    "CodeAction",
    "Decision",
    "Deposit",
    "DepositItem",
    "DeskSettings",
    "Document",
    "DocumentKind",
    "EraFile",
    "EraInterchange",
    "EventKind",
    "Export",
    "Fee",
    "ImportFile",
    "Invoice",
    "InvoiceLine",
    "JournalBatch",
    "JournalItem",
    "Kind",
    "LedgerAccount",
    "LineVoid",
    "Logo",
    "Method",
    "NumberSeries",
    "Offset",
    "OffsetKind",
    "Outcome",
    "PayerKey",
    "Payment",
    "PaymentDraft",
    "Remittance",
    "RemittanceClaim",
    "RemittanceOffset",
    "RemittanceRow",
    "RemittanceState",
    "Responsibility",
    "ResponsibilityKind",
    "ReversalDefault",
    "RowState",
    "Service",
    "StatementBatch",
    "Submission",
    "clinic_name",
    "history_of",
    "shown",
    "uses_letter_keys",
]
