"""Today: worklists, takings, what is owed; and the counts in the navigation."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from billing import balances, ledger
from billing.context import nav_counts
from billing.models import Clinic
from tests.factories import (
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    TransferFactory,
    UserFactory,
)
from tests.factories.bills import day
from tests.screens.desk import left_paid, text
from tests.screens.lists import SCRIPT, costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in()


# --- Empty ---------------------------------------------------------------------------------------


def test_a_day_without_work(client: Client) -> None:
    words = look(client, "/").words
    assert f"Today {timezone.localdate():%a %d %b %Y}" in words
    for said in (
        "Every payment is allocated New ones appear here when money is left over.",
        "No negative credit",
        "Nothing taken yet today",
        "Nothing is owing",
        "Unallocated insurer money $0.00 0 payments waiting",
        "0% is over 90 days",
    ):
        assert said in words


def test_a_new_clinic_is_told_what_to_do_first(client: Client) -> None:
    page = look(client, "/")
    assert "Set up the clinic" in page.words
    for step in ("The clinic", "People", "Providers", "Insurers", "Fee schedule", "Patients"):
        assert f"{step} , to do" in page.words
    assert "Add a provider" not in page.words  # that is an administrator's
    ProviderFactory()
    PatientFactory()
    Clinic.objects.create(name="Elm Street")
    words = look(client, "/").words
    for done in ("The clinic", "Providers", "Patients"):
        assert f"{done} , done" in words
    for left in ("People", "Insurers", "Fee schedule", "The first session"):
        assert f"{left} , to do" in words


def test_an_administrator_gets_the_ways_there() -> None:
    client = Client()
    client.force_login(UserFactory(username="root", is_staff=True, is_superuser=True))
    page = text(client.get("/"))
    for address in (
        "/admin/billing/clinic/",
        "/admin/auth/user/add/",
        "/admin/patients/provider/add/",
        "/admin/patients/payer/add/",
        "/admin/billing/service/add/",
        "/import/",
    ):
        assert f'href="{address}"' in page
        assert client.get(address, follow=True).status_code == 200


def test_a_clinic_at_work_is_not_told(client: Client) -> None:
    LineFactory(amount="50")
    assert "Set up the clinic" not in look(client, "/").words


# --- Unallocated money ---------------------------------------------------------------------------


def test_insurers_money_and_patients_credit_apart_oldest_first(client: Client) -> None:
    blue = PayerFactory(name="BlueRiver Health")
    smith = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    dr1 = ProviderFactory(name="Dr 1")
    LineFactory(patient=smith, provider=dr1, amount="100")
    InsurancePaymentFactory(payer=blue, amount="200", reference="104482", ago=1)
    InsurancePaymentFactory(payer=blue, amount="300", reference="EFT-7", method="eft", ago=8)
    credit = PaymentFactory(patient=smith, provider=dr1, amount="45", ago=30)
    PaymentFactory(patient=smith, provider=dr1, amount="5", ago=0)
    page = look(client, "/")
    assert "Unallocated insurer money $500.00 2 payments waiting" in page.words
    old, new = day(8).strftime("%d %b %Y"), day(1).strftime("%d %b %Y")
    assert (
        f"Insurers 2 {old} 8 days BlueRiver Health Insurer, EFT EFT-7 300.00 300.00 Allocate EFT-7"
        f" {new} 1 day BlueRiver Health Insurer, check 104482 200.00 200.00 Allocate 104482"
    ) in page.words
    assert "Patients' credit 2" in page.words
    assert "30 days Smith, John Patient, cash, Dr 1 R-0001 45.00 45.00 Allocate R-0001" in (
        page.words
    )
    assert "today Smith, John" in page.words
    assert 'href="/insurance-payments/IP-0001/"' in page.html
    assert f'href="/patients/P1042/credit/?provider={credit.provider_id}"' in page.html
    assert 'href="/payments/unallocated/"' in page.html


def test_each_row_leads_where_the_worklist_does(client: Client) -> None:
    """Allocating is offered only where something is owed."""
    dr1, dr2 = ProviderFactory(name="Dr 1"), ProviderFactory(name="Dr 2")
    prepaid = PaymentFactory(provider=dr1, ago=4)
    elsewhere = PaymentFactory(provider=dr1, ago=3)
    LineFactory(patient=elsewhere.patient, provider=dr2)
    insured = PaymentFactory(provider=dr1, ago=2)
    LineFactory(patient=insured.patient, provider=dr1, owed_by=PayerFactory())
    owing = PaymentFactory(provider=dr1, ago=1)
    LineFactory(patient=owing.patient, provider=dr1)
    today, worklist = look(client, "/"), look(client, "/payments/unallocated/")
    for word, receipt in (
        ("Refund", prepaid),
        ("Transfer", elsewhere),
        ("Review", insured),
        ("Allocate", owing),
    ):
        assert f"{word} {receipt.number}" in today.words
        assert f"{word} {receipt.number}" in worklist.words
    assert f'href="/payments/{prepaid.number}/refund/"' in today.html


def test_an_over_allocated_payment_asks_to_be_fixed(client: Client) -> None:
    InsurancePaymentFactory(
        amount="10", reference="E-9", on={LineFactory(): "40"}, over_allocation_reason="Takeback"
    )
    words = look(client, "/").words
    assert "1 over-allocated" in words
    assert "-30.00 Fix E-9" in words
    assert "Every payment is allocated" not in words


def test_the_oldest_five_are_listed_and_all_are_counted(client: Client) -> None:
    for ago in range(7):
        PaymentFactory(ago=ago)
    page = look(client, "/")
    assert "Patients' credit 7" in page.words
    assert page.words.count("Refund R-") == 5, "nothing is owed"
    assert "R-0007" in page.words
    assert "R-0001" not in page.words


# --- Negative credit -----------------------------------------------------------------------------


def test_negative_credit_says_why(client: Client) -> None:
    receipt = left_paid()
    assert receipt.patient
    receipt.refresh_from_db()
    page = look(client, "/")
    name, chart = receipt.patient.name, receipt.patient.chart_number
    assert "Negative credit -$20.00 1 account" in page.words
    assert f"{receipt.number} reversed, still on INV-0001 -20.00 Review {name}" in page.words
    assert f'href="/patients/{chart}/account/#why-{receipt.provider_id}"' in page.html


def test_an_invoice_it_still_pays_is_named_once(client: Client) -> None:
    lines = InvoiceFactory(amounts=["30", "30"]).lines.with_names()
    patient, provider = lines[0].patient, lines[0].provider
    receipt = PaymentFactory(
        patient=patient, provider=provider, amount="60", on=dict.fromkeys(lines, 30)
    )
    ledger.void(by=UserFactory(), payment=receipt, reason="Entered twice", unpay_lines=False)
    assert "R-0001 deleted, still on INV-0001 -60.00" in look(client, "/").words


def test_a_deleted_payment_that_still_pays_is_called_so(client: Client) -> None:
    line = LineFactory(amount="50")
    receipt = PaymentFactory(patient=line.patient, provider=line.provider, on={line: "20"})
    ledger.void(by=UserFactory(), payment=receipt, reason="Entered twice", unpay_lines=False)
    assert "R-0001 deleted, still on INV-0001" in look(client, "/").words


def test_several_causes_of_one_account() -> None:
    first = left_paid()
    line = LineFactory(amount="70", patient=first.patient, provider=first.provider)
    second = PaymentFactory(
        patient=first.patient, provider=first.provider, amount="60", on={line: "60"}
    )
    ledger.reverse(
        by=UserFactory(), payment=second, date=day(0), reason="Bounced", unpay_lines=False
    )
    found = balances.negative_accounts(first=5)
    assert (found.count, found.total) == (1, Decimal("-80.00"))
    [row] = found.accounts
    assert row.credit == Decimal("-80.00")
    assert [receipt.number for receipt, _undoing, _lines in row.causes] == ["R-0001", "R-0002"]
    assert first.patient
    assert first.provider
    assert balances.account(first.patient, first.provider).credit == row.credit


# --- Taken today ---------------------------------------------------------------------------------


def test_takings_by_method_with_what_was_undone_apart(client: Client) -> None:
    for amount, method in (("100", "card"), ("50", "card"), ("60", "cash")):
        PaymentFactory(amount=amount, method=method, ago=0)
    InsurancePaymentFactory(amount="640", method="eft", ago=0)
    yesterdays = PaymentFactory(amount="20", ago=1)
    ledger.reverse(by=UserFactory(), payment=yesterdays, date=day(0), reason="Bounced")
    paid_back = PaymentFactory(amount="30", ago=2)
    RefundFactory(payment=paid_back, amount="10")
    mistake = PaymentFactory(amount="999", ago=0)
    ledger.void(by=UserFactory(), payment=mistake, reason="Entered twice")
    page = look(client, "/")
    assert "Taken today $820.00 4 payments, 1 reversed, 1 refunded" in page.words
    assert (
        "Taken today 820.00 EFT 1 640.00 Card 2 150.00 Cash 1 60.00 Reversed 1 -20.00"
        " Refunded 1 -10.00" in page.words
    )
    assert 'width="23.4%"' in page.html  # 150 of 640
    assert "style=" not in page.html


def test_credit_that_only_moves_is_not_taken() -> None:
    receipt = PaymentFactory(amount="30", ago=1)
    moved = TransferFactory(payment=receipt, amount="30")
    assert moved.original
    ledger.reverse(by=UserFactory(), payment=moved.original, date=day(0), reason="No, right")
    takings = balances.takings(day(0))
    assert (takings.total, takings.count, list(takings.undone)) == (Decimal("0.00"), 0, [])


def test_a_refund_that_is_undone_is_money_again() -> None:
    receipt = PaymentFactory(amount="30", ago=1)
    refund = RefundFactory(payment=receipt, amount="30")
    ledger.reverse(by=UserFactory(), payment=refund, date=day(0), reason="Not collected")
    assert balances.takings(day(0)).total == Decimal("0.00")


# --- Owing ---------------------------------------------------------------------------------------


def test_owing_by_age_of_service(client: Client) -> None:
    blue = PayerFactory()
    for ago, amount, payer in (
        (0, "1", None),
        (1, "2", None),
        (30, "4", blue),
        (31, "8", None),
        (60, "16", blue),
        (61, "32", None),
        (90, "64", blue),
        (91, "128", None),
        (400, "256", blue),
    ):
        LineFactory(amount=amount, ago=ago, owed_by=payer)
    owing = balances.owing_by_age(day(0))
    assert [(age.label, str(age.insurers), str(age.patients)) for age in owing.ages] == [
        ("Current", "0.00", "1.00"),
        ("1-30 days", "4.00", "2.00"),
        ("31-60 days", "16.00", "8.00"),
        ("61-90 days", "64.00", "32.00"),
        ("Over 90", "256.00", "128.00"),
    ]
    assert (owing.total, owing.insurers, owing.patients) == (511, 340, 171)
    page = look(client, "/")
    assert "Owing $511.00 75% is over 90 days" in page.words
    assert 'aria-label="Insurers 256.00, patients 128.00"' in page.html
    assert "Insurers 340.00, patients 171.00." in page.words


def test_drafts_owe_nothing_and_payments_lower_what_is_owed() -> None:
    line = LineFactory(amount="100")
    PaymentFactory(patient=line.patient, provider=line.provider, amount="40", on={line: "40"})
    assert balances.owing_by_age(day(0)).total == Decimal("60.00")


# --- House rules ---------------------------------------------------------------------------------


def test_names_are_text(client: Client) -> None:
    line = LineFactory(patient=PatientFactory(family_name=SCRIPT), amount="50")
    receipt = PaymentFactory(patient=line.patient, provider=line.provider, on={line: "20"})
    ledger.reverse(by=UserFactory(), payment=receipt, date=day(0), reason=SCRIPT, unpay_lines=False)
    PaymentFactory(patient=line.patient, reference=SCRIPT[:39])
    InsurancePaymentFactory(payer=PayerFactory(name=SCRIPT), reference="<b>x</b>")
    page = look(client, "/")
    assert SCRIPT not in page.html
    assert "<b>x</b>" not in page.html
    assert "&lt;b&gt;x&lt;/b&gt;" in page.html


def _one_of_each(number: int) -> None:
    InsurancePaymentFactory(amount="20", ago=0)
    PaymentFactory(amount="20", ago=0)
    left_paid()
    InsurancePaymentFactory(
        amount="10", on={LineFactory(): "40"}, over_allocation_reason="Takeback"
    )


def test_it_costs_the_same(client: Client) -> None:
    costs_the_same(client, "/", _one_of_each)


def test_it_is_not_posted_to(client: Client) -> None:
    assert client.post("/").status_code == 405


# --- Navigation ----------------------------------------------------------------------------------


def counts() -> Any:
    request = RequestFactory().get("/")
    request.user = UserFactory()
    return nav_counts(request)["nav_counts"]


def test_the_navigation_counts_payments_and_accounts(client: Client) -> None:
    InsurancePaymentFactory()
    first = PaymentFactory()
    PaymentFactory(patient=first.patient, provider=first.provider)  # the same account
    PaymentFactory(patient=first.patient)
    left_paid()
    page = look(client, "/")
    assert counts() == {"sessions": 0, "insurance": 1, "credit": 3}
    assert "Insurance<span" in page.html
    assert ", 1 to deal with" in page.html
    assert ", 3 to deal with" in page.html


def test_they_are_kept_for_a_moment(client: Client, django_assert_num_queries: Any) -> None:
    look(client, "/")
    found = counts()
    with django_assert_num_queries(0):
        assert found["insurance"] == 0


def test_they_are_counted_anew_on_the_page_that_tells_what_was_done(client: Client) -> None:
    payment = PaymentFactory()
    assert ", 1 to deal with" in look(client, "/").html
    after = client.post(
        f"/payments/{payment.number}/void/",
        {"key": str(uuid.uuid4()), "reason": "Entered twice", "after": "unpay"},
        follow=True,
    )
    assert payment.number in after.content.decode()
    assert after.redirect_chain
    assert "to deal with" not in after.content.decode()
    assert "to deal with" not in look(client, "/").html


def test_signed_out_people_learn_nothing(client: Client) -> None:
    InsurancePaymentFactory()
    assert "to deal with" not in look(Client(), "/accounts/login/").html
    assert nav_counts(RequestFactory().get("/")) == {}
