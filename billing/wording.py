"""What the screens of an account say: titles of rows, and sentences about undoing and credit.

Words only. Every figure in them was worked out by `balances` or `sharing`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from billing.balances import (
    AccountBalance,
    Answer,
    CameOff,
    Effect,
    HistoryRow,
    NegativeCredit,
    Use,
    Voiding,
    WrittenOff,
    together,
)
from billing.charging import Owed
from billing.models import Adjustment, Allocation, Invoice, InvoiceLine, Kind, Payment
from billing.models.append_only import AppendOnlyModel
from billing.models.payments import UNDOING
from billing.money import ZERO, show, show_dollars
from patients.models import Patient, Provider

MOST = 3  # so many things are named one by one


def listed(items: Iterable[str], *, most: int = MOST, noun: str = "line") -> str:
    """ "A", "A and B", "A, B and C", "A, B, C and 4 more lines"."""
    all_items = list(items)
    named, rest = all_items[:most], len(all_items) - most
    if rest > 0:
        return f"{', '.join(named)} and {rest} more {noun if rest == 1 else noun + 's'}"
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def day(date: datetime.date) -> str:
    return f"{date:%d %b %Y}"


def full_name(user: AbstractBaseUser) -> str:
    """Whoever did something, in a list that is kept: Ana Rell."""
    return user.get_full_name() or user.get_username()  # type: ignore[attr-defined]


def who(user: AbstractBaseUser) -> str:
    """The same in a sentence: Ana."""
    return user.get_short_name() or str(user)  # type: ignore[attr-defined]


def moment(row: AppendOnlyModel) -> str:
    """When a row was entered: the time, and the day too where it is not the row's own."""
    at = timezone.localtime(row.created_at)
    return f"{at:%H:%M}" if at.date() == row.date else f"{at:%d %b %H:%M}"


# ---------------------------------------------------------------------------- payments


@dataclass(frozen=True)
class Title:
    """The name of a payment row; `number` is what links to its page."""

    before: str
    number: str
    after: str = ""

    def __str__(self) -> str:
        return f"{self.before} {self.number}{self.after}".strip()


_WHAT = {
    Kind.RECEIPT: "payment",
    Kind.REFUND: "refund of",
    Kind.TRANSFER_OUT: "transfer out of",
    Kind.TRANSFER_IN: "transfer",
}


def title(payment: Payment) -> Title:
    """ "Payment R-2207, cash", "Reversed payment R-2207", "Refund of R-2207, card"."""
    if payment.kind in UNDOING and payment.original:
        done = "Deleted" if payment.kind == Kind.VOID else "Reversed"
        what = _WHAT[Kind(payment.original.kind)]
        return Title(f"{done} {what}", payment.original.number or _source_number(payment))
    how = f", {payment.get_method_display().lower()}" if payment.method else ""
    what = _WHAT[Kind(payment.kind)].capitalize()
    if payment.kind == Kind.TRANSFER_IN and not payment.number:
        return Title("Transfer into", _source_number(payment))
    return Title(what, payment.number or _source_number(payment), how)


def _source_number(payment: Payment) -> str:
    return (payment.source.number if payment.source else "") or ""


def undone(undoing: Payment) -> str:
    """ "This payment was already reversed on 14 Nov 2025 at 10:31 by Ana."."""
    done = "deleted" if undoing.kind == Kind.VOID else "reversed"
    at = timezone.localtime(undoing.created_at)
    return (
        f"This payment was already {done} on {day(at.date())} at {at:%H:%M}"
        f" by {who(undoing.created_by)}."
    )


@dataclass(frozen=True)
class Event:
    """One thing that happened to a payment, as its own page lists it."""

    row: Payment | Allocation
    text: str
    line: InvoiceLine | None = None
    number: str = ""  # of the transfer it leads to

    @property
    def can_undo(self) -> bool:
        """A refund that stands; it may not have happened after all."""
        row = self.row
        return isinstance(row, Payment) and row.kind == Kind.REFUND and not row.reversed


def events(
    payment: Payment, drawn: Iterable[Payment], allocations: Iterable[Allocation]
) -> list[Event]:
    """Everything that happened to a payment, in the order it was entered."""
    found = [Event(row, *_drawn(row)) for row in drawn]
    found += [
        Event(row, "Allocated to" if row.amount > 0 else "Un-paid on", row.line)
        for row in allocations
    ]
    first = Event(payment, "Received" if payment.kind == Kind.RECEIPT else "Transferred in")
    return [first, *sorted(found, key=lambda event: (event.row.created_at, event.row.amount))]


