"""Credit allocation of one account: plus pays, minus un-pays, and nothing changes the net."""

import json
import uuid
from typing import Any

import pytest

from billing import ledger
from billing.models import Allocation
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day
from tests.screens.desk import NOT_AMOUNTS, Desk, key, queries, rows, seed2, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    """20.00 on the line, 30.00 of credit beside it."""
    return seed2(amount="50", on="20")


def typed(*lines_and_amounts: Any, **more: Any) -> dict[str, Any]:
    """The form as the page sends it: for each line its id, what was seen, and the box."""
    data: dict[str, Any] = {"key": key(), "lines": [], **more}
    for line, amount in lines_and_amounts:
        line.refresh_from_db()
        data["lines"].append(line.pk)
        data[f"line-{line.pk}-seen"] = line.seen
        data[f"line-{line.pk}-amount"] = amount
    return data


def live(desk: Desk, data: dict[str, Any]) -> Any:
    return desk.client.post(desk.credit_url, data, headers={"HX-Request": "true"})


# --- Showing -------------------------------------------------------------------------------------


def test_it_shows_the_lines_and_who_paid_them(desk: Desk) -> None:
    page = text(desk.client.get(desk.credit_url))
    line = desk.line
    assert 'value="Smith, John (P1042)"' in page
    day = f"{line.service_date:%d %b %Y}"
    assert f'aria-label="Allocate {line.invoice.number} {line.description} {day}"' in page
    assert f'<a href="/payments/{desk.receipt.number}/" tabindex="-1">' in page
    assert "Available credit" in page
    assert "$30.00" in page
    assert "ready to use" in page
    assert "1 line, including paid" in page
    assert "inputmode" not in page


def test_unpaid_is_the_first_view_with_credit_and_all_without(desk: Desk) -> None:
    paid = LineFactory(patient=desk.smith, provider=desk.dr1, amount="30", by=desk.ana)
    PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="30", by=desk.ana, on={paid: 30})
    page = text(desk.client.get("/patients/P1042/credit/"))
    assert 'value="unpaid" form="which" checked' in page
    assert f'data-row="{paid.pk}"' not in page
    desk.reverse()
    page = text(desk.client.get("/patients/P1042/credit/"))
    assert 'value="all" form="which" checked' in page
    assert f'data-row="{paid.pk}"' in page


def test_nothing_owing_says_so(desk: Desk) -> None:
    dr3 = ProviderFactory(name="Dr 3")
    PaymentFactory(patient=desk.smith, provider=dr3, amount="45", by=desk.ana)
    page = text(desk.client.get(f"/patients/P1042/credit/?provider={dr3.pk}"))
    assert "Nothing is owing to Dr 3" in page
    assert "Choose All to see lines that are already paid" in page


@pytest.mark.parametrize(
    "query", ["", "?provider=x", "?provider=99999", "?view=?&provider=" + "9" * 40]
)
def test_nonsense_in_the_address_is_no_error(desk: Desk, query: str) -> None:
    assert desk.client.get(f"/patients/P1042/credit/{query}").status_code == 200


def test_a_patient_without_any_account(desk: Desk) -> None:
    new = PatientFactory()
    url = f"/patients/{new.chart_number}/credit/"
    assert "No charges or payments yet" in text(desk.client.get(url))
    assert desk.client.post(url, {"key": key(), "action": "save"}).status_code == 200


def test_an_unknown_patient_is_not_found(desk: Desk) -> None:
    assert desk.client.get("/patients/P9999/credit/").status_code == 404


def test_names_are_escaped_and_looking_writes_nothing(desk: Desk) -> None:
    desk.smith.family_name = "<script>alert(1)</script>"
    desk.smith.save()
    desk.dr1.name = "<i>Dr</i>"
    desk.dr1.save()
    before = rows()
    page = desk.client.get(desk.credit_url).content.decode()
    assert "<script>alert" not in page
    assert "<i>Dr" not in page
    assert rows() == before


# --- Live ----------------------------------------------------------------------------------------


