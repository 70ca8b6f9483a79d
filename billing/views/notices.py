"""Notices after saving, and the Undo that some of them carry.

Undo writes the opposite entry through the same verb; it never deletes one. What to write lies in
the session until it is used once, or until the next thing that could be undone.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.utils import timezone
from django.utils.html import format_html

from billing import balances, ledger, sharing, wording
from billing.models import InvoiceLine
from billing.money import parse
from billing.sharing import Entry
from patients.http import DeskRequest
from patients.models import Patient, Provider

KEY = "undo"
MOVED_ON = (
    "This cannot be undone here any more: the books have moved on since. Use Credit allocation."
)


def saved(request: DeskRequest, lead: str, rest: str = "", *, tag: str = "") -> None:
    """A green notice, its first sentence in bold."""
    text = format_html('<b class="strong">{}</b> {}', lead, rest) if rest else lead
    messages.success(request, text, extra_tags=tag)


def say_moved_date(request: DeskRequest, moved_to: datetime.date | None) -> None:
    """Where the date that was typed is not the one it got, as nothing is dated before what it changes."""
    if said := moved_date(moved_to):
        messages.info(request, said)


def moved_date(day: datetime.date | None) -> str:
    """The same in words; nothing where the date is the one that was typed."""
    if day is None:
        return ""
    return f"It is dated {day:%d %b %Y}: it changes entries of that day, so it cannot be dated earlier."


def moved(
    request: DeskRequest,
    patient: Patient,
    provider: Provider,
    amounts: Iterable[tuple[int, Decimal]],
    *,
    undo: bool = True,
) -> None:
    """Say what was paid and un-paid on which lines, with Undo where the opposite is possible."""
    by_line = dict(amounts)
    lines = list(InvoiceLine.objects.with_names().filter(pk__in=by_line).oldest_first())
    account = balances.account(patient, provider)
    lead, rest = wording.after_moving([(line, by_line[line.pk]) for line in lines], account)
    tag = _offer(request, account, lines, by_line) if undo else ""
    saved(request, lead, rest, tag=tag)


def _offer(
    request: DeskRequest,
    account: balances.AccountBalance,
    lines: Sequence[InvoiceLine],
    by_line: dict[int, Decimal],
) -> str:
    """Remember the opposite amounts, unless they could not be posted as things are now.

    Money that was taken off a line from a reversed payment cannot be put back: a reversed payment
    pays nothing any more. Then there is no Undo, rather than one that is refused.
    """
    request.session.pop(KEY, None)
    credit_lines, _paid_by = balances.credit_lines(lines)
    opposite = {line: -amount for line, amount in by_line.items()}
    move = sharing.move_credit(
        credit=account.credit, invoices=account.invoices, lines=credit_lines, amounts=opposite
    )
    if move.short or move.problems or not account.provider:
        return ""
    token = str(uuid.uuid4())
    request.session[KEY] = {
        "token": token,
        "patient": lines[0].patient_id,
        "provider": account.provider.pk,
        "entries": [[line.pk, str(opposite[line.pk]), line.seen] for line in lines],
    }
    return f"undo-{token}"


def undo_tag(request: DeskRequest, patient: Patient) -> str:
    """The tag of the one notice whose Undo still works; templates show the button on that one."""
    offer = request.session.get(KEY)
    return f"undo-{offer['token']}" if offer and offer["patient"] == patient.pk else ""


def undo(request: DeskRequest, patient: Patient) -> None:
    """Write the opposite of what the last notice said, once."""
    offer: dict[str, Any] | None = request.session.get(KEY)
    if not offer or offer["token"] != request.POST.get("undo") or offer["patient"] != patient.pk:
        messages.error(request, MOVED_ON)
        return
    del request.session[KEY]
    provider = Provider.objects.get(pk=offer["provider"])
    entries = [Entry(line, parse(amount), seen=seen) for line, amount, seen in offer["entries"]]
    try:
        ledger.allocate_credit(
            by=request.user,
            patient=patient,
            provider=provider,
            entries=entries,
            date=timezone.localdate(),
            key=uuid.UUID(offer["token"]),
        )
    except ledger.StaleLineError:
        messages.error(request, MOVED_ON)
    except ledger.LedgerError as error:
        messages.error(request, f"Not undone. {error}")
    else:
        moved(
            request,
            patient,
            provider,
            [(entry.line, entry.paid) for entry in entries],
            undo=False,
        )
