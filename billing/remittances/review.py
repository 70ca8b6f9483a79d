"""What somebody changes on a draft before it is saved, and what still keeps it from being saved.

Every change locks the draft, so that two people working on one are told instead of overwriting
each other, and nothing changes once it was saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Q

from billing import balances
from billing.balances import Standing
from billing.chain.acts import sealing
from billing.era import known
from billing.era.matching import Level
from billing.era.refusals import Finding
from billing.era.remittance import ProviderAdjustment
from billing.models import (
    Decision,
    InvoiceLine,
    PayerKey,
    Payment,
    Remittance,
    RemittanceClaim,
    RemittanceOffset,
    RemittanceRow,
    RemittanceState,
    RowState,
)
from billing.models.invoices import InvoiceLineQuerySet
from billing.models.remittances import AMOUNTS
from billing.money import ZERO, show_dollars
from billing.remittances.sessions import lines_of_payer, posted_by
from billing.remittances.uploading import match_again
from patients.models import Patient, Payer, without_nul

FOUND = 25  # lines a search lists


class ReviewError(Exception):
    """A change that cannot be made. The text is for the desk."""


@contextmanager
def changing(pk: int) -> Iterator[Remittance]:
    """The draft, locked for one change. Refused once it was saved or discarded."""
    with sealing("remittance"):
        locked = Remittance.objects.select_for_update(of=("self",)).with_names()
        draft = locked.get(pk=pk)
        if draft.state != RemittanceState.DRAFT:
            raise ReviewError(f"This draft was {draft.get_state_display().lower()} meanwhile.")
        yield draft


def row_of(draft: Remittance, pk: int) -> RemittanceRow:
    row = draft.rows.select_related("claim").filter(pk=pk).first()
    if row is None:
        raise ReviewError("That row is not on this draft any more.")
    return row


# ---------------------------------------------------------------------------- of the payment


def choose_payer(draft: Remittance, payer: Payer, *, by: AbstractBaseUser) -> None:
    """Say which payer of ours this is. It is remembered, and the claims are matched with it.

    What was decided about rows and recoveries while another payer stood there is gone.
    """
    if draft.payer_id == payer.pk:
        return
    for kind, value in draft.keys[:1]:
        PayerKey.objects.update_or_create(
            kind=kind,
            value=value[:120],
            defaults={"payer": payer, "created_by_id": by.pk},
        )
    do = "Choose another payer." if draft.payer_id else "Discard this draft."
    draft.payer = payer
    try:
        with transaction.atomic():
            draft.save(update_fields=["payer"])
    except IntegrityError:
        raise ReviewError(f"{draft.reference} of {payer.name} was imported before. {do}") from None
    draft.offsets.update(taken_back=[])
    match_again(draft)


def suggested_payer(draft: Remittance) -> Payer | None:
    """A payer of ours with the ID or the name the remittance gives; somebody still says so."""
    payers = Payer.objects.filter(active=True)
    for kind, value in draft.keys:
        wanted = {"payer_id": value} if kind == "id" else {"name__iexact": value}
        found = list(payers.filter(**wanted)[:2]) if kind != "originator" else []
        if len(found) == 1:
            return found[0]
    return None


def discard(draft: Remittance) -> None:
    """Throw a draft away: nothing was posted, and the file may be uploaded again."""
    draft.state = RemittanceState.DISCARDED
    draft.save(update_fields=["state"])
    file = draft.file
    if not file.remittances.exclude(state=RemittanceState.DISCARDED).exists():
        file.discarded = True
        file.save(update_fields=["discarded"])


def open_again(remittance: Remittance) -> None:
    """A discarded payment of a file becomes a draft again, where nothing took its place."""
    with transaction.atomic():
        found = Remittance.objects.select_for_update(of=("self",)).with_names()
        draft = found.get(pk=remittance.pk)
        if draft.state != RemittanceState.DISCARDED:
            raise ReviewError("This payment is not discarded any more.")
        draft.state = RemittanceState.DRAFT
        draft.file.discarded = False
        try:
            with transaction.atomic():
                draft.save(update_fields=["state"])
                draft.file.save(update_fields=["discarded"])
        except IntegrityError:
            raise ReviewError(
                f"{draft.reference} was imported again meanwhile; open that one."
            ) from None


# ---------------------------------------------------------------------------- of a row


def _save(row: RemittanceRow, *fields: str) -> None:
    row.settle()
    row.save(update_fields=[*fields, "state"])


def tick(row: RemittanceRow, *, ticked: bool = True) -> None:
    """Accept what was filled in, or take that back."""
    row.ticked = ticked
    _save(row, "ticked")


def tick_all(draft: Remittance, level: str) -> int:
    """Accept every row of one level that has no concern of its own; returns how many."""
    if level not in set(Level):
        raise ReviewError("There is no such kind of row.")
    return draft.rows.filter(state=RowState.CHECK, level=level, concerns=[]).update(
        ticked=True, state=RowState.MATCHED
    )


def place(row: RemittanceRow, line: InvoiceLine) -> None:
    """Put a row on the session somebody chose."""
    row.line = line
    row.ticked, row.unapplied = True, False
    _save(row, "line", "ticked", "unapplied")


def take_off(row: RemittanceRow) -> None:
    """The session filled in is not the one meant."""
    row.line = None
    row.ticked = False
    _save(row, "line", "ticked")


def leave_unapplied(row: RemittanceRow, *, unapplied: bool = True) -> None:
    """Let a row's money stay with the payer for now; it goes on the list of unmatched claims."""
    row.unapplied = unapplied
    if unapplied:
        row.line, row.ticked = None, False
    _save(row, "unapplied", "line", "ticked")