def _drawn(row: Payment) -> tuple[str, None, str]:
    if row.kind == Kind.TRANSFER_OUT:
        into = next((each for each in row.answers.all() if each.number), None)
        if into and into.number:
            return f"Transferred to {into.patient}, {into.provider}", None, into.number
    return str(title(row)), None, ""


# ---------------------------------------------------------------------------- history


@dataclass(frozen=True)
class Entry:
    """A row of the financial history with its words."""

    row: HistoryRow
    title: Title | None = None
    undone: Payment | None = None
    notes: Sequence[str] = field(default_factory=list)
    answer: Answer | None = None

    @property
    def label(self) -> str:
        """What the row is called where only text can stand: "More actions for …"."""
        if self.row.written_off:
            return f"{written_off(self.row.written_off.row)} on {self.row.line}"
        if self.row.line:
            return f"void of {self.row.line}" if self.row.under else f"{self.row.line}"
        return str(self.title)

    @property
    def can_undo(self) -> bool:
        payment = self.row.payment
        return bool(payment and payment.is_money_in and not payment.reversed)

    @property
    def can_undo_refund(self) -> bool:
        payment = self.row.payment
        return bool(payment and payment.kind == Kind.REFUND and not payment.reversed)

    @property
    def can_delete(self) -> bool:
        payment = self.row.payment
        return self.can_undo and bool(payment and payment.kind == Kind.RECEIPT)


def entries(
    rows: Sequence[HistoryRow],
    off: Mapping[int, Sequence[CameOff]],
    answers: Mapping[int, Answer],
) -> list[Entry]:
    """The history as the screen shows it.

    `off`: what came off undone receipts' lines; `answers`: what insurers said on lines.
    """
    undoings = {
        row.payment.original_id: row.payment
        for row in rows
        if row.payment and row.payment.kind in UNDOING
    }
    return [
        Entry(
            row,
            title(row.payment) if row.payment else None,
            undoings.get(row.payment.pk) if row.payment else None,
            _notes(row, off),
            answers.get(row.line.pk) if row.line else None,
        )
        for row in rows
    ]


def written_off(row: Adjustment) -> str:
    """ "Courtesy write-off", "Contractual write-off"."""
    kind: str = row.get_kind_display()
    return kind if kind.endswith("write-off") else f"{kind} write-off"


def _notes(row: HistoryRow, off: Mapping[int, Sequence[CameOff]]) -> list[str]:
    if row.written_off:
        return _notes_on_write_off(row.written_off)
    payment = row.payment
    if row.void and row.under:
        return [row.void.reason, f"{who(row.void.created_by)} {moment(row.void)}"]
    if payment is None:
        return []
    if not row.under:
        return [payment.reason] if payment.reason else []
    if payment.kind not in UNDOING:
        return [payment.reason, f"{who(payment.created_by)} {moment(payment)}"]
    notes = [payment.reason]
    if payment.note:
        notes.append(payment.note)
    notes.append(f"{who(payment.created_by)} {moment(payment)}")
    assert payment.original_id  # noqa: S101
    gone = off.get(payment.original_id, [])
    notes += [
        f"{show(each.amount)} of {each.line.invoice} {each.reason[:1].lower()}{each.reason[1:]}"
        if each.reason
        else f"{show(each.amount)} un-paid on {each.line.invoice}"
        for each in gone[:MOST]
    ]
    if len(gone) > MOST:
        notes.append(f"and {len(gone) - MOST} more")
    overdrawn = row.balance
    if overdrawn > 0:
        notes.append(f"the {show(-overdrawn)} credit comes from here")
    return notes


def _notes_on_write_off(found: WrittenOff) -> list[str]:
    notes = [found.row.reason, f"{who(found.row.created_by)} {moment(found.row)}"]
    if found.undone:
        when = f"{day(found.undone.date)} by {who(found.undone.created_by)}"
        notes.append(f"undone on {when}: {found.undone.reason}")
    elif found.line_is_void:
        notes.append("the line was voided")
    return notes


# ---------------------------------------------------------------------------- negative credit


@dataclass(frozen=True)
class UnpayButton:
    payment: Payment
    label: str


