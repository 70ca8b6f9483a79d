"""Transfer: credit moves to another provider, or within the family, to the same cent."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import balances
from billing.models import Kind, Payment
from billing.money import show
from patients.models import Patient, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
)
from tests.screens.desk import NOT_AMOUNTS, Desk, key, queries, rows, seed2, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    """A receipt of 100.00: 40.00 of it on a line, 60.00 free."""
    return seed2(amount="100", on="40")


@pytest.fixture
def dr2() -> Provider:
    return ProviderFactory(name="Dr 2")


@pytest.fixture
def kim(desk: Desk) -> Patient:
    return PatientFactory(family_name="Smith", given_name="Kim", guarantor=desk.smith)


def url(payment: Payment) -> str:
    return f"/payments/{payment.number}/transfer/"


def answers(to: Provider, **given: Any) -> dict[str, Any]:
    return {
        "key": key(),
        "action": "save",
        "amount": "60.00",
        "patient": "P1042",
        "provider": str(to.pk),
        "reason": "Wrong provider",
        "note": "",
        "date": timezone.localdate().isoformat(),
        **given,
    }


def refused(desk: Desk, form: dict[str, Any], *sentences: str) -> str:
    before = rows()
    answer = desk.client.post(url(desk.receipt), form)
    assert answer.status_code == 200
    page = text(answer)
    assert "<title>Error: " in page
    assert "This transfer is not saved yet." in page
    for sentence in sentences:
        assert sentence in page
    assert rows() == before
    return page


def figures(patient: Patient, provider: Provider) -> tuple[str, str, str]:
    now = balances.account(patient, provider)
    return show(now.invoices), show(now.credit), show(now.net)


# --- Before --------------------------------------------------------------------------------------


def test_it_offers_the_family_and_every_provider(desk: Desk, dr2: Provider, kim: Patient) -> None:
    PatientFactory(family_name="Stranger")
    page = text(desk.client.get(url(desk.receipt)))
    assert 'name="amount" value="60.00"' in page
    assert '<option value="P1042" selected>Smith, John (P1042)</option>' in page
    assert f'<option value="{kim.chart_number}">Smith, Kim' in page
    assert "Stranger" not in page
    assert f'<option value="{dr2.pk}">Dr 2</option>' in page
    assert "Choose the account the credit goes to." in page
    assert "Smith, John, Dr 1</caption>" in page


def test_both_accounts_are_shown_now_and_after(desk: Desk, dr2: Provider) -> None:
    LineFactory(patient=desk.smith, provider=dr2, amount="45", by=desk.ana)
    before = rows()
    answer = desk.client.post(
        url(desk.receipt),
        answers(dr2, action="", amount="20"),
        headers={"HX-Request": "true", "HX-Target": "transfer-figures"},
    )
    page = text(answer)
    assert page.startswith('<div class="stack tight" id="transfer-figures">')
    assert "Smith, John, Dr 1</caption>" in page
    assert "Smith, John, Dr 2</caption>" in page
    assert "<td>40.00</td>" in page  # Dr 1's credit after
    assert "<td>20.00</td>" in page  # Dr 2's
    assert "say" in json.loads(answer["HX-Trigger"])
    assert rows() == before
    without_scripts = text(desk.client.post(url(desk.receipt), answers(dr2, action="recalculate")))
    assert "Smith, John, Dr 2</caption>" in without_scripts
    assert "not saved yet" not in without_scripts


def test_in_a_dialog_it_is_the_part_alone(desk: Desk) -> None:
    page = text(desk.client.get(url(desk.receipt), headers={"HX-Request": "true"}))
    assert page.startswith('<div id="transfer">')
    assert "<html" not in page


def test_names_are_escaped(desk: Desk, dr2: Provider, kim: Patient) -> None:
    kim.family_name = dr2.name = "<script>alert(1)</script>"
    kim.save()
    dr2.save()
    assert "<script>alert" not in desk.client.get(url(desk.receipt)).content.decode()


def test_it_costs_few_queries(desk: Desk, dr2: Provider) -> None:
    few = queries(lambda: desk.client.get(url(desk.receipt)))
    for _ in range(5):
        PatientFactory(guarantor=desk.smith)
    assert queries(lambda: desk.client.get(url(desk.receipt))) == few
    assert few <= 14


# --- Saving --------------------------------------------------------------------------------------


def test_it_moves_credit_to_another_provider(desk: Desk, dr2: Provider) -> None:
    answer = desk.client.post(url(desk.receipt), answers(dr2, amount="25"))
    assert answer["Location"] == desk.account_url
    assert desk.figures == ("10.00", "35.00", "-25.00")
    assert figures(desk.smith, dr2) == ("0.00", "25.00", "-25.00")
    into = Payment.objects.get(kind=Kind.TRANSFER_IN)
    page = text(desk.client.get(desk.account_url))
    assert f"$25.00 of {desk.receipt.number} moved to Dr 2." in page
    assert f"It is {into.number} there." in page


def test_it_moves_credit_to_a_family_members_account(
    desk: Desk, dr2: Provider, kim: Patient
) -> None:
    form = answers(dr2, patient=kim.chart_number, reason="Family member's bill")
    assert desk.client.post(url(desk.receipt), form).status_code == 302
    assert desk.figures == ("10.00", "0.00", "10.00")
    assert figures(kim, dr2) == ("0.00", "60.00", "-60.00")
    assert "moved to Smith, Kim" in text(desk.client.get(desk.account_url))


def test_a_second_click_moves_once(desk: Desk, dr2: Provider) -> None:
    form = answers(dr2)
    for _ in range(2):
        assert desk.client.post(url(desk.receipt), form).status_code == 302
    assert Payment.objects.filter(kind=Kind.TRANSFER_IN).count() == 1


def test_what_was_transferred_here_can_move_on(desk: Desk, dr2: Provider) -> None:
    desk.client.post(url(desk.receipt), answers(dr2))
    into = Payment.objects.get(kind=Kind.TRANSFER_IN)
    desk.client.post(url(into), answers(desk.dr1, reason="Other", note="Back again"))
    assert desk.figures == ("10.00", "60.00", "-50.00")
    assert figures(desk.smith, dr2) == ("0.00", "0.00", "0.00")


# --- Refusals ------------------------------------------------------------------------------------


def test_strangers_get_nothing(desk: Desk, dr2: Provider, kim: Patient) -> None:
    stranger = PatientFactory()
    for chart in (stranger.chart_number, "P99999", "x", "", "9" * 5_000):
        page = refused(desk, answers(dr2, patient=chart))
        assert 'id="id_patient_error"' in page
    sentence = "Credit moves within the family only. Choose one of these patients."
    refused(desk, answers(dr2, patient=stranger.chart_number), sentence)
    assert figures(stranger, dr2) == ("0.00", "0.00", "0.00")


def test_more_than_is_free_and_the_same_account_are_refused(desk: Desk, dr2: Provider) -> None:
    refused(desk, answers(dr2, amount="60.01"), "Only 60.00 of")
    refused(desk, answers(desk.dr1), "The credit is already there.")


@pytest.mark.parametrize("typed", [*NOT_AMOUNTS, "0", "-5", ""])
def test_what_is_no_amount_is_refused(desk: Desk, dr2: Provider, typed: str) -> None:
    assert 'id="id_amount_error"' in refused(desk, answers(dr2, amount=typed))


def test_each_answer_that_is_missing_is_named(desk: Desk, dr2: Provider) -> None:
    refused(desk, answers(dr2, provider=""), "Choose the provider.")
    refused(desk, answers(dr2, provider="999999"), "Choose a provider.")
    refused(desk, answers(dr2, provider="x" * 5_000), "Choose a provider.")
    refused(desk, answers(dr2, reason=""), "Choose a reason for the transfer.")
    refused(desk, answers(dr2, reason="Other"), "Say what the reason is.")
    tomorrow = timezone.localdate() + timedelta(days=1)
    refused(desk, answers(dr2, date=tomorrow.isoformat()), "The date is in the future.")
    desk.close()
    refused(desk, answers(dr2), "The date is in a closed period")


def test_an_insurers_money_stays(desk: Desk, dr2: Provider) -> None:
    check = InsurancePaymentFactory(by=desk.ana)
    page = text(desk.client.get(url(check)))
    assert "An insurer&#x27;s money stays with the insurer" in page
    before = rows()
    assert desk.client.post(url(check), answers(dr2)).status_code == 200
    assert rows() == before


def test_nothing_is_offered_where_nothing_is_free(desk: Desk, dr2: Provider) -> None:
    desk.client.post(url(desk.receipt), answers(dr2))
    page = text(desk.client.get(url(desk.receipt)))
    assert "is unallocated. Un-pay a line on Credit allocation first" in page
    assert "Save transfer" not in page
    desk.reverse()
    assert "This payment was already reversed" in text(desk.client.get(url(desk.receipt)))


# --- Which payment? ------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["refund", "transfer"])
def test_the_only_payment_with_credit_is_gone_to_at_once(desk: Desk, verb: str) -> None:
    answer = desk.client.get(f"/patients/P1042/{verb}/")
    assert answer["Location"] == f"/payments/{desk.receipt.number}/{verb}/"


@pytest.mark.parametrize("verb", ["refund", "transfer"])
def test_of_several_one_is_chosen(desk: Desk, dr2: Provider, verb: str) -> None:
    other = PaymentFactory(patient=desk.smith, provider=dr2, amount="45", by=desk.ana)
    PaymentFactory(provider=dr2, amount="77", by=desk.ana)  # somebody else's
    page = text(desk.client.get(f"/patients/P1042/{verb}/"))
    for payment in (desk.receipt, other):
        assert f'href="/payments/{payment.number}/{verb}/"' in page
    assert "77.00" not in page
    assert "60.00" in page
    assert queries(lambda: desk.client.get(f"/patients/P1042/{verb}/")) <= 8


def test_without_credit_a_refund_offers_what_is_on_lines(dr2: Provider) -> None:
    desk = seed2()
    page = text(desk.client.get("/patients/P1042/refund/"))
    assert "No credit to pay back" in page
    assert f'href="/payments/{desk.receipt.number}/refund/"' in page
    page = text(desk.client.get("/patients/P1042/transfer/"))
    assert "No credit to move" in page
    assert "Un-pay a line first" in page
    assert 'href="/patients/P1042/credit/?view=all"' in page
    assert f'href="/payments/{desk.receipt.number}/transfer/"' not in page
    assert desk.client.get("/patients/P9999/refund/").status_code == 404


def test_who_paid_nothing_is_told_so(dr2: Provider) -> None:
    desk = seed2()
    other = PatientFactory(chart_number="P1043")
    for verb, said in (("refund", "Nothing to pay back"), ("transfer", "No credit to move")):
        page = text(desk.client.get(f"/patients/{other.chart_number}/{verb}/"))
        assert said in page
        assert "This patient has no payment with money left on it" in page


def test_the_books_hold_after_all_that(desk: Desk, dr2: Provider) -> None:
    desk.client.post(url(desk.receipt), answers(dr2, amount="25"))
    RefundFactory(payment=desk.receipt, amount="35")
    assert desk.figures == ("10.00", "0.00", "10.00")
