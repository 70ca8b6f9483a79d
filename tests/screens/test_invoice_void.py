"""Void an invoice, or lines of it: what patients paid becomes credit again, the rest comes off."""

from typing import Any

import pytest

from billing.models import Adjustment, LineVoid
from tests.factories import InsurancePaymentFactory, InvoiceFactory, PaymentFactory, ProviderFactory
from tests.factories.bills import day
from tests.screens.bad_input import nothing_happens, text
from tests.screens.desk import Desk, key, seed2
from tests.screens.lists import SCRIPT, look

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    """Mr Smith owes Dr 1 50.00 on INV-0001 and paid 20.00 of it."""
    return seed2()


def url(invoice: Any) -> str:
    return f"/invoices/{invoice.number}/void/"


def answers(*lines: Any, **given: Any) -> dict[str, Any]:
    return {
        "key": key(),
        "line": [line.pk for line in lines],
        "reason": "Wrong service",
        "note": "",
        "date": day(0).isoformat(),
        **given,
    }


def refused(desk: Desk, given: dict[str, Any], sentence: str, invoice: Any = None) -> str:
    with nothing_happens():
        answer = desk.client.post(url(invoice or desk.line.invoice), given)
    assert answer.status_code == 200
    page = text(answer)
    assert sentence in page
    assert not LineVoid.objects.exists()
    return page


# --- Before --------------------------------------------------------------------------------------


def test_it_shows_what_would_follow(desk: Desk) -> None:
    page = look(desk.client, url(desk.line.invoice))
    number = desk.receipt.number
    assert f"20.00 of {number} is un-paid and becomes credit. 50.00 comes off" in page.words
    assert "Invoices 30.00 → 0.00 Unallocated credit 0.00 → 20.00" in page.words
    assert "Net balance 30.00 → -20.00" in page.words
    assert f'value="{desk.line.pk}" id="void-line-{desk.line.pk}" checked' in page.html
    assert '<option value="" selected>Choose a reason' in page.html


def test_only_the_lines_ticked_count(desk: Desk) -> None:
    invoice = InvoiceFactory(
        patient=desk.smith, provider=ProviderFactory(name="Dr 2"), amounts=["10", "15"]
    )
    first, _second = invoice.lines.order_by("pk")
    page = look(desk.client, url(invoice), {"line": first.pk}).words
    assert "Nobody paid anything on these lines. 10.00 comes off as a correction." in page
    assert "Invoices 25.00 → 15.00" in page
    assert "Choose at least one line." in look(desk.client, url(invoice), {"none": "1"}).words
    for odd in ("x", "999", "-1", "9" * 400):
        assert look(desk.client, url(invoice), {"line": odd}).response.status_code == 200


def test_in_a_dialog_it_is_the_part_alone(desk: Desk) -> None:
    answer = desk.client.get(url(desk.line.invoice), headers={"HX-Request": "true"})
    assert text(answer).startswith('<div id="void">')


# --- Voiding -------------------------------------------------------------------------------------


def test_the_whole_invoice(desk: Desk) -> None:
    answer = desk.client.post(url(desk.line.invoice), answers(desk.line, note="see note"))
    assert answer["Location"] == f"/invoices/{desk.line.invoice.number}/"
    assert desk.figures == ("0.00", "20.00", "-20.00")
    assert LineVoid.objects.get().reason == "Wrong service: see note"
    page = text(desk.client.get(answer["Location"]))
    assert "INV-0001 voided." in page
    assert "50.00 came off, 20.00 of it un-paid: it is credit again." in page


def test_one_line_leaves_the_other_alone(desk: Desk) -> None:
    """Un-paying touches no allocation of another line."""
    invoice = InvoiceFactory(patient=desk.smith, provider=desk.dr1, amounts=["10", "15"])
    first, second = invoice.lines.order_by("pk")
    PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="25", on={first: "10", second: "15"}
    )
    desk.client.post(url(invoice), answers(first))
    for line, paid in ((second, "15.00"), (desk.line, "20.00")):
        line.refresh_from_db()
        assert str(line.paid) == paid
        assert not line.adjustments.exists()
    assert Adjustment.objects.get().line == first
    assert desk.figures[1] == "10.00"


def test_in_a_dialog_the_page_is_told_to_go_on(desk: Desk) -> None:
    answer = desk.client.post(
        url(desk.line.invoice), answers(desk.line), headers={"HX-Request": "true"}
    )
    assert answer["HX-Redirect"] == "/invoices/INV-0001/"