@dataclass(frozen=True)
class Why:
    """The panel that explains a negative credit and offers the two ways on."""

    provider_id: int
    credit: Decimal
    heading: str
    text: str
    nothing: str
    unpay_heading: str
    unpay: str
    buttons: Sequence[UnpayButton]


def why(found: NegativeCredit, undoings: Mapping[int, Payment], given_name: str) -> Why:
    """`undoings` says how each receipt that still pays lines was undone."""
    balance = found.balance
    assert balance.provider  # noqa: S101
    doctor, credit = balance.provider.name, show(balance.credit)
    uses = [Use(line, amount) for line, amount in found.lines]
    sentences = [_cause(payment, lines, undoings[payment.pk]) for payment, lines in found.causes]
    sentences.append(f"The net balance of {show(balance.net)} is right either way. You can:")
    lift = show(-balance.credit)
    nothing = f"The next {lift} {given_name} pays to {doctor} brings the credit back to 0.00."
    back = f"the credit goes back to {show(-found.off_lines)}"
    if len(uses) == 1:
        unpay = f"{_owes_again(uses[0])} and {back}, straight away."
    else:
        unpay = f"The {len(uses)} lines owe these amounts again and {back}, straight away."
    return Why(
        provider_id=balance.provider.pk,
        credit=balance.credit,
        heading=f"Why {doctor}'s credit is {credit}",
        text=" ".join(sentences),
        nothing=nothing + _until_then(uses),
        unpay_heading="Un-pay the invoice line" if len(uses) == 1 else "Un-pay the invoice lines",
        unpay=unpay,
        buttons=[
            UnpayButton(payment, _unpay_label([Use(*each) for each in lines]))
            for payment, lines in found.causes
            if lines
        ],
    )


def _cause(payment: Payment, lines: Sequence[tuple[InvoiceLine, Decimal]], undoing: Payment) -> str:
    how = payment.get_method_display().lower() or "transferred"
    what = "Payment" if payment.kind == Kind.RECEIPT else "Transfer"
    done = "deleted" if undoing.kind == Kind.VOID else "reversed"
    start = (
        f"{what} {payment.number} ({show(payment.amount)}, {how})"
        f" was {done} on {undoing.date:%d %b}"
    )
    if not lines:
        return f"{start}, after {show(-payment.unallocated)} of it had been paid back or moved."
    if len(lines) == 1:
        line, amount = lines[0]
        its = f"its {show(amount)}" if amount == payment.amount else f"{show(amount)} of it"
        still = f"{line.invoice} still counts {its}"
    else:
        counted = listed(f"{line.invoice} {show(amount)}" for line, amount in lines)
        still = f"{len(lines)} lines still count it: {counted}"
    return f"{start}, but {still}."


def _owes_again(use: Use) -> str:
    full = "its full " if use.owing_without == use.line.amount else ""
    return f"{use.line.invoice} owes {full}{show(use.owing_without)} again"


def _until_then(uses: Sequence[Use]) -> str:
    if not uses:
        return ""
    if len(uses) > MOST:
        return f" Until then {len(uses)} lines show less owing than without that money."
    shown = [
        f"{use.line.invoice} shows {show(use.line.balance)} owing, not {show(use.owing_without)}"
        for use in uses
    ]
    return f" Until then {listed(shown)}."


def _unpay_label(uses: Sequence[Use]) -> str:
    where = str(uses[0].line.invoice) if len(uses) == 1 else f"{len(uses)} lines"
    return f"Un-pay {show(together(uses))} on {where}"


# ---------------------------------------------------------------------------- sessions


def session_saved(
    patient: Patient, provider: Provider, date: datetime.date, owed: Owed
) -> tuple[str, str]:
    """ "Smith, John with Dr 1 on 27 Nov 2026:" "2 services, $97.00." """
    services = "1 service" if owed.lines == 1 else f"{owed.lines} services"
    return f"{patient.name} with {provider} on {day(date)}:", (
        f"{services}, {show_dollars(owed.total)}."
    )


def billed(invoices: Sequence[Invoice], sessions: int) -> tuple[str, str]:
    """ "3 invoices issued." "INV-1043 to INV-1045, for 4 sessions." """
    of = "1 session" if sessions == 1 else f"{sessions} sessions"
    if len(invoices) == 1:
        return f"{invoices[0]} issued.", f"For {of}."
    return f"{len(invoices)} invoices issued.", f"{invoices[0]} to {invoices[-1]}, for {of}."


