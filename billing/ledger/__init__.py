"""The verbs: every act that moves money or changes what somebody owes.

The only writer of payments, allocations and adjustments. A verb is keyword-only, says who acts
(`by`), is one transaction and costs a constant number of queries: it holds the closing
date, then locks patients, then payments, then lines, each in id order; refuses (LedgerError, whose
text may be shown at the desk) or plans its rows in memory; covers negative credit; dates all rows alike; writes them. The totals
on lines and payments follow by themselves (`billing.guards`). Rule numbers are those of
docs/money.md.

    receiving    money comes in and is put on lines
    insurers     an insurer's payment on lines, and whose the rest is
    credit       an account's credit, un-paying
    adjusting    write-offs, and undoing them
    undoing      reversals and deletions
    moving       refunds and transfers
    drafting     what was done, before it is billed; billing many sessions at once
    invoicing    invoices begin to count; lines are voided
    depositing   receipts go to the bank
    closing      periods are closed and opened again
    journaling   the journal is handed over in batches
    opening      balances of the system before, many at once
    posting      how a verb locks, plans and writes; used by the verbs only
    once         one transaction, and one posting for one form
    allowed      whether whoever acts may do so, and up to which amount
    refusals     the words of a refusal
"""

from billing.ledger.adjusting import adjust, undo_write_off, write_off
from billing.ledger.allowed import (
    NotAllowedError,
    limit_on_refund,
    limit_on_write_off,
    why_not_undone_by,
)
from billing.ledger.closing import close_period, reopen_period
from billing.ledger.credit import allocate_credit, unpay
from billing.ledger.depositing import deposit
from billing.ledger.drafting import (
    bill_session_again,
    bill_sessions,
    change_draft,
    change_session,
    delete_session,
    discard_draft,
    draft_invoice,
    enter_session,
)
from billing.ledger.insurers import set_responsibility
from billing.ledger.invoicing import (
    issue_invoice,
    issue_invoices,
    void_line,
    void_lines,
    why_not_voided,
)
from billing.ledger.journaling import make_journal_batch
from billing.ledger.moving import refund, transfer
from billing.ledger.once import Posted
from billing.ledger.opening import OpeningBalance, record_opening
from billing.ledger.receiving import allocate, record_payment
from billing.ledger.refusals import (
    AlreadyUndoneError,
    LedgerError,
    StaleDraftError,
    StaleLineError,
)
from billing.ledger.undoing import reverse, void, why_not_deleted
from billing.sharing import Entry, OffsetEntry, Owes

__all__ = [
    "AlreadyUndoneError",
    "Entry",
    "LedgerError",
    "NotAllowedError",
    "OffsetEntry",
    "OpeningBalance",
    "Owes",
    "Posted",
    "StaleDraftError",
    "StaleLineError",
    "adjust",
    "allocate",
    "allocate_credit",
    "bill_session_again",
    "bill_sessions",
    "change_draft",
    "change_session",
    "close_period",
    "delete_session",
    "deposit",
    "discard_draft",
    "draft_invoice",
    "enter_session",
    "issue_invoice",
    "issue_invoices",
    "limit_on_refund",
    "limit_on_write_off",
    "make_journal_batch",
    "record_opening",
    "record_payment",
    "refund",
    "reopen_period",
    "reverse",
    "set_responsibility",
    "transfer",
    "undo_write_off",
    "unpay",
    "void",
    "void_line",
    "void_lines",
    "why_not_deleted",
    "why_not_undone_by",
    "why_not_voided",
    "write_off",
]
