"""Small balances: what patients owe too little of to ask for, written off at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import ledger
from billing.models import Adjustment, InvoiceLine
from tests.factories import LineFactory, PatientFactory, PayerFactory
from tests.factories.bills import day, entries
from tests.screens.desk import Desk, key, seed2, text
from tests.screens.lists import ODD, costs_the_same, look

pytestmark = pytest.mark.django_db

URL = "/write-offs/small-balances/"


@pytest.fixture
def desk() -> Desk:
    return seed2()


def small(desk: Desk, amount: str = "4.50", **given: Any) -> InvoiceLine:
    given = {"provider": desk.dr1, "amount": amount, "ago": 40, "by": desk.ana, **given}
    return LineFactory(**given)


def form(*marked: InvoiceLine, **given: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "key": key(),
        "action": "save",
        "reason": "Year end",
        "date": timezone.localdate().isoformat(),
        "lines": [str(line.pk) for line in marked],
    }
    for line in marked:
        line.refresh_from_db()
        fields[f"line-{line.pk}-seen"] = line.seen
    return {**fields, **given}


def refused(desk: Desk, fields: dict[str, Any], *sentences: str) -> str:
    before = Adjustment.objects.count()
    answer = desk.client.post(URL, fields)
    assert answer.status_code == 200
    page = text(answer)
    assert "These write-offs are not saved yet." in page
    for sentence in sentences:
        assert sentence in page
    assert Adjustment.objects.count() == before
    return page


# --- The list ------------------------------------------------------------------------------------


def test_only_old_small_lines_of_patients_are_listed(desk: Desk) -> None:
    listed = small(desk, "5.00", patient=PatientFactory(family_name="Listed"))
    small(desk, "5.01", patient=PatientFactory(family_name="TooMuch"))
    small(desk, ago=10, patient=PatientFactory(family_name="TooYoung"))
    small(desk, owed_by=PayerFactory(), patient=PatientFactory(family_name="Insured"))
    page = text(desk.client.get(URL))
    assert "1 line owed by patients themselves, $5.00 in all." in page
    assert f'aria-label="Mark Listed, Robin {listed.invoice.number}' in page
    for name in ("TooMuch", "TooYoung", "Insured"):
        assert name not in page
    assert "0 lines, $0.00" in page
    wider = text(desk.client.get(URL, {"at_most": "6", "days": "5"}))
    assert "TooMuch" in wider
    assert "TooYoung" in wider
    assert "Insured" not in wider


def test_what_the_patient_owes_in_all_stands_beside(desk: Desk) -> None:
    small(desk, patient=desk.smith)
    assert ">34.50</td>" in text(desk.client.get(URL))


def test_it_says_so_where_there_is_nothing(desk: Desk) -> None:
    assert "No small balances" in text(desk.client.get(URL))


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"at_most": "NaN"}, "That is not an amount."),
        ({"at_most": "9" * 30}, "That amount is too large."),
        ({"at_most": "0"}, "Enter an amount above 0.00."),
        ({"at_most": "-5"}, "Enter an amount above 0.00."),
        ({"at_most": "100.01"}, "A small balance is 100.00 at most."),
        ({"days": "x"}, "Enter a number of days, like 30."),
        ({"days": "-1"}, "greater than or equal to 0"),
        ({"days": "９"}, "Enter a number of days, like 30."),
        ({"days": "9" * 300}, "less than or equal to 3650"),
    ],
)
def test_filters_that_mean_nothing_are_refused(
    desk: Desk, asked: dict[str, str], sentence: str
) -> None:
    small(desk)
    page = text(desk.client.get(URL, asked))
    assert "These filters cannot be used." in page
    assert sentence in page
    assert 'id="small"' not in page
    assert desk.client.post(f"{URL}?{'&'.join(f'{k}={v}' for k, v in asked.items())}", form())


def test_odd_filters_never_break(desk: Desk) -> None:
    small(desk)
    for odd in ODD:
        for name in ("at_most", "days"):
            assert desk.client.get(URL, {name: odd}).status_code == 200


def test_it_costs_the_same_at_any_size(desk: Desk) -> None:
    costs_the_same(desk.client, URL, lambda _n: small(desk, patient=PatientFactory()))
    assert len(look(desk.client, URL).queries) <= 12


def test_names_are_escaped(desk: Desk) -> None:
    small(desk, patient=PatientFactory(family_name="<script>alert(1)</script>"))
    assert "<script>alert" not in desk.client.get(URL).content.decode()


# --- Marking -------------------------------------------------------------------------------------


def test_what_is_marked_is_counted(desk: Desk) -> None:
    lines = [small(desk), small(desk, "1.25")]
    headers = {"HX-Request": "true", "HX-Target": "chosen"}
    part = text(desk.client.post(URL, form(*lines, action=""), headers=headers))
    assert part.startswith('<div class="marked num" id="chosen">')
    assert "2 lines, $5.75" in part
    page = text(desk.client.post(URL, form(action="", fill="all", reason="")))
    assert "Say why it is written off." not in page  # nobody asked to save yet
    assert page.count(" checked>") == 2
    assert "2 lines, $5.75" in page
    assert " checked>" not in text(desk.client.post(URL, form(*lines, action="", fill="none")))
    assert Adjustment.objects.count() == 0


def test_they_are_written_off_at_once(desk: Desk) -> None:
    lines = [small(desk, patient=PatientFactory()) for _ in range(3)]
    other = small(desk)
    address = f"{URL}?at_most=5.00&days=30"
    answer = desk.client.post(address, form(*lines, counted="3 lines, $13.50"))
    assert answer["Location"] == address
    found = Adjustment.objects.values_list("kind", "reason", "line")
    assert set(found) == {("small_balance", "Year end", line.pk) for line in lines}
    other.refresh_from_db()
    assert str(other.balance) == "4.50"
    assert "Written off as small balances: 3 lines, $13.50." in text(desk.client.get(URL))


def test_a_second_click_writes_off_once(desk: Desk) -> None:
    fields = form(small(desk), counted="1 line, $4.50")
    for _ in range(2):
        assert desk.client.post(URL, fields).status_code == 302
    assert Adjustment.objects.count() == 1


def test_nothing_is_written_off_that_was_not_counted_on_the_screen(desk: Desk) -> None:
    line = small(desk)
    page = refused(
        desk,
        form(line, counted="0 lines, $0.00"),
        "1 line, $4.50 in all is to be written off. If that is right, save again.",
    )
    assert 'name="counted" value="1 line, $4.50"' in page
    assert " checked>" in page


# --- Refusals ------------------------------------------------------------------------------------


def test_each_answer_that_is_missing_is_named(desk: Desk) -> None:
    line = small(desk)
    good = {"counted": "1 line, $4.50"}
    refused(desk, form(line, reason="", **good), "Say why it is written off.")
    refused(desk, form(line, reason="a\0b", **good))
    refused(desk, form(**good), "Mark the lines to write off.")
    refused(desk, form(line, key="x", **good), "too old to be saved")
    tomorrow = (timezone.localdate() + timedelta(days=1)).isoformat()
    refused(desk, form(line, date=tomorrow, **good), "The date is in the future.")
    desk.close()
    refused(desk, form(line, **good), "The date is in a closed period")


def test_a_line_that_is_no_small_balance_is_refused(desk: Desk) -> None:
    large = LineFactory(amount="100", by=desk.ana)
    refused(
        desk,
        form(small(desk), large, counted="2 lines, $104.50"),
        "Some of the marked lines are not small balances any more.",
    )


def test_a_line_that_changed_since_is_refused(desk: Desk) -> None:
    line = small(desk)
    fields = form(line, counted="1 line, $3.50")
    ledger.write_off(
        by=desk.ana,
        entries=entries({line: ("0", "1")}),
        kind="courtesy",
        date=day(0),
        reason="First",
    )
    refused(desk, fields, "Someone else changed this session")