# ---------------------------------------------------------------------------- invoices


def invoice_state(lines: Sequence[InvoiceLine]) -> tuple[str, str]:
    """How it stands with an issued invoice: the tag's colour and its word."""
    if all(line.voided for line in lines):
        return "", "Void"
    return ("warn", "Open") if any(line.balance for line in lines) else ("good", "Paid")


def unpaid_by_voiding(voiding: Voiding) -> str:
    """ "20.00 of R-2207 and 15.00 of R-2210 become credit again." """
    if not voiding.unpaid:
        return "Nobody paid anything on these lines."
    named = listed(
        (f"{show(link.amount)} of {link.payment.number}" for link in voiding.unpaid),
        noun="payment",
    )
    one = len(voiding.unpaid) == 1
    return f"{named} {'is' if one else 'are'} un-paid and {'becomes' if one else 'become'} credit."


def after_voiding(
    invoice: Invoice, lines: Sequence[InvoiceLine], voiding: Voiding, *, whole: bool
) -> tuple[str, str]:
    """ "INV-1042 voided." "50.00 came off, 20.00 of it un-paid: it is credit again." """
    if whole:
        what = f"{invoice} voided."
    elif len(lines) == 1:
        what = f"{lines[0].description} on {invoice} voided."
    else:
        what = f"{len(lines)} lines of {invoice} voided."
    off = f"{show(voiding.written_off)} came off"
    if not voiding.unpaid:
        return what, f"{off}; nobody had paid anything."
    return what, f"{off}, {show(voiding.unpaid_total)} of it un-paid: it is credit again."


# ---------------------------------------------------------------------------- before undoing


def used_on(payment: Payment, uses: Sequence[Use]) -> str:
    """ "INV-1042, 170.00 on 2 lines; INV-1050, 20.00": each invoice once, with what it got."""
    if not uses:
        gone = payment.returned
        return f"no invoice; {show(gone)} was moved or paid back" if gone else "nothing yet"
    found: dict[str, list[Decimal]] = {}
    for use in uses:
        found.setdefault(use.line.invoice.number or "", []).append(use.amount)
    told = [
        f"{number}, {show(sum(amounts, ZERO))}"
        + (f" on {len(amounts)} lines" if len(amounts) > 1 else "")
        for number, amounts in found.items()
    ]
    more = f" and {len(told) - MOST} more" if len(told) > MOST else ""
    return "; ".join(told[:MOST]) + more


def question(uses: Sequence[Use]) -> str:
    """What the two cards answer."""
    paid = f"This payment already paid {show(together(uses))}"
    if len(uses) == 1:
        return f"{paid} of {where(uses)}. What should happen to that line?"
    return f"{paid} on {where(uses)}. What should happen to them?"


def gave_back(uses: Sequence[Use]) -> str:
    """What reversing an insurer's payment did to lines."""
    return f"Everything that came with it is un-paid on {where(uses)}." if uses else ""


def where(uses: Sequence[Use]) -> str:
    """ "INV-1042" or "3 lines"."""
    return str(uses[0].line.invoice) if len(uses) == 1 else f"{len(uses)} lines"


@dataclass(frozen=True)
class Choice:
    """One of the two cards of the reversal, with balances now and after for each account."""

    value: str
    label: str
    text: str
    after: str
    accounts: Sequence[tuple[str, AccountBalance, AccountBalance]]


def choices(uses: Sequence[Use], effects: Sequence[Effect]) -> list[Choice]:
    """Un-pay, or leave paid."""
    several = len(uses) > 1
    own = effects[0]
    assert own.now.provider  # noqa: S101
    if several:
        invoices = list(dict.fromkeys(str(use.line.invoice) for use in uses))
        owing = f"The {len(uses)} lines of {invoices[0]}"
        if len(invoices) > 1:
            owing = listed(invoices, noun="invoice")
        unpay = f"{owing} owe these amounts again."
        keep = f"The {len(uses)} lines keep what was paid."
    else:
        unpay = f"{_owes_again(uses[0])}."
        keep = f"{uses[0].line.invoice} keeps its {show(uses[0].amount)}."
    if own.left_paid.credit < 0:
        keep += f" The credit goes negative until the next payment to {own.now.provider}."
    else:
        keep += " Other credit takes over."
    named = accounts_named(effects)
    return [
        Choice(
            "unpay",
            f"Un-pay the {len(uses)} lines it paid" if several else "Un-pay the line it paid",
            f"{unpay} Best when the payment was a mistake.",
            "if un-paid",
            [(name, each.now, each.unpaid) for name, each in named],
        ),
        Choice(
            "leave",
            "Leave invoices paid",
            keep,
            "if left paid",
            [(name, each.now, each.left_paid) for name, each in named],
        ),
    ]