def test_a_live_answer_holds_outputs_only(desk: Desk) -> None:
    answer = live(desk, typed((desk.line, "-20"), touched=str(desk.line.pk)))
    page = text(answer)
    assert answer.status_code == 200
    assert "<input" not in page
    assert "<html" not in page
    for part in ("un", "explain", "foot-state", "totals", f"after-{desk.line.pk}"):
        assert f'id="{part}"' in page
    assert "$50.00" in page
    assert "was 30.00" in page
    assert json.loads(answer["HX-Trigger"])["figures"] == {
        "said": "Available credit $50.00. Invoices owing $50.00.",
        "over": False,
        "wrong": {f"line-{desk.line.pk}-amount": False},
    }
    assert desk.figures == ("30.00", "30.00", "0.00")


def test_a_box_that_is_wrong_is_marked_while_somebody_types(desk: Desk) -> None:
    for amount, wrong in (("10", False), ("ten", True), ("31", True), ("30", False)):
        answer = live(desk, typed((desk.line, amount), touched=desk.line.pk))
        marks = json.loads(answer["HX-Trigger"])["figures"]["wrong"]
        assert marks == {f"line-{desk.line.pk}-amount": wrong}, amount


def test_too_much_is_said_in_words(desk: Desk) -> None:
    page = text(live(desk, typed((desk.line, "45"))))
    assert "-$15.00" in page
    assert '<b class="strong">15.00 more than the credit available.</b>' in page
    assert "Lower an amount, or un-pay another line to free some credit." in page


@pytest.mark.parametrize("amount", NOT_AMOUNTS)
def test_what_is_no_amount_never_looks_right(desk: Desk, amount: str) -> None:
    page = text(live(desk, typed((desk.line, amount))))
    assert "check the amounts" in page
    assert "$30.00" not in page


def test_the_button_of_a_line_fills_its_box(desk: Desk) -> None:
    other = LineFactory(patient=desk.smith, provider=desk.dr1, amount="100", by=desk.ana)
    answer = live(desk, typed((desk.line, "10"), (other, ""), fill=f"line:{other.pk}"))
    boxes = json.loads(answer["HX-Trigger"])["fill-boxes"]["values"]
    assert boxes == {f"line-{other.pk}-amount": "20.00"}  # what the other line leaves
    assert f'id="after-{other.pk}"' in text(answer)
    paid = LineFactory(patient=desk.smith, provider=desk.dr1, amount="35", by=desk.ana)
    PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="35", by=desk.ana, on={paid: 35})
    answer = live(desk, typed((paid, ""), fill=f"line:{paid.pk}"))
    assert json.loads(answer["HX-Trigger"])["fill-boxes"]["values"] == {
        f"line-{paid.pk}-amount": "-35.00"
    }


def test_the_button_works_without_scripts(desk: Desk) -> None:
    answer = desk.client.post(desk.credit_url, typed((desk.line, ""), fill=f"line:{desk.line.pk}"))
    assert answer.status_code == 200
    assert 'value="30.00"' in text(answer)
    assert desk.figures == ("30.00", "30.00", "0.00")
    page = text(desk.client.post(desk.credit_url, typed((desk.line, "7"), action="recalculate")))
    assert "$23.00" in page
    assert 'value="7"' in page


def test_a_sum_is_tidied(desk: Desk) -> None:
    box = f"line-{desk.line.pk}-amount"
    answer = live(desk, typed((desk.line, "10+5.50"), tidy=box))
    assert json.loads(answer["HX-Trigger"])["fill-boxes"]["values"] == {box: "15.50"}


# --- Saving --------------------------------------------------------------------------------------


def save(desk: Desk, *lines: Any, **more: Any) -> Any:
    return desk.client.post(desk.credit_url, typed(*lines, action="save", **more))


def test_plus_pays_from_credit(desk: Desk) -> None:
    answer = save(desk, (desk.line, "30"))
    assert answer.status_code == 302
    assert answer["Location"] == desk.account_url
    assert desk.figures == ("0.00", "0.00", "0.00")
    page = text(desk.client.get(desk.account_url))
    assert f"30.00 allocated to {desk.line.invoice.number}." in page
    assert "It now owes 0.00 and Dr 1&#x27;s credit is 0.00." in page