def test_a_second_click_voids_once(desk: Desk) -> None:
    sent = answers(desk.line)
    for _ in range(2):
        answer = desk.client.post(url(desk.line.invoice), sent)
        assert answer.status_code == 302
    assert LineVoid.objects.count() == 1
    assert "These lines were already voided." in text(desk.client.get(answer["Location"]))


def test_a_void_invoice_offers_nothing_more(desk: Desk) -> None:
    desk.client.post(url(desk.line.invoice), answers(desk.line))
    page = look(desk.client, url(desk.line.invoice)).words
    assert "INV-0001 is void already." in page
    assert "Void chosen lines" not in page


# --- What it refuses -----------------------------------------------------------------------------


def test_an_insurers_money_is_named_with_a_link(desk: Desk) -> None:
    check = InsurancePaymentFactory(amount="10", on={desk.line: "10"})
    sentence = (
        f'<a href="/insurance-payments/{check.number}/">{check.number}</a> paid 10.00 on INV-0001.'
    )
    assert sentence in look(desk.client, url(desk.line.invoice)).html
    refused(desk, answers(desk.line), sentence)


def test_other_lines_of_that_invoice_can_still_be_voided(desk: Desk) -> None:
    invoice = InvoiceFactory(patient=desk.smith, provider=desk.dr1, amounts=["10", "15"])
    paid, free = invoice.lines.order_by("pk")
    InsurancePaymentFactory(amount="10", on={paid: "10"})
    page = look(desk.client, url(invoice))
    assert f'id="void-line-{paid.pk}" disabled' in page.html
    assert f'id="void-line-{free.pk}" checked' in page.html
    refused(desk, answers(paid, free), "A line that was chosen cannot be voided here.", invoice)
    assert desk.client.post(url(invoice), answers(free)).status_code == 302


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"reason": ""}, "Choose a reason for the void."),
        ({"reason": "Because"}, "Choose a reason for the void."),
        ({"note": "x" * 5000}, "Use 160 characters at most."),
        ({"note": "a\0b"}, "Null characters are not allowed."),
        ({"line": []}, "Choose the lines to void."),
        ({"line": ["999"]}, "A line that was chosen cannot be voided here."),
        ({"line": ["x", "9" * 400]}, "Choose the lines to void."),
        ({"date": ""}, "Enter the date of the void."),
        ({"date": "9999-12-31"}, "The date is in the future."),
        ({"date": "0001-01-01"}, "The date is too long ago. Check the year."),
        ({"key": ""}, "This form is too old to be saved."),
    ],
)
def test_bad_answers(desk: Desk, given: dict[str, Any], sentence: str) -> None:
    page = refused(desk, answers(desk.line, **given), sentence)
    assert "Nothing is voided yet. 1 thing to fix:" in page


def test_a_closed_day(desk: Desk) -> None:
    desk.close(day(1))
    refused(desk, answers(desk.line, date=day(1).isoformat()), "The date is in a closed period")


def test_another_invoices_line(desk: Desk) -> None:
    other = InvoiceFactory(patient=desk.smith, provider=desk.dr1)
    refused(desk, answers(other.lines.get()), "A line that was chosen cannot be voided here.")


def test_unknown_numbers_are_404(desk: Desk) -> None:
    for number in ("INV-9999", "x" * 3000, "%27"):
        assert desk.client.get(f"/invoices/{number}/void/").status_code == 404


def test_names_are_text(desk: Desk) -> None:
    desk.dr1.name = SCRIPT
    desk.dr1.save()
    assert SCRIPT not in look(desk.client, url(desk.line.invoice)).html


def test_it_costs_the_same(desk: Desk) -> None:
    counts = set()
    for number in (1, 10, 40):
        invoice = InvoiceFactory(patient=desk.smith, provider=desk.dr1, amounts=["10"] * number)
        lines = list(invoice.lines.all())
        PaymentFactory(
            patient=desk.smith, provider=desk.dr1, amount=5 * number, on=dict.fromkeys(lines, "5")
        )
        counts.add(len(look(desk.client, url(invoice)).queries))
    assert len(counts) == 1
    assert max(counts) <= 20


def test_lines_insurers_paid_cost_the_same(desk: Desk) -> None:
    """Each is named with the payment that stands on it, and leads there."""
    counts = set()
    for number in (1, 10, 20):
        amounts = ["10"] * (number + 1)
        invoice = InvoiceFactory(patient=desk.smith, provider=desk.dr1, amounts=amounts)
        for line in invoice.lines.all()[:number]:
            InsurancePaymentFactory(amount=5, on={line: "5"})
        page = look(desk.client, url(invoice))
        assert page.html.count(" paid 5.00 on ") >= number
        counts.add(len(page.queries))
    assert len(counts) == 1
