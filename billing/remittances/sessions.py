"""Our session lines that the rows of a remittance may mean, with what this payer put on them.

However many claims there are, it takes a constant number of queries for every few thousand.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from billing.era.matching import Posting, SessionLine, control
from billing.era.remittance import Amounts, Claim
from billing.models import (
    Adjudication,
    Adjustment,
    Allocation,
    InvoiceLine,
    LineVoid,
    RemittanceRow,
    Responsibility,
)
from billing.models.invoices import InvoiceLineQuerySet
from billing.money import ZERO
from patients.models import Coverage, Patient, PatientWord, Payer
from patients.search import LONGEST_WORD, folded

AT_ONCE = 5_000  # values of one query


def in_parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    """The values once each, so many at a time as one query can hold."""
    rest = iter(dict.fromkeys(values))
    while part := list(islice(rest, AT_ONCE)):
        yield part


def lines_of_payer(payer: Payer) -> InvoiceLineQuerySet:
    """The issued lines of this payer's patients: those it covers, owes for or has answered on."""
    covered = Coverage.objects.filter(patient=OuterRef("patient"), payer=payer)
    paid = Allocation.objects.filter(line=OuterRef("pk"), payment__payer=payer)
    answered = Adjudication.objects.filter(line=OuterRef("pk"), owed_before=payer)
    return (
        InvoiceLine.objects.issued()
        .filter(Q(payer=payer) | Exists(covered) | Exists(paid) | Exists(answered))
        .exclude(Exists(LineVoid.objects.filter(line=OuterRef("pk"))))
    )


def session_lines(payer: Payer, claims: Sequence[Claim]) -> list[SessionLine]:
    """Every line of this payer's patients that the claims may be about."""
    found = _by_number(payer, claims)
    known = {control(line.claim_number) for line in found.values()}
    lost = [claim for claim in claims if control(claim.control) not in known]
    found |= _by_person(payer, lost)
    # The rest of a claim, where only some of its lines came back by their own numbers.
    return as_sessions(payer, found.values())


class _Line(NamedTuple):
    """What the matcher has to know of a line: a file may be about 25,000 of them."""

    pk: int
    invoice_id: int
    patient_id: int
    claim_number: str
    control_number: str
    code: str
    service_date: datetime.date
    amount: Decimal
    balance: Decimal
    last_name: str
    first_name: str


_READ = (*_Line._fields[:-2], "patient__family_name", "patient__given_name")


def _by_number(payer: Payer, claims: Sequence[Claim]) -> dict[int, _Line]:
    lines = lines_of_payer(payer)
    numbers = _as_sent_or_ours(claim.control for claim in claims)
    own = _as_sent_or_ours(row.control for claim in claims for row in claim.rows)
    found: dict[int, _Line] = {}
    for part in in_parts(numbers):
        found |= _read(lines.filter(claim_number__in=part))
    # A line's own number stands once: what came with its claim is not read again.
    own -= {line.control_number for line in found.values()}
    for part in in_parts(own):
        found |= _read(lines.filter(control_number__in=part).exclude(control_number=""))
    return found


def _as_sent_or_ours(numbers: Iterable[str]) -> set[str]:
    """A number as it came, and as we would have given it out."""
    return {
        form for number in numbers if control(number) for form in (number.strip(), control(number))
    }


def _by_person(payer: Payer, claims: Sequence[Claim]) -> dict[int, _Line]:
    """Lines of whom the claims name, of the days they name; all of theirs where none is named."""
    people = [
        person
        for claim in claims
        for person in (claim.patient, *([claim.corrected] if claim.corrected else []))
    ]
    patients: set[int] = set()
    for part in in_parts(person.id.strip() for person in people if control(person.id)):
        patients |= set(
            Coverage.objects.filter(payer=payer, member_id__in=part).values_list(
                "patient", flat=True
            )
        )
    for part in in_parts(
        folded(person.last)[:LONGEST_WORD] for person in people if person.last and person.first
    ):
        words = PatientWord.objects.filter(word__in=part).values("patient")
        patients |= set(Patient.objects.filter(pk__in=words).values_list("pk", flat=True))
    lines = lines_of_payer(payer)
    days = _days(claims)
    if days:
        lines = lines.filter(service_date__range=days)
    found: dict[int, _Line] = {}
    for part in in_parts(sorted(patients)):
        found |= _read(lines.filter(patient__in=part))
    return found


