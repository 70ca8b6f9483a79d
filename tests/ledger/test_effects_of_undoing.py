"""effects_of_undoing: what the Reverse dialog promises is what then happens, to the cent."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from billing import balances, ledger
from billing.models import Payment
from patients.models import Patient
from tests.factories import (
    LineFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    TransferFactory,
)
from tests.factories import OwnerFactory as Clerk
from tests.factories.bills import day, entries


class Desk:
    """Two patients with two providers each, and short words for what can happen to them."""

    def __init__(self) -> None:
        self.by = Clerk()
        self.patients = [PatientFactory(), PatientFactory()]
        self.providers = [ProviderFactory(name="Dr 1"), ProviderFactory(name="Dr 2")]

    def line(self, amount: str, *, patient: int = 0, provider: int = 0) -> Any:
        return LineFactory(
            patient=self.patients[patient], provider=self.providers[provider], amount=amount
        )

    def pay(self, amount: str, on: dict[Any, str] | None = None, *, provider: int = 0) -> Payment:
        return PaymentFactory(
            patient=self.patients[0],
            provider=self.providers[provider],
            amount=amount,
            on=on or {},
        )

    def transfer(
        self, payment: Payment, amount: str, *, patient: int = 0, provider: int = 0
    ) -> Payment:
        return TransferFactory(
            payment=payment,
            amount=amount,
            patient=self.patients[patient],
            provider=self.providers[provider],
        )

    def put(self, payment: Payment, on: dict[Any, str]) -> None:
        ledger.allocate(by=self.by, payment=payment, entries=entries(on), date=day(0))

    def refund(self, payment: Payment, amount: str) -> None:
        RefundFactory(payment=payment, amount=amount)

    def bounce(self, payment: Payment) -> None:
        ledger.reverse(
            by=self.by, payment=payment, date=day(0), reason="Bounced", unpay_lines=False
        )


def nothing_allocated(desk: Desk) -> Payment:
    desk.line("50")
    return desk.pay("20")


def all_allocated(desk: Desk) -> Payment:
    return desk.pay("20", {desk.line("50"): "20"})


def part_allocated_part_refunded(desk: Desk) -> Payment:
    payment = desk.pay("100", {desk.line("50"): "45"})
    desk.refund(payment, "30")
    return payment


def other_credit_covers_it(desk: Desk) -> Payment:
    payment = desk.pay("40", {desk.line("50"): "40"})
    desk.pay("25")
    return payment


def its_credit_was_used_to_cover(desk: Desk) -> Payment:
    desk.bounce(desk.pay("40", {desk.line("50"): "40"}))
    return desk.pay("100")


def it_filled_a_refund_that_bounced(desk: Desk) -> Payment:
    first = desk.pay("80")
    desk.refund(first, "30")
    desk.bounce(first)
    return desk.pay("100", {desk.line("50"): "10"})


def another_providers_line(desk: Desk) -> Payment:
    return desk.pay("100", {desk.line("30"): "30", desk.line("70", provider=1): "60"})


def two_transfers_to_one_account(desk: Desk) -> Payment:
    theirs = desk.line("70", provider=1)
    payment = desk.pay("100", {theirs: "20"})
    desk.put(payment, {theirs: "30"})
    desk.transfer(payment, "15", provider=1)
    return payment


def a_transfer_to_another_patient(desk: Desk) -> Payment:
    payment = desk.pay("100", {desk.line("30"): "10"})
    into = desk.transfer(payment, "40", patient=1)
    desk.put(into, {desk.line("60", patient=1): "35"})
    return payment


def a_transfer_of_a_transfer(desk: Desk) -> Payment:
    payment = desk.pay("100", {desk.line("30"): "10"})
    second = desk.transfer(payment, "60", provider=1)
    third = desk.transfer(second, "40", patient=1, provider=1)
    desk.put(third, {desk.line("90", patient=1, provider=1): "35"})
    return payment


def there_and_back(desk: Desk) -> Payment:
    payment = desk.pay("100")
    back = desk.transfer(desk.transfer(payment, "60", provider=1), "25")
    desk.put(back, {desk.line("20"): "20"})
    return payment


def a_transfer_refunded_elsewhere(desk: Desk) -> Payment:
    payment = desk.pay("100")
    desk.refund(desk.transfer(payment, "60", provider=1), "50")
    return payment


def a_transfer_undone_before(desk: Desk) -> Payment:
    payment = desk.pay("100", {desk.line("70", provider=1): "60"})
    row = Payment.objects.get(kind="transfer_in")
    ledger.reverse(by=desk.by, payment=row, date=day(0), reason="Wrong provider")
    return payment


def it_is_itself_a_transfer(desk: Desk) -> Payment:
    payment = desk.pay("100")
    into = desk.transfer(payment, "60", provider=1)
    desk.put(into, {desk.line("70", provider=1): "45"})
    return into


STORIES: list[Callable[[Desk], Payment]] = [
    nothing_allocated,
    all_allocated,
    part_allocated_part_refunded,
    other_credit_covers_it,
    its_credit_was_used_to_cover,
    it_filled_a_refund_that_bounced,
    another_providers_line,
    two_transfers_to_one_account,
    a_transfer_to_another_patient,
    a_transfer_of_a_transfer,
    there_and_back,
    a_transfer_refunded_elsewhere,
    a_transfer_undone_before,
    it_is_itself_a_transfer,
]
Balances = dict[tuple[int, int], tuple[Any, Any, Any]]


def balances_of(patients: list[Patient]) -> Balances:
    return {
        (patient.pk, each.provider.pk): (each.invoices, each.credit, each.net)
        for patient in patients
        for each in balances.accounts(patient)
        if each.provider
    }


@pytest.mark.parametrize(
    ("story", "how"),
    [
        pytest.param(story, how, id=f"{story.__name__}-{how}")
        for story in STORIES
        for how in ("reverse", "void")
        if (story, how) != (it_is_itself_a_transfer, "void")  # only receipts are deleted
    ],
)
@pytest.mark.parametrize("unpay_lines", [True, False], ids=["un-pay", "leave-paid"])
@pytest.mark.django_db
def test_each_account_becomes_what_was_promised_and_no_other_changes(
    story: Callable[[Desk], Payment], unpay_lines: bool, how: str
) -> None:
    desk = Desk()
    payment = story(desk)
    before = balances_of(desk.patients)
    effects = balances.effects_of_undoing(payment)
    promised = dict(before)
    assert len({(each.patient.pk, each.now.provider) for each in effects}) == len(effects)
    for each in effects:
        assert each.now.provider
        account = (each.patient.pk, each.now.provider.pk)
        assert (each.now.invoices, each.now.credit, each.now.net) == before[account]
        after = each.unpaid if unpay_lines else each.left_paid
        promised[account] = (after.invoices, after.credit, after.net)
    what: dict[str, Any] = {"by": desk.by, "payment": payment, "reason": "Bounced"}
    if how == "void":
        ledger.void(**what, unpay_lines=unpay_lines)
    else:
        ledger.reverse(**what, unpay_lines=unpay_lines, date=day(0))
    assert balances_of(desk.patients) == promised


@pytest.mark.django_db
def test_asking_changes_nothing() -> None:
    desk = Desk()
    payment = another_providers_line(desk)
    before = balances_of(desk.patients)
    with transaction.atomic():
        balances.effects_of_undoing(payment)
    assert balances_of(desk.patients) == before