def accounts_named(effects: Sequence[Effect]) -> list[tuple[str, Effect]]:
    """Each account that is touched, with its name where there is another it could be taken for."""
    if len(effects) == 1:
        return [("", effects[0])]
    return [(f"{each.patient.name}, {each.now.provider}", each) for each in effects]


def after_undoing(
    payment: Payment, done: str, uses: Sequence[Use], *, unpaid: bool, credit: AccountBalance
) -> tuple[str, str]:
    """What the notice says once it is done: the bold sentence, and the rest."""
    if not uses:
        return f"{payment.number} {done}.", f"{credit.provider}'s credit is {show(credit.credit)}."
    total = show(together(uses))
    if unpaid:
        return f"{payment.number} {done} and {total} un-paid on {where(uses)}.", ""
    keeps = f"{where(uses)} keeps its {total}" if len(uses) == 1 else f"{where(uses)} keep {total}"
    return f"{payment.number} {done}.", (
        f"{keeps}, so {credit.provider}'s credit is {show(credit.credit)}."
    )


# ---------------------------------------------------------------------------- after moving credit


def after_moving(
    moved: Sequence[tuple[InvoiceLine, Decimal]], account: AccountBalance
) -> tuple[str, str]:
    """ "20.00 un-paid on INV-1042." "It now owes 50.00 and Dr 1's credit is 0.00." """
    credit = f"{account.provider}'s credit is {show(account.credit)}"
    if len(moved) == 1:
        line, amount = moved[0]
        did = (
            f"{show(-amount)} un-paid on {line.invoice}."
            if amount < 0
            else f"{show(amount)} allocated to {line.invoice}."
        )
        return did, f"It now owes {show(line.balance)} and {credit}."
    unpaid = sum(1 for _line, amount in moved if amount < 0)
    paid = len(moved) - unpaid
    did = " and ".join(
        f"{count} {'line' if count == 1 else 'lines'} {what}"
        for count, what in ((paid, "paid"), (unpaid, "un-paid"))
        if count
    )
    return f"{did}.", f"Invoices now owe {show(account.invoices)} and {credit}."


# ---------------------------------------------------------------------------- money that left


def after_refund(refund: Payment, account: AccountBalance | None) -> tuple[str, str]:
    """ "Refunded." "$60.00 of R-2207 paid back to Smith, John by card. …" """
    source = refund.source
    assert source  # noqa: S101
    how = f", {refund.get_method_display().lower()}" if refund.method else ""
    rest = f"{show_dollars(-refund.amount)} of {source.number} paid back to {source.received_from}{how}."
    if account:
        rest += f" {account.provider}'s credit is {show(account.credit)}."
    return "Refunded.", rest


def after_transfer(into: Payment, now: AccountBalance, there: AccountBalance) -> tuple[str, str]:
    """What the notice says after credit went to another account."""
    assert into.original  # noqa: S101
    out = into.original
    assert out.source  # noqa: S101
    whose = "" if into.patient_id == out.patient_id else f"{into.patient}, "
    lead = f"{show_dollars(into.amount)} of {out.source.number} moved to {whose}{into.provider}."
    rest = f"It is {into.number} there. {now.provider}'s credit is {show(now.credit)}"
    return lead, f"{rest}, {whose}{there.provider}'s {show(there.credit)}."


def moved_on(transfers: Iterable[Payment], receipt: Payment) -> str:
    """ " $40.00 of it moved to Dr 2 (T-0004)." after a payment of several providers' lines."""
    parts = [
        f"{show_dollars(each.amount)} to"
        f" {'' if each.patient_id == receipt.patient_id else f'{each.patient}, '}{each.provider}"
        f" ({each.number})"
        for each in transfers
    ]
    return f" Moved on: {listed(parts, noun='transfer')}." if parts else ""