def change_amounts(row: RemittanceRow, amounts: Mapping[str, Decimal]) -> None:
    """Post other amounts than the file has; what the file has is kept beside them."""
    had = row.said or {name: str(getattr(row, name)) for name in AMOUNTS}
    for name in AMOUNTS:
        setattr(row, name, amounts[name])
    same = all(Decimal(had[name]) == amounts[name] for name in AMOUNTS)
    row.said = None if same else had
    if row.line_id:
        row.ticked = True
    _save(row, *AMOUNTS, "said", "ticked")


def decide(row: RemittanceRow, decision: str) -> None:
    """Say what becomes of the amount to review."""
    row.decision = Decision(decision).value
    _save(row, "decision")


def find_lines(payer: Payer, typed: str) -> list[InvoiceLine]:
    """Sessions of this payer's patients, by patient, chart, invoice, claim or control number."""
    typed = without_nul(typed)[:100]
    if not typed:
        return []
    number = Q(claim_number__iexact=typed) | Q(invoice__number__iexact=typed)
    found = lines_of_payer(payer).filter(number | Q(control_number__iexact=typed))
    lines = _listed(found)
    if lines:
        return lines
    patients = Patient.objects.meant(typed, most=FOUND)
    return _listed(lines_of_payer(payer).filter(patient__in=patients))


def candidates(row: RemittanceRow, payer: Payer) -> list[InvoiceLine]:
    """Sessions the matcher took into account, as far as they still may be meant."""
    return _listed(lines_of_payer(payer).filter(pk__in=row.candidates)) if row.candidates else []


def _listed(lines: InvoiceLineQuerySet) -> list[InvoiceLine]:
    return list(lines.with_names().order_by("-service_date", "pk")[:FOUND])


def line_for(payer: Payer, pk: int) -> InvoiceLine:
    """The session chosen, if it is one of this payer's patients."""
    line = lines_of_payer(payer).with_names().filter(pk=pk).first()
    if line is None:
        raise ReviewError("That session is not one of this payer's patients. Choose another.")
    return line


# ---------------------------------------------------------------------------- of an offset


def lines_of_recovery(offset: RemittanceOffset, payer: Payer) -> list[tuple[InvoiceLine, Decimal]]:
    """The sessions a recovery names by a claim number, with what is taken back from each.

    Empty where it names none we know, or more than this payer paid there.
    """
    numbers = known.numbers_in(offset.reference)
    if offset.code != "WO" or offset.amount <= 0 or not numbers:
        return []
    by_payer = RemittanceClaim.objects.filter(
        payer_claim__in=numbers, remittance__payer=payer
    ).values("rows__line")
    lines = list(
        lines_of_payer(payer)
        .with_names()
        .filter(Q(claim_number__in=numbers) | Q(pk__in=by_payer))
        .order_by("service_date", "pk")
    )
    posted = posted_by(payer, [line.pk for line in lines])
    left = offset.amount
    taken = []
    for line in lines:
        had = sum((one.amounts.allocation for one in posted.get(line.pk, ())), ZERO)
        part = min(left, had)
        if part > 0:
            taken.append((line, part))
            left -= part
    return [] if left else taken