def test_minus_un_pays_what_a_reversed_payment_paid() -> None:
    """Seed 2: reversed, then -20 on the line, View: All."""
    desk = seed2()
    desk.reverse()
    assert desk.figures == ("30.00", "-20.00", "50.00")
    save(desk, (desk.line, "-20"))
    assert desk.figures == ("50.00", "0.00", "50.00")
    page = text(desk.client.get(desk.account_url))
    assert f"20.00 un-paid on {desk.line.invoice.number}." in page
    assert ">Undo<" not in page  # a reversed payment cannot pay the line again


def test_several_lines_are_saved_at_once(desk: Desk) -> None:
    other = LineFactory(patient=desk.smith, provider=desk.dr1, amount="100", by=desk.ana)
    save(desk, (desk.line, "-20"), (other, "50"))
    assert desk.figures == ("100.00", "0.00", "100.00")
    assert "1 line paid and 1 line un-paid." in text(desk.client.get(desk.account_url))


@pytest.mark.parametrize("amount", NOT_AMOUNTS)
def test_what_is_no_amount_is_kept_and_explained(desk: Desk, amount: str) -> None:
    before = rows()
    answer = save(desk, (desk.line, amount))
    page = text(answer)
    assert answer.status_code == 200
    assert "This allocation is not saved yet. 1 thing to fix:" in page
    assert f'href="#line-{desk.line.pk}-amount"' in page
    assert f'value="{amount}"' in page
    assert 'aria-invalid="true"' in page
    assert "<title>Error:" in page
    assert rows() == before


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("31", "This line only owes 30.00."),
        ("-20.01", "You can un-pay at most 20.00 on this line."),
        ("", "Enter an amount on at least one line."),
    ],
)
def test_too_much_or_nothing_is_refused(desk: Desk, amount: str, words: str) -> None:
    before = rows()
    answer = save(desk, (desk.line, amount))
    assert answer.status_code == 200
    assert words in text(answer)
    assert rows() == before


def test_more_than_the_credit_is_refused(desk: Desk) -> None:
    other = LineFactory(patient=desk.smith, provider=desk.dr1, amount="100", by=desk.ana)
    answer = save(desk, (desk.line, "30"), (other, "15"))
    assert answer.status_code == 200
    assert "15.00 more than the credit available." in text(answer)
    assert desk.figures == ("130.00", "30.00", "100.00")


def test_insurers_money_is_not_un_paid_here(desk: Desk) -> None:
    line = LineFactory(patient=desk.smith, provider=desk.dr1, amount="40", by=desk.ana)
    InsurancePaymentFactory(amount="40", by=desk.ana, on={line: "40"})
    answer = save(desk, (line, "-40"))
    assert answer.status_code == 200
    assert "You can un-pay at most 0.00 on this line." in text(answer)


def test_another_patients_line_is_refused_and_not_shown(desk: Desk) -> None:
    stranger = LineFactory(amount="77.77", by=desk.ana)
    other = LineFactory(
        patient=desk.smith, provider=ProviderFactory(name="Dr 2"), amount="66.66", by=desk.ana
    )
    before = rows()
    for line in (stranger, other):
        answer = save(desk, (line, "5"))
        page = text(answer)
        assert answer.status_code == 200
        assert "That invoice line is not on this account." in page
        assert str(line.amount) not in page
        assert line.patient.name == "Smith, John" or line.patient.name not in page
    assert rows() == before


def test_made_up_line_ids_are_no_error(desk: Desk) -> None:
    data = typed((desk.line, "1"), action="save")
    data["lines"] += ["x", "-1", "9" * 30, "999999", ""]
    assert desk.client.post(desk.credit_url, data).status_code == 302


def test_a_line_somebody_else_changed_is_shown_afresh(desk: Desk) -> None:
    data = typed((desk.line, "5"), action="save")
    PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="10", by=desk.ana, on={desk.line: "10"}, ago=0
    )
    answer = desk.client.post(desk.credit_url, data)
    page = text(answer)
    assert answer.status_code == 200
    assert "Someone else changed this session at" in page
    assert 'value="5"' in page
    desk.line.refresh_from_db()
    assert f'value="{desk.line.seen}"' in page
    data[f"line-{desk.line.pk}-seen"] = desk.line.seen
    assert desk.client.post(desk.credit_url, data).status_code == 302


