"""The clinic the constructed series c1 to c8 is about: its people, policies and sessions."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from billing import balances
from billing.models import InvoiceLine, PayerKey, Remittance
from billing.remittances import posting, review
from billing.remittances.uploading import Uploaded, upload
from patients.models import Patient, Payer
from tests.era.files import constructed
from tests.factories import (
    CoverageFactory,
    InvoiceFactory,
    PatientFactory,
    PayerFactory,
    ProviderFactory,
    UserFactory,
)

TODAY = "2026-04-01 12:00"  # after the whole series; tests stand there (time_machine)


def date(text: str) -> datetime.date:
    """02/16 of the year of the series."""
    month, day = text.split("/")
    return datetime.date(2026, int(month), int(day))


# claim, patient, fee, code, days of its lines
CLAIMS = (
    ("RC-1001", "maya", "175", "90837", ("01/05", "01/12")),
    ("RC-1002", "daniel", "220", "90791", ("01/06",)),
    ("RC-1003", "sara", "140", "90834", ("01/07",)),
    ("RC-1004", "maya", "175", "90837", ("01/19",)),
    ("RC-1005", "sara", "140", "90834", ("01/21",)),
    ("RC-1006", "daniel", "175", "90837", ("02/02",)),
    ("RC-1007", "daniel", "175", "90837", ("02/10",)),
    ("RC-1008", "maya", "175", "90837", ("02/16", "02/23")),
    ("RC-1009", "maya", "175", "90837", ("03/02",)),
)


@dataclass
class Clinic:
    """Evergreen's patients, with every session of the series billed to it."""

    ana: Any
    evergreen: Payer
    cascade: Payer
    maya: Patient
    daniel: Patient
    sara: Patient
    lines: dict[str, InvoiceLine] = field(default_factory=dict)

    def upload(self, number: int, name: str = "") -> Uploaded:
        return upload(name or f"c{number}.835", constructed(number), by=self.ana)

    def draft(self, number: int) -> Remittance:
        """The draft of one file of the series, which holds one payment."""
        uploaded = self.upload(number)
        assert [finding.text for _of, finding in uploaded.refused] == []
        (draft,) = uploaded.drafts
        return draft

    def save(self, draft: Remittance) -> Remittance:
        with review.changing(draft.pk) as locked:
            posting.save(locked, by=self.ana, sure=True)
        draft.refresh_from_db()
        return draft

    def post(self, *numbers: int) -> Remittance:
        """Upload and save files of the series, in which nothing needs a person."""
        for number in numbers:
            draft = self.draft(number)
            for row in draft.rows.select_related("claim"):
                if row.line_id and row.amber:
                    review.tick(row)
            self.save(draft)
        return draft

    def line(self, control: str) -> InvoiceLine:
        self.lines[control].refresh_from_db()
        return self.lines[control]

    def figures(self, control: str) -> tuple[str, str, str, str]:
        """Paid, written off, balance, and whom the rest waits for."""
        line = self.line(control)
        whose = line.payer.name.split()[0] if line.payer else "patient"
        return short(line.paid), short(line.adjusted), short(line.balance), whose

    def owes(self, control: str) -> dict[str, str]:
        """What insurers say the patient owes on a line, by kind."""
        answer = balances.answers([self.line(control)]).get(self.lines[control].pk)
        return {kind.lower(): short(amount) for kind, amount in answer.owes} if answer else {}

    def state(self, control: str) -> str:
        answer = balances.answers([self.line(control)]).get(self.lines[control].pk)
        return answer.state if answer else ""

    def everything(self) -> dict[str, Any]:
        """Every line, account and offset account: what undoing has to bring back."""
        return {
            "lines": {control: self.figures(control) for control in self.lines},
            "owes": {control: self.owes(control) for control in self.lines},
            "forwards": balances.open_forwards(self.evergreen),
            "offsets": [each.owed for each in balances.payer_standings() if each.owed],
            "accounts": [
                (account.provider.pk, account.invoices, account.credit)
                for patient in (self.maya, self.daniel, self.sara)
                for account in balances.accounts(patient)
            ],
        }


def short(amount: Decimal) -> str:
    """105.00 as 105, 86.25 as 86.25."""
    return f"{amount:.2f}".removesuffix(".00")


def series(*, known: bool = True) -> Clinic:
    """The clinic before the first file. `known`: both payers were recognized before."""
    ana = UserFactory(username="ana", first_name="Ana")
    evergreen = PayerFactory(name="Evergreen Health Plan", payer_id="60054")
    cascade = PayerFactory(name="Cascade Supplement", payer_id="99721")
    if known:
        PayerKey.objects.create(kind="originator", value="1911234567", payer=evergreen)
        PayerKey.objects.create(kind="originator", value="1930000001", payer=cascade)
    people = {
        "maya": PatientFactory(family_name="Rivera", given_name="Maya"),
        "daniel": PatientFactory(family_name="Okafor", given_name="Daniel"),
        "sara": PatientFactory(family_name="Lind", given_name="Sara"),
    }
    for place, patient in enumerate(people.values(), 1):
        CoverageFactory(patient=patient, payer=evergreen, member_id=f"EV10000{place}")
    CoverageFactory(patient=people["daniel"], payer=cascade, member_id="CS-7", rank=2)
    clinic = Clinic(ana, evergreen, cascade, **people)
    provider = ProviderFactory(name="Dr 1")
    for claim, who, fee, code, days in CLAIMS:
        invoice = InvoiceFactory(
            patient=people[who],
            provider=provider,
            by=ana,
            owed_by=evergreen,
            amounts=[fee] * len(days),
            dates=[date(day) for day in days],
            code=code,
            claim_number=claim,
            control_numbers=[f"{claim}-{place}" for place, _day in enumerate(days, 1)],
            ago=90,
        )
        for line in invoice.lines.all():
            clinic.lines[line.control_number] = line
    return clinic
