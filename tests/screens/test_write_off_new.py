"""Write off: a patient's open lines, a box each, for one reason."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import ledger
from billing.models import Adjustment, InvoiceLine
from tests.factories import LineFactory, PatientFactory, PayerFactory, ProviderFactory
from tests.factories.bills import day, entries
from tests.screens.desk import NOT_AMOUNTS, Desk, key, queries, seed2, text

pytestmark = pytest.mark.django_db

URL = "/patients/P1042/write-off/"


@pytest.fixture
def desk() -> Desk:
    """INV of 50.00 with Dr 1, 20.00 of it paid."""
    return seed2()


@pytest.fixture
def second(desk: Desk) -> InvoiceLine:
    dr2 = ProviderFactory(name="Dr 2")
    return LineFactory(patient=desk.smith, provider=dr2, amount="80", ago=40, by=desk.ana)


def form(*typed: tuple[InvoiceLine, str], **given: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "key": key(),
        "action": "save",
        "kind": "courtesy",
        "reason": "Long wait",
        "date": timezone.localdate().isoformat(),
        "lines": [str(line.pk) for line, _text in typed],
    }
    for line, amount in typed:
        line.refresh_from_db()
        fields[f"line-{line.pk}-write_off"] = amount
        fields[f"line-{line.pk}-seen"] = line.seen
    return {**fields, **given}


def refused(desk: Desk, fields: dict[str, Any], *sentences: str) -> str:
    before = Adjustment.objects.count()
    answer = desk.client.post(URL, fields)
    assert answer.status_code == 200
    page = text(answer)
    assert "<title>Error: " in page
    assert "This write-off is not saved yet." in page
    for sentence in sentences:
        assert sentence in page
    assert Adjustment.objects.count() == before
    return page


def box(line: InvoiceLine) -> str:
    return f"line-{line.pk}-write_off"


# --- Before --------------------------------------------------------------------------------------


def test_it_lists_the_open_lines_oldest_first(desk: Desk, second: InvoiceLine) -> None:
    page = text(desk.client.get(URL))
    for line in (desk.line, second):
        day_ = f"{line.service_date:%d %b %Y}"
        assert f'aria-label="Write off {line.invoice.number} {line.description} {day_}"' in page
    assert page.index(box(second)) < page.index(box(desk.line))
    assert '<option value="" selected>Choose the kind</option>' in page
    assert "To write off" in page
    assert 'href="/write-offs/small-balances/"' in page


def test_a_line_asked_for_is_filled_in(desk: Desk, second: InvoiceLine) -> None:
    page = text(desk.client.get(URL, {"line": desk.line.pk}))
    assert f'id="{box(desk.line)}" name="{box(desk.line)}"' in page
    assert page.count('value="30.00" data-money') == 1
    stranger = LineFactory(by=desk.ana)
    for odd in (stranger.pk, "x", "9" * 5_000):
        assert 'value="100.00" data-money' not in text(desk.client.get(URL, {"line": odd}))
    assert Adjustment.objects.count() == 0


def test_nothing_owed_nothing_to_write_off(desk: Desk) -> None:
    new = PatientFactory()
    page = text(desk.client.get(f"/patients/{new.chart_number}/write-off/"))
    assert "Nothing is owed" in page
    assert "Save write-off" not in page
    assert desk.client.get("/patients/P9999/write-off/").status_code == 404


def test_names_are_escaped_and_queries_do_not_grow(desk: Desk) -> None:
    desk.smith.family_name = "<script>alert(1)</script>"
    desk.smith.save()
    assert "<script>alert" not in desk.client.get(URL).content.decode()
    few = queries(lambda: desk.client.get(URL))
    for _ in range(8):
        LineFactory(patient=desk.smith, provider=desk.dr1, by=desk.ana)
    assert queries(lambda: desk.client.get(URL)) == few
    assert few <= 12


# --- While typing --------------------------------------------------------------------------------


def live(desk: Desk, fields: dict[str, Any], **more: Any) -> Any:
    sent = {name: value for name, value in fields.items() if name != "action"}
    return desk.client.post(URL, {**sent, **more}, headers={"HX-Request": "true"})


def test_the_totals_are_answered(desk: Desk, second: InvoiceLine) -> None:
    fields = form((desk.line, "10"), (second, "5.50"))
    page = text(live(desk, fields, touched=f"{desk.line.pk},{second.pk}"))
    assert "$15.50" in page
    assert f'id="after-{desk.line.pk}" hx-swap-oob="true">20.00' in page
    assert "94.50" in page  # of 110.00
    assert "<input" not in page
    assert Adjustment.objects.count() == 0


def test_w_fills_the_rest_of_a_line_and_everything_the_rest_of_all(
    desk: Desk, second: InvoiceLine
) -> None:
    waiting = LineFactory(
        patient=desk.smith, provider=desk.dr1, owed_by=PayerFactory(), by=desk.ana
    )
    fields = form((desk.line, ""), (second, "5"), (waiting, ""))
    one = live(desk, fields, fill=f"writeoff:{desk.line.pk}")
    assert json.loads(one["HX-Trigger"])["fill-boxes"]["values"] == {box(desk.line): "30.00"}
    everything = live(desk, fields, fill="everything")  # keeps what is typed, and insurers' lines
    assert json.loads(everything["HX-Trigger"])["fill-boxes"]["values"] == {box(desk.line): "30.00"}
    cleared = live(desk, fields, fill="clear")
    assert json.loads(cleared["HX-Trigger"])["fill-boxes"]["values"] == {box(second): ""}
    tidied = live(desk, form((second, "2+3")), tidy=box(second))
    assert json.loads(tidied["HX-Trigger"])["fill-boxes"]["values"] == {box(second): "5.00"}


def test_it_fills_without_scripts(desk: Desk, second: InvoiceLine) -> None:
    fields = {**form((desk.line, ""), (second, "")), "action": "", "fill": "everything"}
    page = text(desk.client.post(URL, fields))
    assert 'value="30.00" data-money' in page
    assert 'value="80.00" data-money' in page
    assert Adjustment.objects.count() == 0


# --- Saving --------------------------------------------------------------------------------------


def test_it_writes_off_several_lines_for_one_reason(desk: Desk, second: InvoiceLine) -> None:
    answer = desk.client.post(URL, form((desk.line, "10"), (second, "80")))
    assert answer["Location"] == desk.account_url
    for line, owed in ((desk.line, "20.00"), (second, "0.00")):
        line.refresh_from_db()
        assert str(line.balance) == owed
    kinds = set(Adjustment.objects.values_list("kind", "reason"))
    assert kinds == {("courtesy", "Long wait")}
    page = text(desk.client.get(desk.account_url, {"period": "all"}))
    assert "$90.00 written off on 2 lines." in page
    assert "80.00 courtesy written off" in page
    assert "Long wait · Ana" in page


def test_a_second_click_writes_off_once(desk: Desk) -> None:
    fields = form((desk.line, "30"))
    for _ in range(2):
        assert desk.client.post(URL, fields)["Location"] == desk.account_url
    assert Adjustment.objects.count() == 1


# --- Refusals ------------------------------------------------------------------------------------


def test_more_than_a_line_owes_is_refused(desk: Desk) -> None:
    refused(desk, form((desk.line, "30.01")), "This line only owes 30.00.")
    refused(desk, form((desk.line, "-1")), "A write-off is taken back with Undo")
    refused(desk, form((desk.line, "")), "Enter how much to write off, on one line at least.")


@pytest.mark.parametrize("typed", NOT_AMOUNTS)
def test_what_is_no_amount_is_refused(desk: Desk, typed: str) -> None:
    page = refused(desk, form((desk.line, typed)))
    assert f'href="#{box(desk.line)}"' in page


def test_each_answer_that_is_missing_is_named(desk: Desk) -> None:
    refused(desk, form((desk.line, "5"), kind=""), "Choose the kind of write-off.")
    refused(desk, form((desk.line, "5"), kind="contractual"), "Choose the kind of write-off.")
    refused(desk, form((desk.line, "5"), reason="  "), "Say why it is written off.")
    refused(desk, form((desk.line, "5"), reason="r" * 5_000))
    refused(desk, form((desk.line, "5"), reason="a\0b"))
    refused(desk, form((desk.line, "5"), key=""), "too old to be saved")
    tomorrow = timezone.localdate() + timedelta(days=1)
    refused(desk, form((desk.line, "5"), date=tomorrow.isoformat()), "The date is in the future.")
    desk.close()
    refused(desk, form((desk.line, "5")), "The date is in a closed period")


def test_somebody_elses_line_is_refused(desk: Desk) -> None:
    stranger = LineFactory(by=desk.ana)
    refused(desk, form((desk.line, "5"), (stranger, "10")), "is not open on this account any more")
    stranger.refresh_from_db()
    assert str(stranger.balance) == "100.00"


def test_a_line_that_changed_says_so(desk: Desk) -> None:
    fields = form((desk.line, "30"))
    ledger.write_off(
        by=desk.ana,
        entries=entries({desk.line: ("0", "25")}),
        kind="courtesy",
        date=day(0),
        reason="First",
    )
    page = refused(desk, fields, "Someone else changed this session")
    assert "5.00" in page