def test_un_paying_what_somebody_un_paid_meanwhile_says_so(desk: Desk) -> None:
    data = typed((desk.line, "-20"), action="save")
    ledger.unpay(by=desk.ana, payment=desk.receipt, date=day(0), reason="Un-paid")
    page = text(desk.client.post(desk.credit_url, data))
    assert "Someone else changed this session at" in page
    assert "You can un-pay at most" not in page


def test_a_closed_day_is_refused(desk: Desk) -> None:
    desk.close()
    before = rows()
    answer = save(desk, (desk.line, "5"))
    assert answer.status_code == 200
    assert "The date is in a closed period" in text(answer)
    assert rows() == before


@pytest.mark.parametrize("bad", ["", "nonsense"])
def test_a_form_without_a_key_is_refused_and_given_one(desk: Desk, bad: str) -> None:
    answer = save(desk, (desk.line, "5"), key=bad)
    page = text(answer)
    assert answer.status_code == 200
    assert "This form is too old to be saved." in page
    assert 'value="5"' in page
    sent = page.split('name="key" value="')[1].split('"')[0]
    uuid.UUID(sent)


def test_the_same_form_twice_posts_once(desk: Desk) -> None:
    data = typed((desk.line, "5"), action="save")
    for _ in range(2):
        assert desk.client.post(desk.credit_url, data).status_code == 302
    assert desk.figures == ("25.00", "25.00", "0.00")


# --- Undo ----------------------------------------------------------------------------------------


def undo(desk: Desk) -> Any:
    page = text(desk.client.get(desk.account_url))
    token = page.split('name="undo" value="')[1].split('"')[0]
    return {"action": "undo", "undo": token}


def test_undo_writes_the_opposite_entry_once(desk: Desk) -> None:
    save(desk, (desk.line, "30"))
    count = Allocation.objects.count()
    pressed = undo(desk)
    desk.client.post(desk.account_url, pressed)
    assert desk.figures == ("30.00", "30.00", "0.00")
    assert Allocation.objects.count() == count + 1
    assert "30.00 un-paid on" in text(desk.client.get(desk.account_url))
    desk.client.post(desk.account_url, pressed)
    assert Allocation.objects.count() == count + 1
    assert "cannot be undone here any more" in text(desk.client.get(desk.account_url))


def test_undo_is_refused_once_the_books_moved_on(desk: Desk) -> None:
    save(desk, (desk.line, "10"))
    pressed = undo(desk)
    save(desk, (desk.line, "5"))
    before = rows()
    desk.client.post(desk.account_url, pressed)
    assert rows() == before
    PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="5", by=desk.ana, on={desk.line: "5"}, ago=0
    )
    pressed = {"action": "undo", "undo": desk.client.session["undo"]["token"]}
    before = rows()
    desk.client.post(desk.account_url, pressed)
    assert rows() == before
    assert "the books have moved on since" in text(desk.client.get(desk.account_url))


def test_a_made_up_undo_is_no_error(desk: Desk) -> None:
    before = rows()
    for token in ("", "x", key()):
        answer = desk.client.post(desk.account_url, {"action": "undo", "undo": token})
        assert answer.status_code == 302
    assert rows() == before


# --- Speed ---------------------------------------------------------------------------------------


def test_the_number_of_queries_does_not_grow_with_the_lines(desk: Desk) -> None:
    data = typed((desk.line, "5"))

    def page() -> None:
        desk.client.get(desk.credit_url)

    def answer() -> None:
        live(desk, data)

    few = queries(page), queries(answer)
    for _ in range(5):
        line = LineFactory(patient=desk.smith, provider=desk.dr1, amount="50", by=desk.ana)
        PaymentFactory(patient=desk.smith, provider=desk.dr1, amount=5, by=desk.ana, on={line: 5})
    data["lines"].append(line.pk)
    assert (queries(page), queries(answer)) == few
