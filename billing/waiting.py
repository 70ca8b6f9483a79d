"""What Today and the worklists say about a receipt: why its money waits, and the way on.

Words and addresses only; the cause comes from `billing.balances.causes`.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.urls import reverse

from billing.balances import Cause, NegativeCause, Owes
from billing.models import Kind, Payment
from billing.money import ZERO, show
from billing.wording import day, listed
from config.access import may_act, may_look


@dataclass(frozen=True)
class Why:
    """The cause in a few words, and a sentence with the figures of this receipt."""

    cause: str
    more: str


def ago(since: datetime.date, today: datetime.date) -> str:
    """ "today", "1 day", "12 days"."""
    days = (today - since).days
    return "today" if not days else f"{days:,} day{'s' * (days != 1)}"


def how_paid(receipt: Payment) -> str:
    """ "Insurer, EFT", "Patient, cash, Dr 1"."""
    method = receipt.get_method_display()
    how = method if receipt.method == "eft" else method.lower()
    if receipt.kind == Kind.TRANSFER_IN:
        how = "transfer of credit"
    words = ["Patient" if receipt.patient else "Insurer", how]
    words += [receipt.provider.name] if receipt.provider else []
    return ", ".join(word for word in words if word)


_NEXT = {
    Owes.HERE: "The patient owes this provider.",
    Owes.ELSEWHERE: "The patient owes another provider.",
    Owes.INSURER: "An insurer has still to answer.",
    Owes.NOTHING: "Nothing is owed.",
}
_MORE = {
    Cause.TAKEBACK: "The insurer took this back; the lines it is for still hold it.",
    Cause.UNMATCHED: "An ERA brought it for a session nobody has found.",
    Cause.TAKEN_BACK: "Taking money back on other lines set it free.",
    Cause.REST: "Part of it is on lines; nobody has said what the rest is for.",
    Cause.UNTYPED: "None of it is on a line.",
    Cause.PAYABLE: "This provider's lines wait for it.",
    Cause.ELSEWHERE: "Nothing is owed to this provider.",
    Cause.AHEAD: "The patient owes nothing until then.",
    Cause.PREPAID: "Keep it for the next visit, or pay it back.",
}


def why_unallocated(receipt: Any) -> Why:
    """Why a receipt of `balances.unallocated_money` has money left, or too little."""
    cause = Cause(receipt.cause)
    more = _MORE.get(cause, "")
    if cause == Cause.OVER:
        more = receipt.over_allocation_reason
    elif cause == Cause.OFFSET:
        more = f"{show(ZERO - receipt.offset)} was kept for something no line says."
    elif cause in (Cause.RELEASED, Cause.VOIDED, Cause.UNPAID):
        more = _NEXT[Owes(receipt.owes)]
    return Why(str(cause.label), more)


def way_on(receipt: Any, user: Any) -> tuple[str, str]:
    """The one button of a receipt whose money waits: what it says, and where it leads.

    Asks for a receipt of `balances.with_way_on`: of a worklist, or of Today. Whoever may not go
    that way may look at the payment.
    """
    label, screen, args, query = _way_on(receipt)
    doing = may_act if screen == "billing:insurance_payment_detail" else may_look
    if not doing(user, screen):
        return "Open", receipt.get_absolute_url()
    return label, f"{reverse(screen, args=args)}{query}"


def _way_on(receipt: Any) -> tuple[str, str, list[Any], str]:
    if receipt.claim:
        return "Find session", "billing:unmatched_claim", [receipt.claim], ""
    if receipt.payer_id:
        label = "Fix" if receipt.unallocated < 0 else "Allocate"
        return label, "billing:insurance_payment_detail", [receipt.number], ""
    chart = receipt.patient.chart_number
    if receipt.owes == Owes.HERE:
        query = f"?provider={receipt.provider_id}"
        return "Allocate", "billing:patient_credit", [chart], query
    if receipt.owes == Owes.ELSEWHERE:
        return "Transfer", "billing:payment_transfer", [receipt.number], ""
    if receipt.owes == Owes.INSURER:
        return "Review", "billing:patient_account", [chart], ""
    return "Refund", "billing:payment_refund", [receipt.number], ""


def why_negative(receipt: Any, pays: Sequence[tuple[str, Decimal]]) -> Why:
    """Why a receipt of `balances.negative_credit` leaves credit below zero, and on which lines."""
    cause = NegativeCause(receipt.cause)
    on = listed(f"{number} {show(amount)}" for number, amount in pays)
    back = -receipt.unallocated - receipt.allocated
    parts = [
        f"Of {day(receipt.date)}, {show(receipt.amount)}",
        f"still on {on}" if on else "",
        f"{show(back)} had been paid back or moved" if back else "",
    ]
    return Why(str(cause.label), "; ".join(part for part in parts if part) + ".")


def unpay_label(pays: Sequence[tuple[str, Decimal]]) -> str:
    """ "Un-pay 20.00 on INV-1042", "Un-pay 60.00 on 3 lines"."""
    where = pays[0][0] if len(pays) == 1 else f"{len(pays)} lines"
    return f"Un-pay {show(sum((amount for _number, amount in pays), ZERO))} on {where}"
