"""Issuing: a draft becomes a document that says the same for ever."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from billing.chain.acts import sealing
from billing.documents.render import LAYOUT, render
from billing.models import Document, Invoice, InvoiceLine, Payment
from billing.models.numbering import DOCUMENT, take_numbers
from billing.wording import day
from patients.models import Patient


@dataclass(frozen=True)
class Draft:
    """What a document will say, but for its number and its days.

    `due_in`: so many days after it is issued it asks to be paid. Two drafts of one `subject`
    that say the same are one document.
    """

    kind: str
    subject: str
    data: dict[str, Any]
    patient: Patient | None = None
    invoice: Invoice | None = None
    payment: Payment | None = None
    period_from: datetime.date | None = None
    period_to: datetime.date | None = None
    due_in: int | None = None


STAMPED = ("number", "issued_on", "due_on")  # what issuing adds to what a draft says


def hold(patients: Iterable[int]) -> None:
    """Keep these patients' books still until the transaction ends, so that the figures of a
    document belong together. In the order the ledger locks in: patients, then lines, by id."""
    asked = sorted(patients)
    same = Patient.objects.select_for_update(no_key=True).filter(pk__in=asked).order_by("pk")
    list(same.values_list("pk"))
    lines = InvoiceLine.objects.select_for_update(no_key=True).filter(patient__in=asked)
    list(lines.order_by("pk").values_list("pk"))


def issue(draft: Draft, *, by: AbstractBaseUser) -> Document:
    """The document of this draft: the one that says exactly this already, or a new one."""
    return issue_all([draft], by=by)[0]


def issue_all(drafts: Sequence[Draft], *, by: AbstractBaseUser) -> list[Document]:
    """As issue, for many, in the same order; a constant number of queries."""
    with sealing("issue documents", by=by):
        return _issue_all(drafts, by)


def _issue_all(drafts: Sequence[Draft], by: AbstractBaseUser) -> list[Document]:
    _one_at_a_time(drafts)
    subjects = [draft.subject for draft in drafts]
    latest = {each.subject: each for each in Document.objects.latest_of(subjects)}
    said = {draft.subject: _as_stored(draft.data) for draft in drafts}
    fresh = [
        draft
        for draft in drafts
        if draft.subject not in latest or _content(latest[draft.subject]) != said[draft.subject]
    ]
    now = timezone.now()
    numbers = take_numbers(DOCUMENT, len(fresh)) if fresh else []
    new = [
        Document(
            number=number,
            kind=draft.kind,
            subject=draft.subject,
            patient=draft.patient,
            invoice=draft.invoice,
            payment=draft.payment,
            period_from=draft.period_from,
            period_to=draft.period_to,
            data={**said[draft.subject], **_stamp(draft, number, timezone.localdate(now))},
            layout=LAYOUT,
            created_at=now,
            created_by_id=by.pk,
            replaces=latest.get(draft.subject),
        )
        for draft, number in zip(fresh, numbers, strict=True)
    ]
    Document.objects.bulk_create(new)
    issued = {**latest, **{document.subject: document for document in new}}
    return [issued[subject] for subject in subjects]


def unchanged(draft: Draft) -> Document | None:
    """The document issued last of the same thing, if it says exactly what the draft says."""
    found = Document.objects.latest_of([draft.subject]).first()
    return found if found and _content(found) == _as_stored(draft.data) else None


def pdf_of(document: Document) -> bytes:
    """The document as it was issued, in the layout of its day."""
    return render(document.kind, [document.data], layout=document.layout)


def _one_at_a_time(drafts: Sequence[Draft]) -> None:
    """Of two desks that issue the same, the second waits, and gets the first one's document."""
    patients = {draft.patient.pk for draft in drafts if draft.patient}
    held = Patient.objects.select_for_update(no_key=True).filter(pk__in=patients)
    list(held.order_by("pk").values_list("pk"))
    payments = {draft.payment.pk for draft in drafts if draft.payment and not draft.patient}
    if payments:
        rows = Payment.objects.select_for_update(no_key=True).filter(pk__in=payments)
        list(rows.order_by("pk").values_list("pk"))


def _stamp(draft: Draft, number: str, today: datetime.date) -> dict[str, str]:
    due_on = ""
    if draft.due_in is not None:
        due_on = day(today + datetime.timedelta(days=draft.due_in))
    return {"number": number, "issued_on": day(today), "due_on": due_on}


def _as_stored(data: dict[str, Any]) -> Any:
    """As the database hands it back."""
    return json.loads(json.dumps(data))


def _content(document: Document) -> dict[str, Any]:
    return {name: value for name, value in document.data.items() if name not in STAMPED}
