"""issue_invoices: many drafts begin to count in one act, all of them or none."""

from typing import Any
from uuid import uuid4

import pytest

from billing import checks, ledger
from billing.models import Invoice, InvoiceLine, NumberSeries
from patients.models import Patient, Provider
from tests.factories import InvoiceFactory, PatientFactory
from tests.factories.bills import day, money
from tests.ledger.books import digest, figures, refused


@pytest.fixture
def drafts(smith: Patient, okafor: Patient, dr1: Provider, dr2: Provider) -> list[Invoice]:
    return [
        InvoiceFactory(patient=smith, provider=dr1, amounts=["50", "25.50"], issued=False),
        InvoiceFactory(patient=okafor, provider=dr1, amounts=["10"], issued=False),
        InvoiceFactory(patient=smith, provider=dr2, amounts=["0.01"], issued=False),
    ]


def issue(by: Any, invoices: list[Invoice], ago: int = 3, **more: Any) -> ledger.Posted:
    return ledger.issue_invoices(by=by, invoices=invoices, date=day(ago), **more)


def numbers(invoices: list[Invoice]) -> list[str | None]:
    """As the database has them, in the order given."""
    found = Invoice.objects.in_bulk([each.pk for each in invoices])
    return [found[each.pk].number for each in invoices]


def test_all_count_from_one_day_on(
    ana: Any,
    smith: Patient,
    okafor: Patient,
    dr1: Provider,
    dr2: Provider,
    drafts: list[Invoice],
) -> None:
    issue(ana, drafts)
    assert {each.issued_on for each in Invoice.objects.all()} == {day(3)}
    dates = InvoiceLine.objects.values_list("issued_on", "last_date")
    assert set(dates) == {(day(3), day(3))}
    assert figures(smith, dr1) == (money("75.50"), 0, money("75.50"))
    assert figures(okafor, dr1) == (10, 0, 10)
    assert figures(smith, dr2) == (money("0.01"), 0, money("0.01"))


def test_they_are_numbered_in_the_order_given_whatever_their_ids(
    ana: Any, drafts: list[Invoice]
) -> None:
    order = [drafts[2], drafts[0], drafts[1]]
    issue(ana, order)
    assert [each.number for each in order] == ["INV-0001", "INV-0002", "INV-0003"]
    assert numbers(order) == ["INV-0001", "INV-0002", "INV-0003"]
    assert {each.issued_on for each in order} == {day(3)}


def test_drafts_that_are_not_named_stay_drafts(ana: Any, drafts: list[Invoice]) -> None:
    issue(ana, drafts[:1])
    assert numbers(drafts) == ["INV-0001", None, None]
    assert InvoiceLine.objects.filter(issued_on=None).count() == 2


def test_an_invoice_named_twice_takes_one_number(ana: Any, drafts: list[Invoice]) -> None:
    first = drafts[0]
    issue(ana, [first, drafts[1], Invoice.objects.get(pk=first.pk)])
    issue(ana, [drafts[2]])
    assert numbers(drafts) == ["INV-0001", "INV-0002", "INV-0003"]
    assert checks.run_all() == []


def test_nothing_chosen_is_refused(ana: Any) -> None:
    with refused("Choose the invoices to issue."):
        issue(ana, [])


def test_one_that_cannot_be_issued_keeps_all_of_them_drafts(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, drafts: list[Invoice]
) -> None:
    empty = Invoice.objects.create(patient=smith, created_by=ana)
    strange = InvoiceFactory(patient=okafor, provider=dr1, issued=False)
    strange.lines.update(patient=PatientFactory())
    issued = InvoiceFactory(patient=smith, provider=dr1, ago=8)
    gone = InvoiceFactory(patient=smith, provider=dr1, issued=False)
    gone_as_known = Invoice.objects.get(pk=gone.pk)
    gone.lines.all().delete()
    gone.delete()
    for bad, sentence in (
        (empty, "An invoice needs at least one line."),
        (strange, "Every line has to be the invoice's own patient's."),
        (issued, f"INV-0001 was already issued on {day(8):%d %b %Y}."),
        (gone_as_known, "That invoice does not exist."),
    ):
        for order in ([bad, *drafts], [*drafts, bad]):
            with refused(sentence):
                issue(ana, order)
            assert [each.number for each in drafts] == [None] * 3
    issue(ana, drafts)
    assert numbers(drafts) == ["INV-0002", "INV-0003", "INV-0004"]


def test_r8_a_closed_or_future_day_is_refused(
    ana: Any, drafts: list[Invoice], close_books: Any
) -> None:
    close_books(day(5))
    with refused(
        f"The date is in a closed period (up to {day(5):%d %b %Y})."
        " Ask an administrator to open it.",
        field="date",
    ):
        issue(ana, drafts, ago=5)
    with refused("The date is in the future.", field="date"):
        issue(ana, drafts, ago=-1)
    issue(ana, drafts, ago=4)


def test_r10_sent_twice_they_are_issued_once(ana: Any, drafts: list[Invoice]) -> None:
    key = uuid4()
    issue(ana, drafts[:2], key=key)
    after = digest()
    assert issue(ana, drafts[:2], key=key).replayed
    assert digest() == after
    with refused(None):
        issue(ana, drafts, key=key)


def test_invoices_numbered_without_gaps_says_what_is_missing(
    ana: Any, drafts: list[Invoice]
) -> None:
    issue(ana, drafts[:1])
    series = NumberSeries.objects.filter(prefix="INV")
    for wrong in (4, 1):
        series.update(next_number=wrong)
        assert checks.run_all() == [f"invoices: number 1 is given, the next would be {wrong}"]
    series.update(next_number=4)
    issue(ana, drafts[1:2])
    assert checks.run_all() == ["invoices: 2 numbers are missing"]
    series.update(next_number=2)
    issue(ana, [drafts[2]])
    issue(ana, [InvoiceFactory(patient=drafts[0].patient, issued=False)])
    series.update(next_number=5)
    assert checks.run_all() == []
