"""Fees, issued invoices, payments and allocations. Money only through the ledger's verbs.

    line = LineFactory(patient=smith, provider=dr1, amount="50")     an issued line, owing 50.00
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20")
    check = InsurancePaymentFactory(payer=blueriver, amount="200", on={line: "60"})
    AllocationFactory(payment=receipt, line=line, amount="20")
    moved = TransferFactory(payment=receipt, amount="10", provider=dr2)
    RefundFactory(payment=moved, amount="10")

Amounts may be texts or numbers; days are days ago.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import factory
from django.utils import timezone

from billing import ledger
from billing.models import Allocation, Fee, Invoice, InvoiceLine, Payment, Service
from billing.sharing import Entry
from patients.models import Payer, Provider
from tests.factories.people import PatientFactory, PayerFactory, ProviderFactory, UserFactory

Amount = str | int | Decimal


def money(amount: Amount) -> Decimal:
    """20 or "20" or "20.5" as the ledger wants it: 20.00, 20.00, 20.50."""
    return Decimal(amount).quantize(Decimal("0.01"))


def day(ago: int) -> datetime.date:
    """The accounting day so many days ago; 0 is today."""
    return timezone.localdate() - datetime.timedelta(days=ago)


def entries(on: Mapping[InvoiceLine, Amount | tuple[Amount, Amount]]) -> list[Entry]:
    """{line: paid} or {line: (paid, write-off)} as entries of a screen."""
    found = []
    for line, typed in on.items():
        paid, write_off = typed if isinstance(typed, tuple) else (typed, 0)
        found.append(Entry(line.pk, money(paid), money(write_off)))
    return found


def many_sessions(
    *,
    patients: int,
    each: int,
    payer: Payer,
    provider: Provider,
    by: Any,
    amounts: Sequence[Amount] = (100,),
) -> list[InvoiceLine]:
    """Issued lines that an insurer owes, so many of each patient, on one invoice; by patient and day.

    The patients are P2000, P2001 and so on; the amounts come one after the other.
    """
    found = []
    for number in range(patients):
        patient = PatientFactory(family_name=f"Sample{number:02}", chart_number=f"P{2000 + number}")
        invoice = Invoice.objects.create(patient=patient, created_by=by)
        InvoiceLine.objects.bulk_create(
            InvoiceLine(
                invoice=invoice,
                patient=patient,
                provider=provider,
                payer=payer,
                service_date=day(30 + each - of_patient),
                code="90834",
                description="Psychotherapy, 45 minutes",
                amount=money(amounts[of_patient % len(amounts)]),
            )
            for of_patient in range(each)
        )
        ledger.issue_invoice(by=by, invoice=invoice, date=day(30))
        found += invoice.lines.order_by("service_date", "pk")
    return found


class ServiceFactory(factory.django.DjangoModelFactory[Service]):
    class Meta:
        model = Service
        django_get_or_create = ("code",)

    code = "90834"
    description = "Psychotherapy, 45 minutes"


class FeeFactory(factory.django.DjangoModelFactory[Fee]):
    class Meta:
        model = Fee

    service = factory.SubFactory(ServiceFactory)
    amount = money(100)
    valid_from = datetime.date(2020, 1, 1)


class InvoiceFactory(factory.django.DjangoModelFactory[Invoice]):
    """An issued invoice; `amounts` are its lines. `issued=False` leaves it a draft.

    What an insurer answers with: `claim_number`, and for each line its control number, its date
    (otherwise `ago` says it) and its code.
    """

    class Meta:
        model = Invoice

    patient = factory.SubFactory(PatientFactory)
    provider = factory.SubFactory(ProviderFactory)
    amounts: Any = ("100",)
    ago = 30
    by = factory.SubFactory(UserFactory)
    owed_by = None
    issued = True
    claim_number = ""
    control_numbers: Any = ()
    dates: Any = ()
    code = "90834"

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **given: Any) -> Invoice:
        patient, by, on = given["patient"], given["by"], day(given["ago"])
        numbers, dates = given["control_numbers"], given["dates"]
        invoice = Invoice.objects.create(patient=patient, created_by=by)
        InvoiceLine.objects.bulk_create(
            InvoiceLine(
                invoice=invoice,
                patient=patient,
                provider=given["provider"],
                payer=given["owed_by"],
                service_date=dates[place] if dates else on,
                code=given["code"],
                description="Psychotherapy, 45 minutes",
                amount=money(amount),
                claim_number=given["claim_number"],
                control_number=numbers[place] if numbers else "",
            )
            for place, amount in enumerate(given["amounts"])
        )
        if given["issued"]:
            ledger.issue_invoice(by=by, invoice=invoice, date=max(dates, default=on))
        return invoice


class LineFactory(factory.django.DjangoModelFactory[InvoiceLine]):
    """One issued line on an invoice of its own."""

    class Meta:
        model = InvoiceLine

    patient = factory.SubFactory(PatientFactory)
    provider = factory.SubFactory(ProviderFactory)
    amount: Any = "100"
    ago = 30
    by = factory.SubFactory(UserFactory)
    owed_by = None

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **given: Any) -> InvoiceLine:
        invoice = InvoiceFactory(amounts=[given.pop("amount")], **given)
        return InvoiceLine.objects.with_names().get(invoice=invoice)


class PaymentFactory(factory.django.DjangoModelFactory[Payment]):
    """A patient's receipt, `on` lines at once or as credit."""

    class Meta:
        model = Payment

    patient = factory.SubFactory(PatientFactory)
    provider = factory.SubFactory(ProviderFactory)
    amount: Any = "20"
    method = "cash"
    reference = ""
    ago = 20
    by = factory.SubFactory(UserFactory)
    on: Any = {}

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **given: Any) -> Payment:
        return _received(given, patient=given["patient"], provider=given["provider"])


