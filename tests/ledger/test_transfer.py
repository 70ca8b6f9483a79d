"""transfer: unallocated credit goes to another account, as a zero-sum pair."""

from typing import Any

import pytest

from billing import balances, ledger
from billing.models import Kind, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import InsurancePaymentFactory, LineFactory, PaymentFactory
from tests.factories.bills import day, money
from tests.ledger.books import figures, free, paying, refused, transfers


def transfer(
    by: Any, payment: Payment, amount: str, patient: Patient, provider: Provider, **more: Any
) -> Payment:
    what = {"date": day(0), "reason": "Wrong account", **more}
    row = ledger.transfer(
        by=by, payment=payment, amount=money(amount), patient=patient, provider=provider, **what
    ).payment
    assert row
    return row


def test_the_pair_is_zero_sum_and_linked_both_ways(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", method="card")
    into = transfer(ana, receipt, "30", smith, dr2)
    out = into.original
    assert out
    assert (into.kind, into.amount, into.unallocated, into.provider) == (
        Kind.TRANSFER_IN,
        30,
        30,
        dr2,
    )
    assert (out.kind, out.amount, out.original, out.source) == (
        Kind.TRANSFER_OUT,
        -30,
        receipt,
        receipt,
    )
    assert into.number == "T-0001"
    assert {into.reason, out.reason} == {"Wrong account"}
    assert free(receipt) == 70
    assert figures(smith, dr1) == (0, 70, -70)
    assert figures(smith, dr2) == (0, 30, -30)
    assert balances.total(balances.accounts(smith)).net == -100


def test_credit_goes_to_another_patient_too(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    transfer(ana, receipt, "100", okafor, dr1)
    assert figures(smith, dr1) == (0, 0, 0)
    assert figures(okafor, dr1) == (0, 100, -100)


def test_r4_more_than_is_unallocated_is_refused_to_the_cent(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "40"})
    with refused("Only 60.00 of R-0001 is not allocated.", field="amount"):
        transfer(ana, receipt, "60.01", smith, dr2)
    transfer(ana, receipt, "60", smith, dr2)
    with refused("Only 0.00 of R-0001 is not allocated.", field="amount"):
        transfer(ana, receipt, "0.01", smith, dr2)


def test_to_where_it_already_is_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    with refused("The credit is already there.", field="provider"):
        transfer(ana, receipt, "10", smith, dr1)


@pytest.mark.parametrize("amount", ["0", "-10"])
def test_nothing_or_less_is_refused(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider, amount: str
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    with refused("Enter the amount.", field="amount"):
        transfer(ana, receipt, amount, smith, dr2)


def test_r9_a_reason_is_required(ana: Any, smith: Patient, dr1: Provider, dr2: Provider) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    with refused("Choose a reason.", field="reason"):
        transfer(ana, receipt, "10", smith, dr2, reason="")


def test_insurers_money_never_becomes_patient_credit(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    check = InsurancePaymentFactory(payer=blueriver, amount="100")
    with refused("An insurer's money stays with the insurer; it is not patient credit."):
        transfer(ana, check, "10", smith, dr1)


def test_an_undone_receipt_moves_nothing(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Bounced")
    with pytest.raises(ledger.AlreadyUndoneError):
        transfer(ana, receipt, "10", smith, dr2)


def test_r7_what_arrives_covers_what_a_reversed_receipt_pays_there(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr2)
    bounced = PaymentFactory(patient=smith, provider=dr2, amount="20", on={line: "20"})
    ledger.reverse(by=ana, payment=bounced, date=day(1), reason="Bounced", unpay_lines=False)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    into = transfer(ana, receipt, "30", smith, dr2)
    assert paying(line) == {into.number: 20}
    assert into.unallocated == 10
    assert figures(smith, dr2) == (80, 10, 70)


def test_there_and_back_again_leaves_the_accounts_as_they_were(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    into = transfer(ana, receipt, "30", smith, dr2)
    transfer(ana, into, "30", smith, dr1)
    assert figures(smith, dr1) == (0, 100, -100)
    assert figures(smith, dr2) == (0, 0, 0)
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Bounced")
    assert figures(smith, dr1) == (0, 0, 0)
    assert figures(smith, dr2) == (0, 0, 0)
    assert all(undone for _kind, _provider, _amount, undone in transfers(smith))
