"""What a family owes together: whoever pays, and those they pay for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q, Sum

from billing.models import InvoiceLine, Payment
from billing.money import ZERO
from patients.models import Patient, Provider


@dataclass(frozen=True)
class Owed:
    """Invoices and credit of an account, a member or the family.

    `waiting` is what of the invoices insurers are asked for. The rest, less the credit, is the
    patient's part: the two add up to the net balance.
    """

    invoices: Decimal = ZERO
    credit: Decimal = ZERO
    waiting: Decimal = ZERO

    def __add__(self, other: Owed) -> Owed:
        return Owed(
            self.invoices + other.invoices,
            self.credit + other.credit,
            self.waiting + other.waiting,
        )

    @property
    def net(self) -> Decimal:
        return self.invoices - self.credit

    @property
    def patients_part(self) -> Decimal:
        return self.net - self.waiting


@dataclass(frozen=True)
class Member:
    """One of the family, with what they owe each provider."""

    patient: Patient
    accounts: list[tuple[Provider, Owed]]

    @property
    def total(self) -> Owed:
        return sum((owed for _provider, owed in self.accounts), Owed())


def members(family: Iterable[Patient]) -> list[Member]:
    """Each member's balances, in the order given; three queries however many there are."""
    people = list(family)
    owed: dict[tuple[int, int], Owed] = defaultdict(Owed)
    for patient, provider, invoices, waiting in (
        InvoiceLine.objects.issued()
        .filter(patient__in=people)
        .values_list("patient", "provider")
        .annotate(
            invoices=Sum("balance"),
            waiting=Sum("balance", filter=Q(payer__isnull=False), default=ZERO),
        )
        .order_by()
    ):
        owed[patient, provider] += Owed(invoices=invoices, waiting=waiting)
    for patient, provider, credit in (
        Payment.objects.money_in()
        .filter(patient__in=people)
        .values_list("patient", "provider")
        .annotate(credit=Sum("unallocated"))
        .order_by()
    ):
        owed[patient, provider] += Owed(credit=credit)
    providers = Provider.objects.filter(pk__in={provider for _patient, provider in owed})
    by_name = list(providers)
    return [
        Member(
            patient,
            [
                (each, owed[patient.pk, each.pk])
                for each in by_name
                if (patient.pk, each.pk) in owed
            ],
        )
        for patient in people
    ]


def family_total(found: Iterable[Member]) -> Owed:
    """What the whole family owes."""
    return sum((member.total for member in found), Owed())