class InsurancePaymentFactory(factory.django.DjangoModelFactory[Payment]):
    """A payer's receipt, `on` lines of anybody."""

    class Meta:
        model = Payment

    payer = factory.SubFactory(PayerFactory)
    amount: Any = "200"
    method = "check"
    reference = factory.Sequence(lambda n: f"{10400000 + n}")
    ago = 10
    by = factory.SubFactory(UserFactory)
    on: Any = {}
    over_allocation_reason = ""

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **given: Any) -> Payment:
        reason = given["over_allocation_reason"]
        return _received(given, payer=given["payer"], over_allocation_reason=reason)


def _received(given: Mapping[str, Any], **whose: Any) -> Payment:
    return ledger.record_payment(
        by=given["by"],
        amount=money(given["amount"]),
        method=given["method"],
        reference=given["reference"],
        date=day(given["ago"]),
        entries=entries(given["on"]),
        **whose,
    ).receipt


class AllocationFactory(factory.django.DjangoModelFactory[Allocation]):
    """So much of a saved receipt put on a line of its account."""

    class Meta:
        model = Allocation

    payment = factory.SubFactory(PaymentFactory)
    amount: Any = "20"
    ago = 10
    by = factory.SubFactory(UserFactory)

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **given: Any) -> Allocation:
        posted = ledger.allocate(
            by=given["by"],
            payment=given["payment"],
            entries=entries({given["line"]: given["amount"]}),
            date=day(given["ago"]),
        )
        return posted.allocations[0]


class TransferFactory(factory.django.DjangoModelFactory[Payment]):
    """So much credit of a saved receipt moved to another account: the payment there.

    It stays with the patient, and goes to another provider, unless a test says to whom.
    """

    class Meta:
        model = Payment

    payment = factory.SubFactory(PaymentFactory)
    amount: Any = "10"
    patient = factory.SelfAttribute("payment.patient")
    provider = factory.SubFactory(ProviderFactory)
    ago = 0
    by = factory.SubFactory(UserFactory)
    reason = "Wrong provider"

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **given: Any) -> Payment:
        return ledger.transfer(
            by=given["by"],
            payment=given["payment"],
            amount=money(given["amount"]),
            patient=given["patient"],
            provider=given["provider"],
            date=day(given["ago"]),
            reason=given["reason"],
        ).receipt


class RefundFactory(factory.django.DjangoModelFactory[Payment]):
    """So much credit of a saved receipt paid back."""

    class Meta:
        model = Payment

    payment = factory.SubFactory(PaymentFactory)
    amount: Any = "10"
    method = "cash"
    reference = ""
    ago = 0
    by = factory.SubFactory(UserFactory)
    reason = "Overpaid"

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **given: Any) -> Payment:
        return ledger.refund(
            by=given["by"],
            payment=given["payment"],
            amount=money(given["amount"]),
            method=given["method"],
            reference=given["reference"],
            date=day(given["ago"]),
            reason=given["reason"],
        ).receipt
