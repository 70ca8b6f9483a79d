"""A superbill in words: visits as an insurer wants to read them, with what was paid so far."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from billing import balances
from billing.documents.issuing import Draft
from billing.documents.statement import period
from billing.documents.texts import addressed, joined, modifiers_of, of_clinic, plain
from billing.models import Clinic, DocumentKind, InvoiceLine
from billing.money import show
from billing.wording import day
from patients.models import Coverage, Patient, Provider


def superbill(
    clinic: Clinic,
    patient: Patient,
    provider: Provider,
    lines: Sequence[InvoiceLine],
    *,
    first: datetime.date,
    last: datetime.date,
) -> Draft:
    """The chosen charges of one provider, with codes, diagnoses, and what is paid today."""
    totals = balances.line_totals(lines)
    coverage = patient.coverages.on(last).select_related("payer").order_by("rank", "id").first()
    return Draft(
        kind=DocumentKind.SUPERBILL,
        subject=f"superbill:{patient.pk}:{provider.pk}:{first}:{last}",
        patient=patient,
        period_from=first,
        period_to=last,
        data={
            **of_clinic(clinic),
            "to": addressed(patient),
            "facts": [["Chart", patient.chart_number], ["Visits", period(first, last)]],
            "provider": plain(provider.name),
            "about": [
                ["Patient", plain(patient.name)],
                ["Date of birth", day(patient.birth_date)],
                ["Insurer", _insurer(coverage)],
                ["Member ID", _member(coverage)],
                ["Provider", plain(provider.name)],
                ["Provider NPI", provider.npi or "-"],
                ["Clinic NPI", clinic.npi or "-"],
                ["Tax ID", plain(clinic.tax_id) or "-"],
            ],
            "lines": [_line(line) for line in lines],
            "totals": {"charge": show(totals.charged), "paid": show(totals.paid)},
            "notes": ["Paid is what was paid when this superbill was issued. It is not a bill."],
        },
    )


def _insurer(coverage: Coverage | None) -> str:
    return plain(coverage.payer.name) if coverage else "-"


def _member(coverage: Coverage | None) -> str:
    if coverage is None:
        return "-"
    group = f"group {coverage.group_number}" if coverage.group_number else ""
    return plain(joined([coverage.member_id, group])) or "-"


def _line(line: InvoiceLine) -> dict[str, str]:
    visit = line.session
    return {
        "date": day(line.service_date),
        "code": plain(line.code) or "-",
        "text": plain(line.description),
        "modifiers": modifiers_of(line) or "-",
        "diagnoses": plain(visit.diagnoses) if visit and visit.diagnoses else "-",
        "place": visit.place_of_service if visit else "-",
        "units": str(line.units),
        "charge": show(line.amount),
        "paid": show(line.paid),
    }
