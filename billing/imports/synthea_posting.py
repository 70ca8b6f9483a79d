"""A Synthea export goes into the books, by the verbs the desk uses too."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.contrib.auth.models import User

from billing import ledger
from billing.chain.acts import sealing
from billing.growing import GrowingTables
from billing.imports.csv_files import ImportRefused
from billing.imports.synthea import INSURER, METHODS, Charge, Claim, Export, Paid
from billing.models import Fee, Invoice, InvoiceLine, Payment, Service
from billing.money import ZERO
from billing.sharing import Entry
from patients.models import Coverage, Patient, Payer, Provider, Session

# Within a day: the copay at the desk, then the insurers, then what the patient still owed.
ORDER = {"COPAY": 0, INSURER: 1}


@dataclass
class Imported:
    """What went in, to be compared with what the other system says."""

    counts: dict[str, int]
    charges: Decimal = ZERO
    unallocated: Decimal = ZERO
    by_method: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))


@dataclass(frozen=True)
class _Act:
    """Money that came in at once: a patient's PAYMENT row, or an insurer's rows of one day."""

    payer: str
    patient: str
    provider: str
    date: datetime.date
    paid: list[tuple[Paid, Charge]]

    @property
    def method(self) -> str:
        return self.paid[0][0].method

    @property
    def reference(self) -> str:
        """Made from the data, so that the same data comes with the same reference."""
        first = self.paid[0][0].id[:8]
        return f"{self.date:%Y%m%d}-{first}" if self.payer else first

    @property
    def note(self) -> str:
        return "" if self.payer else _note(self.paid[0][0])


def _note(paid: Paid) -> str:
    return f"Synthea {paid.id}"


def post(export: Export, *, by: User, progress: Callable[[], object] = lambda: None) -> Imported:
    """All of it, or nothing. Refused (ImportRefused): data that is in the books already.

    `progress` is called once for every invoice and payment, `steps(export)` times in all.
    """
    growing = GrowingTables()

    def step() -> None:
        growing.step()
        progress()

    with sealing("import synthea", by=by):
        _refuse_second_time(export)
        posting = _Posting(export, by)
        posting.people()
        posting.invoices(step)
        posting.payments(step)
        posting.who_owes_now()
    return posting.imported


def steps(export: Export) -> int:
    return len(export.claims) + len(_acts(export))


def _refuse_second_time(export: Export) -> None:
    members = [policy.member_id for policy in export.policies if policy.member_id]
    notes = [_note(paid) for paid in export.payments if not paid.payer]
    there = any(
        Coverage.objects.filter(member_id__in=some).exists() for some in _in_parts(members)
    ) or any(Payment.objects.filter(note__in=some).exists() for some in _in_parts(notes))
    if there:
        raise ImportRefused("This data is already there. Nothing was imported a second time.")


def _in_parts(values: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _acts(export: Export) -> list[_Act]:
    """Every PAYMENT row is a receipt of its own; an insurer pays all its lines of a day at once."""
    of_patients: list[_Act] = []
    of_insurers: dict[tuple[str, datetime.date], _Act] = {}
    for claim in export.claims:
        for charge in claim.charges:
            for paid in charge.payments:
                date = max(paid.date, claim.date)
                if paid.payer:
                    check = _Act(paid.payer, "", "", date, [])
                    of_insurers.setdefault((paid.payer, date), check).paid.append((paid, charge))
                else:
                    of_patients.append(
                        _Act("", claim.patient, claim.provider, date, [(paid, charge)])
                    )
    return sorted(
        [*of_patients, *of_insurers.values()],
        key=lambda act: (act.date, ORDER.get(act.method, 2)),
    )


class _Posting:
    """Our rows beside theirs, by Synthea's ids."""

    def __init__(self, export: Export, by: User) -> None:
        self.export = export
        self.by = by
        self.patients: dict[str, Patient] = {}
        self.providers: dict[str, Provider] = {}
        self.payers: dict[str, Payer] = {}
        self.services: dict[str, Service] = {}
        self.lines: list[tuple[Charge, InvoiceLine]] = []
        self.owed: dict[int, Decimal] = {}  # by the line's id
        self.ids: dict[int, int] = {}  # id(charge) → the line's id
        self.imported = Imported({})

    # ------------------------------------------------------------------ who, and for what

    def people(self) -> None:
        export = self.export
        for key, person in export.patients.items():
            self.patients[key] = Patient.objects.create(
                family_name=person.family_name,
                given_name=person.given_name,
                birth_date=person.birth_date,
            )
        self._providers()
        for key, name in export.payers.items():
            self.payers[key], _new = Payer.objects.get_or_create(name=name)
        coverages = Coverage.objects.bulk_create(
            Coverage(
                patient=self.patients[policy.patient],
                payer=self.payers[policy.payer],
                member_id=policy.member_id,
                rank=policy.rank,
                start=policy.start,
                end=max(policy.start, policy.end - datetime.timedelta(days=1)),
            )
            for policy in export.policies
        )
        self._services()
        self.imported.counts = {
            "patients": len(self.patients),
            "providers": len(self.providers),
            "payers": len(self.payers),
            "coverages": len(coverages),
            "services": len(self.services),
        }

    def _providers(self) -> None:
        """Those who treated somebody. A name is shown at the desk, so a namesake gets a number."""
        treated = {claim.provider for claim in self.export.claims}
        times: dict[str, int] = defaultdict(int)
        for key, name in self.export.providers.items():
            times[name] += 1
            if key in treated:
                shown = name if times[name] == 1 else f"{name} ({times[name]})"
                self.providers[key], _new = Provider.objects.get_or_create(name=shown)

    def _services(self) -> None:
        """The fee schedule as the charges show it: a new fee from each day the price changed."""
        charges = sorted(
            (charge for claim in self.export.claims for charge in claim.charges),
            key=lambda charge: charge.date,
        )
        prices: dict[str, dict[datetime.date, Decimal]] = defaultdict(dict)
        for charge in charges:
            if charge.code not in self.services:
                self.services[charge.code], new = Service.objects.get_or_create(
                    code=charge.code, defaults={"description": charge.description[:120]}
                )
                if not new:
                    prices[charge.code] = {}  # the clinic's own fees stay as they are
                    continue
            elif charge.code not in prices:
                continue
            prices[charge.code][charge.date] = charge.unit_amount
        Fee.objects.bulk_create(
            Fee(service=self.services[code], amount=amount, valid_from=day)
            for code, days in prices.items()
            for day, amount in _changes(days)
        )

    # ------------------------------------------------------------------ bills

    def invoices(self, progress: Callable[[], object]) -> None:
        claims = sorted(self.export.claims, key=lambda claim: claim.date)
        invoices = Invoice.objects.bulk_create(
            Invoice(patient=self.patients[claim.patient], created_by=self.by) for claim in claims
        )
        sessions = self._sessions(claims)
        lines = [
            (charge, self._line(invoice, claim, charge, sessions[_visit(claim, charge)]))
            for invoice, claim in zip(invoices, claims, strict=True)
            for charge in claim.charges
        ]
        InvoiceLine.objects.bulk_create([line for _charge, line in lines], batch_size=500)
        self.lines = lines
        for charge, line in lines:
            self.ids[id(charge)] = line.pk
            self.owed[line.pk] = charge.amount
            self.imported.charges += charge.amount
        for invoice, claim in zip(invoices, claims, strict=True):
            try:
                ledger.issue_invoice(by=self.by, invoice=invoice, date=claim.date)
            except ledger.LedgerError as error:
                raise ImportRefused(f"claims.csv, claim {claim.id}: {error}") from error
            progress()
        self.imported.counts |= {
            "sessions": len(sessions),
            "invoices": len(invoices),
            "invoice lines": len(lines),
        }

    def _sessions(self, claims: Sequence[Claim]) -> dict[tuple[str, ...], Session]:
        """One for each visit, however many claims it led to; another after midnight."""
        sessions = {
            _visit(claim, charge): Session(
                patient=self.patients[claim.patient],
                provider=self.providers[claim.provider],
                date=charge.date,
            )
            for claim in claims
            for charge in claim.charges
        }
        Session.objects.bulk_create(sessions.values(), batch_size=500)
        return sessions

    def _line(
        self, invoice: Invoice, claim: Claim, charge: Charge, session: Session
    ) -> InvoiceLine:
        return InvoiceLine(
            invoice=invoice,
            session=session,
            patient=self.patients[claim.patient],
            provider=self.providers[claim.provider],
            service=self.services[charge.code],
            payer=self.payers.get(charge.payer),
            service_date=charge.date,
            code=charge.code,
            description=charge.description,
            units=charge.units,
            amount=charge.amount,
        )

    # ------------------------------------------------------------------ money

    def payments(self, progress: Callable[[], object]) -> None:
        acts = _acts(self.export)
        for act in acts:
            payment = self._record(act)
            self.imported.by_method[act.method] += payment.amount
            self.imported.unallocated += payment.unallocated
            progress()
        self.imported.counts |= {
            "insurance payments": sum(1 for act in acts if act.payer),
            "patients' payments": sum(1 for act in acts if not act.payer),
        }

    def _record(self, act: _Act) -> Payment:
        """What a line does not owe any more stays unallocated: an overpaid copay is credit."""
        entries = []
        for paid, charge in act.paid:
            line = self.ids[id(charge)]
            fits = min(paid.amount, self.owed[line])
            self.owed[line] -= fits
            entries.append(Entry(line, fits))
        try:
            posted = ledger.record_payment(
                by=self.by,
                amount=sum((paid.amount for paid, _charge in act.paid), ZERO),
                method=METHODS[act.method],
                date=act.date,
                patient=self.patients.get(act.patient),
                provider=self.providers.get(act.provider),
                payer=self.payers.get(act.payer),
                reference=act.reference,
                note=act.note,
                entries=entries,
            )
        except ledger.LedgerError as error:
            where = f"claims_transactions.csv, transaction {act.paid[0][0].id}"
            raise ImportRefused(f"{where}: {error}") from error
        assert posted.payment  # noqa: S101  (record_payment always returns it)
        return posted.payment

    def who_owes_now(self) -> None:
        """The last transfer says who owes the rest; it moves no money."""
        moved: dict[str, list[int]] = defaultdict(list)
        for charge, line in self.lines:
            if charge.owes_now != charge.payer:
                moved[charge.owes_now].append(line.pk)
        for payer, ids in moved.items():
            InvoiceLine.objects.filter(pk__in=ids).update(payer=self.payers.get(payer))


def _visit(claim: Claim, charge: Charge) -> tuple[str, ...]:
    return claim.visit or claim.id, claim.patient, claim.provider, str(charge.date)


def _changes(prices: dict[datetime.date, Decimal]) -> Iterator[tuple[datetime.date, Decimal]]:
    """The days on which the price was not what it was before. Given for nothing is no price."""
    before = ZERO
    for day, amount in prices.items():
        if amount not in (before, ZERO):
            yield day, amount
            before = amount
