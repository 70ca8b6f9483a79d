"""The fee schedule as of a day, and who is asked first for what a patient is charged."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.models import Fee, InvoiceLine, Service
from patients.models import Coverage, Patient, Payer, Provider, Session

LATELY = 200  # so many of a provider's newest lines say what that provider usually does


class Fees:
    """The dated fees of some services: one query, then any day and payer.

    The payer's own fee counts if one is agreed, otherwise the clinic's.
    """

    def __init__(self, services: Iterable[Service]) -> None:
        self._fees: dict[int, list[Fee]] = defaultdict(list)
        wanted = {service.pk for service in services}
        if wanted:
            dated = Fee.objects.filter(service__in=wanted).select_related("payer")
            for fee in dated.order_by("-valid_from"):
                self._fees[fee.service_id].append(fee)

    def of(self, service: Service, day: datetime.date, payer: Payer | None = None) -> Fee | None:
        """The fee that counts on that day, or None where none is set yet."""
        dated = [fee for fee in self._fees[service.pk] if fee.valid_from <= day]
        own = (fee for fee in dated if payer and fee.payer_id == payer.pk)
        clinics = (fee for fee in dated if fee.payer_id is None)
        return next(own, None) or next(clinics, None)

    def of_payers(self, service: Service, day: datetime.date) -> list[Fee]:
        """The fees agreed with single payers that count on that day, by the payers' names."""
        newest: dict[int, Fee] = {}
        for fee in self._fees[service.pk]:
            if fee.payer_id and fee.valid_from <= day:
                newest.setdefault(fee.payer_id, fee)
        return sorted(newest.values(), key=lambda fee: str(fee.payer))

    def coming(self, service: Service, day: datetime.date) -> list[Fee]:
        """The clinic's fees that begin after that day, the next one first."""
        return [
            fee
            for fee in reversed(self._fees[service.pk])
            if fee.payer_id is None and fee.valid_from > day
        ]


class Insurers:
    """A patient's coverages: one query, then any day."""

    def __init__(self, patient: Patient) -> None:
        found = patient.coverages.select_related("payer").order_by("rank", "start", "id")
        self._coverages: list[Coverage] = list(found)

    def first(self, day: datetime.date) -> Payer | None:
        """The payer of the primary coverage of that day; None where the patient pays."""
        for coverage in self._coverages:
            begun = coverage.start is None or coverage.start <= day
            if begun and (coverage.end is None or coverage.end >= day):
                return coverage.payer
        return None


def usual_services(patient: Patient, provider: Provider | None, most: int) -> list[Service]:
    """What this provider did for this patient most often; for a new patient, for anybody lately."""
    if provider is None:
        return []
    lines = InvoiceLine.objects.filter(provider=provider, service__active=True)
    codes = Counter(lines.filter(patient=patient).values_list("service", flat=True))
    if not codes:
        newest = InvoiceLine.objects.filter(provider=provider).order_by("-pk")[:LATELY]
        codes = Counter(newest.values_list("service", flat=True))
    wanted = [pk for pk, _count in codes.most_common(most) if pk]
    services = Service.objects.filter(active=True).in_bulk(wanted)
    return [services[pk] for pk in wanted if pk in services]


def last_session(patient: Patient, provider: Provider | None = None) -> Session | None:
    """The patient's newest session, with anybody or with one provider."""
    sessions = patient.sessions.select_related("provider")
    if provider:
        sessions = sessions.filter(provider=provider)
    return sessions.order_by("-date", "-id").first()


def done_in(session: Session | None) -> list[InvoiceLine]:
    """What was done in a session, each service once: not again what was voided and billed anew."""
    if session is None:
        return []
    lines: Sequence[InvoiceLine] = list(
        session.lines.select_related("service").standing().order_by("pk")
    )
    return list(lines)


@dataclass(frozen=True)
class FeeRow:
    """An entry of the schedule on a day."""

    service: Service
    fee: Fee | None
    own: Sequence[Fee]
    coming: Sequence[Fee]

    @property
    def amount(self) -> Decimal | None:
        return self.fee.amount if self.fee else None


def fee_rows(services: Sequence[Service], day: datetime.date) -> list[FeeRow]:
    """A page of the fee schedule; one query however many services."""
    fees = Fees(services)
    return [
        FeeRow(
            service, fees.of(service, day), fees.of_payers(service, day), fees.coming(service, day)
        )
        for service in services
    ]