def _days(claims: Sequence[Claim]) -> tuple[datetime.date, datetime.date] | None:
    """From the first to the last day the claims are about; nothing where some name no day."""
    days: list[datetime.date] = []
    for claim in claims:
        named = [day for day in (*(row.date for row in claim.rows), *claim.dates) if day]
        if not named:
            return None
        days += named
    return (min(days), max(days)) if days else None


def _read(lines: QuerySet[InvoiceLine]) -> dict[int, _Line]:
    return {row[0]: _Line(*row) for row in lines.order_by("pk").values_list(*_READ)}


def as_sessions(payer: Payer, lines: Collection[_Line]) -> list[SessionLine]:
    """Lines as the matcher wants them."""
    members: dict[int, list[str]] = defaultdict(list)
    for part in in_parts(line.patient_id for line in lines):
        for patient, member in Coverage.objects.filter(payer=payer, patient__in=part).values_list(
            "patient", "member_id"
        ):
            members[patient].append(member)
    postings = posted_by(payer, [line.pk for line in lines])
    return [
        SessionLine(
            id=line.pk,
            claim=line.invoice_id,
            claim_control=line.claim_number,
            line_control=line.control_number,
            code=line.code,
            date=line.service_date,
            charge=line.amount,
            payer=payer.pk,
            last_name=line.last_name,
            first_name=line.first_name,
            member_ids=tuple(member for member in members[line.patient_id] if member),
            insurance_balance=line.balance,
            postings=postings.get(line.pk, ()),
        )
        for line in lines
    ]


def posted_by(payer: Payer, lines: Collection[int]) -> dict[int, tuple[Posting, ...]]:
    """Line -> what each of this payer's payments put on it, oldest first."""
    sums: defaultdict[tuple[int, int], dict[str, Decimal]] = defaultdict(dict)
    numbers: dict[tuple[int, int], str] = {}
    for part in in_parts(lines):
        given: Any = {"line__in": part, "payment__payer": payer}
        for rows, name in ((Allocation, "allocation"), (Adjustment, "write_off")):
            for line, payment, total in (
                rows.objects.filter(**given)
                .values_list("line", "payment")
                .annotate(total=Sum("amount"))
                .order_by()
            ):
                sums[line, payment][name] = total
        for line, payment, kind, total in (
            Responsibility.objects.filter(**given)
            .values_list("line", "payment", "kind")
            .annotate(total=Sum("amount"))
            .order_by()
        ):
            sums[line, payment][kind] = total
        numbers |= {
            (line, payment): number
            for line, payment, number in RemittanceRow.objects.filter(
                line__in=part, remittance__payment__payer=payer
            )
            .order_by("pk")
            .values_list("line", "remittance__payment", "claim__payer_claim")
        }
    found: defaultdict[int, list[Posting]] = defaultdict(list)
    for (line, payment), amounts in sorted(sums.items()):
        if any(amounts.values()):
            found[line].append(
                Posting(payment, numbers.get((line, payment), ""), Amounts(**amounts))
            )
    return {line: tuple(postings) for line, postings in found.items()}


def posted_by_others(payer: Payer, lines: Collection[int]) -> dict[int, Decimal]:
    """Line -> what other payers paid and wrote off on it: what an OA-23 has to be (W8)."""
    found: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
    for part in in_parts(lines):
        for rows in (Allocation, Adjustment):
            for line, total in (
                rows.objects.filter(line__in=part, payment__payer__isnull=False)
                .exclude(payment__payer=payer)
                .values_list("line")
                .annotate(total=Sum("amount"))
                .order_by()
            ):
                found[line] += total
    return found
