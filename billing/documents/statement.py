"""A statement in words: of one patient, or of a family whose bills one person pays."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billing.balances import AGES, PatientStatement, StatementRow
from billing.documents.issuing import Draft
from billing.documents.texts import (
    NARROW,
    addressed,
    entry_of,
    insurance_entry,
    joined,
    of_clinic,
    plain,
    service_of,
    write_off_entry,
)
from billing.models import Clinic, DocumentKind
from billing.money import ZERO, show, show_dollars
from billing.wording import day


def statement(clinic: Clinic, parts: Sequence[PatientStatement], *, family: bool = False) -> Draft:
    """The statement of a patient, or of a family with a part for each member; it goes to whoever
    pays. Of one family all parts are of the same period."""
    first, last, patient = parts[0].first, parts[0].last, parts[0].patient
    to = patient.guarantor or patient
    about = to if family else patient
    alone = len(parts) == 1 and patient == to
    due, waiting = _sum(part.due for part in parts), _sum(part.waiting for part in parts)
    left = _sum(part.credit_left for part in parts)
    return Draft(
        kind=DocumentKind.STATEMENT,
        subject=f"statement:{'family' if family else 'patient'}:{about.pk}:{first or 'all'}:{last}",
        patient=about,
        period_from=first,
        period_to=last,
        due_in=clinic.payment_terms if due else None,
        data={
            **of_clinic(clinic),
            "to": addressed(to),
            "facts": [["Chart", about.chart_number], ["Period", period(first, last)]],
            "due": {
                "label": "Amount due" if due or not left else "Nothing to pay",
                "amount": show_dollars(due),
                "asked": due > 0,
                "lines": _beside(due, waiting, left),
            },
            "parts": [_part(each, named=not alone) for each in parts],
            "ages_label": "Your part by age, from the day of service",
            "ages": _ages(parts, due, left),
            "breakdown_label": "What the closing balance is made of",
            "breakdown": _breakdown(parts) if waiting else [],
            "notes": _notes(clinic, last, waiting),
        },
    )


def period(first: datetime.date | None, last: datetime.date) -> str:
    """ "01 Nov 2025 to 27 Nov 2025"."""
    return f"{day(first)} to {day(last)}" if first else f"All to {day(last)}"


def _sum(amounts: Any) -> Decimal:
    return sum(amounts, ZERO)


def _beside(due: Decimal, waiting: Decimal, left: Decimal) -> list[str]:
    """What stands beside the amount due."""
    said = []
    if waiting:
        said.append(f"{show_dollars(waiting)} {'more ' if due else ''}is waiting for insurance.")
    if left:
        said.append(f"{show_dollars(left)} of credit is left.")
    if not (due or said):
        said.append("Everything is paid. Thank you.")
    return said


def _notes(clinic: Clinic, last: datetime.date, waiting: Decimal) -> list[str]:
    said = [plain(clinic.statement_message)] if clinic.statement_message else []
    if waiting:
        said.append("Please do not pay what is waiting for insurance until it has answered.")
    said.append(f"This statement goes up to {day(last)}; what came in later is on the next one.")
    return said


# ---------------------------------------------------------------------------- a patient's part


def _part(part: PatientStatement, *, named: bool) -> dict[str, Any]:
    charges = _sum(row.amount for row in part.rows if row.is_charge)
    others = _sum(row.amount for row in part.rows if not row.is_charge)
    patient = part.patient
    before = f"Opening balance on {day(part.first)}" if part.first else "Opening balance"
    return {
        "heading": plain(f"{patient.name}, chart {patient.chart_number}") if named else "",
        "opening_label": before,
        "opening": show(part.opening),
        "rows": [row_in_words(row) for row in part.rows],
        "closing_label": f"Closing balance on {day(part.last)}",
        "charges": show(charges),
        "payments": show(others),
        "closing": show(part.closing),
    }


def row_in_words(row: StatementRow) -> dict[str, str]:
    """A row as the document and the preview on the screen show it."""
    text, more = _entry(row)
    return {
        "date": day(row.date),
        "text": text,
        "more": more,
        "provider": plain(row.provider.name, NARROW),
        "charge": show(row.amount) if row.is_charge else "",
        "payment": "" if row.is_charge else show(row.amount),
        "balance": show(row.balance),
    }


def _entry(row: StatementRow) -> tuple[str, str]:
    if row.line and row.adjustment:
        return write_off_entry(row.line, row.adjustment)
    if row.line and row.payment:
        return insurance_entry(row.line, row.payment, back=row.amount > 0)
    if row.line:
        earlier = row.line.service_date != row.date
        served = f"service of {day(row.line.service_date)}" if earlier else ""
        return plain(row.line.description), joined([service_of(row.line), served])
    assert row.payment is not None  # noqa: S101
    return entry_of(row.payment)


# ---------------------------------------------------------------------------- at the end


def _ages(parts: Sequence[PatientStatement], due: Decimal, left: Decimal) -> list[list[str]]:
    """By age, less credit, to what is asked for. In a family one's credit pays no other's bill."""
    by_age = [_sum(part.by_age[at] for part in parts) for at in range(len(AGES))]
    credit = _sum(by_age) - due
    figures = [[label, show(amount)] for label, amount in zip(AGES, by_age, strict=True)]
    figures.append(["Credit used", show(-credit)])
    if left:
        figures.append(["Credit left", show(left)])
    return [*figures, ["Amount due", show(due)]]


def _breakdown(parts: Sequence[PatientStatement]) -> list[list[str]]:
    return [
        ["Your part", show(_sum(part.own_part for part in parts))],
        ["Waiting for insurance", show(_sum(part.waiting for part in parts))],
        ["Credit", show(_sum(-part.credit for part in parts))],
        ["Closing balance", show(_sum(part.closing for part in parts))],
    ]