def recoveries_known(offsets: Iterable[RemittanceOffset], payer: Payer) -> set[int]:
    """The recoveries whose reference holds a claim number we know: three queries at most."""
    numbers = {
        offset.pk: known.numbers_in(offset.reference)
        for offset in offsets
        if offset.code == "WO" and offset.amount > 0
    }
    wanted = {number for found in numbers.values() for number in found}
    if not wanted:
        return set()
    ours = set(
        lines_of_payer(payer).filter(claim_number__in=wanted).values_list("claim_number", flat=True)
    ) | set(
        RemittanceClaim.objects.filter(
            payer_claim__in=wanted,
            remittance__payer=payer,
            remittance__state=RemittanceState.POSTED,
        ).values_list("payer_claim", flat=True)
    )
    return {pk for pk, found in numbers.items() if ours & set(found)}


def take_back(offset: RemittanceOffset, payer: Payer) -> None:
    """Take a recovery back from the sessions it names instead of booking it beside them."""
    taken = lines_of_recovery(offset, payer)
    if not taken:
        raise ReviewError("This recovery names no session this payer paid that much on.")
    offset.taken_back = [[line.pk, str(amount)] for line, amount in taken]
    offset.save(update_fields=["taken_back"])


def leave_beside(offset: RemittanceOffset) -> None:
    offset.taken_back = []
    offset.save(update_fields=["taken_back"])


def collected(
    offset: RemittanceOffset, payer: Payer
) -> tuple[list[tuple[str, Decimal]], Finding | None]:
    """What a collected forwarding balance closes: (reference, so much), and W9 where too much."""
    owed = {
        reference: amount
        for reference, amount in balances.open_forwards(payer).items()
        if amount > 0
    }
    still_open = [
        known.OpenBalance(place, reference, amount)
        for place, (reference, amount) in enumerate(owed.items())
    ]
    said = ProviderAdjustment(offset.code, offset.reference, offset.amount, "", 0)
    closed, finding = known.collect(said, still_open)
    return [(still_open[place].reference, amount) for place, amount in closed], finding


# ---------------------------------------------------------------------------- ready to save?


@dataclass(frozen=True)
class Problem:
    """Why a draft cannot be saved yet, and where to put that right."""

    href: str
    text: str


def typed_by_hand(draft: Remittance) -> Payment | None:
    """A standing payment of this payer and number that no remittance brought."""
    if draft.payer is None:
        return None
    return (
        Payment.objects.receipts()
        .filter(
            payer=draft.payer,
            reference__iexact=draft.reference,
            reversed=False,
            remittances__isnull=True,
        )
        .first()
    )


def problems(
    draft: Remittance, now: Standing, *, sure: bool, typed: Payment | None, over: bool = False
) -> list[Problem]:
    """Everything that keeps a draft from being saved, the first thing first.

    `sure`: somebody said that a file marked as a test is to be posted all the same. `over`:
    somebody gave a reason why more is on its sessions than was received.
    """
    found = []
    if draft.payer is None:
        found.append(Problem("#id_payer", "Choose the payer."))
    if draft.date is None:
        found.append(Problem("#id_date", "Enter the payment date; the ERA has none."))
    if typed:
        found.append(
            Problem(
                "#attach",
                f"{draft.reference} was typed by hand as {typed.number}. Attach this ERA to it,"
                " or discard the draft.",
            )
        )
    if now.to_check:
        rows = "1 row is" if now.to_check == 1 else f"{now.to_check:,} rows are"
        found.append(
            Problem("?show=check#rows", f"{rows} filled in but not sure. Look and accept.")
        )
    too_much = now.over or max(ZERO, -now.unallocated)
    if (now.unallocated or too_much) and not now.to_check and draft.payer:
        text = ""
        if now.unallocated > 0:
            text = (
                f"{show_dollars(now.unallocated)} has no session yet. Choose the sessions, or"
                " leave the money unapplied with the payer."
            )
        elif not (over and now.over):
            text = (
                f"The rows add up to {show_dollars(too_much)} more than the payment."
                " Correct the amounts you changed, or place what is taken back."
            )
        if text:
            found.append(Problem("?show=open#rows", text))
    if draft.file.test and not sure:
        found.append(
            Problem("#id_sure", "The payer marked this file as a TEST. Say that it is real.")
        )
    return found


def pairs(rows: list[RemittanceRow]) -> dict[int, RemittanceRow]:
    """Row of a correction -> the row of the reversal before it, on the same session."""
    groups = {row.group for row in rows if row.claim.index != row.group}
    if not groups:
        return {}
    first = RemittanceRow.objects.filter(
        remittance=rows[0].remittance_id, claim__index__in=groups, claim__reversal=True
    ).select_related("claim")
    taken: dict[tuple[int, int], RemittanceRow] = {}
    for row in first:
        if row.line_id:
            taken[row.group, row.line_id] = row
    return {
        row.pk: taken[row.group, row.line_id]
        for row in rows
        if row.line_id and row.claim.index != row.group and (row.group, row.line_id) in taken
    }
