"""Drafts of insurance payments: kept while typing, found again, taken over, discarded."""

from __future__ import annotations

import datetime
import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.forms import drafts
from billing.models import Payment, PaymentDraft
from tests.factories import InsurancePaymentFactory, UserFactory
from tests.screens.bad_input import FORGED, nothing_happens, queries, refused, text, writes
from tests.screens.insurance_desk import NASTY, URL, Desk, desk
from tests.screens.lists import costs_the_same

__all__ = ["desk"]

pytestmark = pytest.mark.django_db

KEEP = "/insurance-payments/new/draft/"
LIST = "/insurance-payments/drafts/"
SAVED = re.compile(r'<span data-kept="\d+\.\d{6}">Draft saved ')


def keep(desk: Desk, form: dict[str, Any]) -> str:
    """As the browser does every few seconds; what it then says in the footer."""
    answer = desk.client.post(KEEP, form, headers={"hx-request": "true"})
    assert answer.status_code == 200
    return text(answer)


def draft(desk: Desk, *paid: str, **changed: Any) -> PaymentDraft:
    with nothing_happens():
        said = keep(desk, desk.form(*paid, **changed))
    assert SAVED.match(said)
    return PaymentDraft.objects.latest("pk")


def address(kept: PaymentDraft) -> str:
    return f"{URL}?draft={kept.key}"


def somebody_else() -> tuple[Any, Client]:
    ben = UserFactory(username="ben", first_name="Ben", last_name="Ode")
    client = Client()
    client.force_login(ben)
    return ben, client


# ---------------------------------------------------------------------------- kept


def test_a_draft_is_kept_and_no_money_moves(desk: Desk) -> None:
    kept = draft(desk, "100", "60")
    assert (kept.owner, kept.payer) == (desk.ana, desk.blueriver)
    assert (kept.amount, kept.unallocated) == (200, 40)
    assert SAVED.match(keep(desk, desk.form("100", "70", key=str(kept.key))))
    kept.refresh_from_db()
    assert (PaymentDraft.objects.count(), kept.unallocated) == (1, 30)


def test_nothing_typed_is_no_draft(desk: Desk) -> None:
    assert keep(desk, desk.form(payer="", reference="", amount="", lines=[])) == ""
    assert PaymentDraft.objects.count() == 0


def test_a_draft_of_half_typed_nonsense(desk: Desk) -> None:
    kept = draft(desk, "1.005", "\0", amount="2OO", payer=NASTY, reference="a\0b", date="never")
    assert (kept.payer, kept.amount, kept.unallocated) == (None, None, None)
    page = desk.client.get(address(kept)).content.decode()
    assert NASTY not in page
    assert 'value="1.005"' in page
    assert 'value="2OO"' in page


def test_only_fields_of_the_form_are_kept(desk: Desk) -> None:
    kept = draft(desk, "100", **FORGED, **{"line-x-paid": "1", "x" * 300: "1"})
    assert set(kept.data) >= {"payer", "amount", "lines", desk.box(0)}
    assert not set(kept.data) & {*FORGED, "line-x-paid", "x" * 300, "key", "action"}


def test_too_much_is_not_kept_and_says_so(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(drafts, "MOST", 50)
    assert (
        keep(desk, desk.form("100")) == "Not saved: this is too much for a draft. Save the payment."
    )
    assert PaymentDraft.objects.count() == 0


@pytest.mark.parametrize("key", [None, "", "garbage", "\0"])
def test_a_form_without_its_key(desk: Desk, key: str | None) -> None:
    assert keep(desk, desk.form("100", key=key)) == "Not saved: this form is too old."


def test_it_is_only_ever_posted(desk: Desk) -> None:
    assert desk.client.get(KEEP).status_code == 405
    assert desk.client.get(f"{LIST}{uuid.uuid4()}/discard/").status_code == 405


# ---------------------------------------------------------------------------- found again


def test_it_is_found_on_today_and_drawn_again(desk: Desk) -> None:
    said = {f"line-{desk.lines[0].pk}-says": "copay=20.00"}
    offset = {"offsets": ["1"], "offset-1-code": "WO", "offset-1-amount": "40"}
    kept = draft(desk, "60", "50", method="eft", **said, **offset)
    today = text(desk.client.get("/"))
    for words in (
        "Pick up where you left off",
        "BlueRiver Health",
        "$200.00",
        "$130.00",
        "Continue",
    ):
        assert words in today
    assert f'href="{address(kept)}"' in today
    assert writes(queries(desk.client, "get", address(kept))) == []
    page = text(desk.client.get(address(kept)))
    assert f'name="key" value="{kept.key}"' in page
    assert '<option value="eft" selected>' in page
    for value in ("BlueRiver Health (60054)", "104482", "60", "50", "40", "copay=20.00"):
        assert f'value="{value}"' in page
    assert "Error:" not in page
    assert "$130.00" in page


def test_saving_the_payment_ends_its_draft(desk: Desk) -> None:
    kept = draft(desk, "100", "100")
    form = desk.form("100", "100", key=str(kept.key))
    desk.save(form)
    assert PaymentDraft.objects.count() == 0
    # One that was on its way meanwhile comes too late.
    assert keep(desk, form) == ""
    assert PaymentDraft.objects.count() == 0
    # Back leads to the address of the form: to what was saved, not to a second one of it.
    answer = desk.client.get(address(kept), follow=True)
    assert answer.redirect_chain == [(Payment.objects.get().get_absolute_url(), 302)]
    assert "This draft was saved as IP-" in text(answer)


def test_a_refused_payment_keeps_its_draft(desk: Desk) -> None:
    kept = draft(desk, "100", "100", "100")
    form = desk.form("100", "100", "100", key=str(kept.key))
    refused(desk.client, URL, form, "$100.00 too much is allocated.")
    InsurancePaymentFactory(payer=desk.blueriver, reference="104482")
    assert desk.client.post(URL, {**form, "amount": "300"}).status_code == 200
    assert PaymentDraft.objects.get() == kept


def test_lines_that_changed_since_show_the_figures_of_now(desk: Desk) -> None:
    kept = draft(desk, "100", "100")
    InsurancePaymentFactory(payer=desk.blueriver, amount="40", on={desk.lines[0]: "40"}, ago=0)
    page = text(desk.client.get(address(kept)))
    assert page.count("Changed since this draft was saved. The figures are those of now.") == 1
    assert "40.00 more than this session owes" in page


@pytest.mark.parametrize("key", ["garbage", ""])
def test_an_address_of_no_draft(desk: Desk, key: str) -> None:
    assert desk.client.get(URL, {"draft": key}).status_code == 404


def test_back_to_a_draft_that_was_discarded_is_a_new_payment(desk: Desk) -> None:
    kept = draft(desk, "100")
    desk.client.post(f"{LIST}{kept.key}/discard/")
    answer = desk.client.get(address(kept), follow=True)
    assert answer.redirect_chain == [(URL, 302)]
    page = text(answer)
    assert "That draft is gone: it was discarded. This is a new payment." in page
    assert str(kept.key) not in page


def test_the_button_of_browsers_without_scripts(desk: Desk) -> None:
    answer = desk.client.post(URL, desk.form("100", action="draft"))
    kept = PaymentDraft.objects.get()
    assert answer["Location"] == address(kept)
    assert "Draft saved. It waits on Today until you go on." in text(
        desk.client.get(answer["Location"])
    )
    empty = desk.form(action="draft", payer="", reference="", amount="", lines=[])
    assert "There is nothing to keep yet." in text(desk.client.post(URL, empty))


# ---------------------------------------------------------------------------- colleagues


def test_a_colleagues_draft_says_so_and_is_taken_over_by_typing(desk: Desk) -> None:
    kept = draft(desk, "100")
    ben, client = somebody_else()
    page = text(client.get(address(kept)))
    assert "This draft is ana's" in page.replace("Ana", "ana")
    assert "If you go on typing, it becomes yours." in page
    client.post(KEEP, desk.form("90", key=str(kept.key)))
    kept.refresh_from_db()
    assert kept.owner == ben
    assert "it becomes yours" not in text(client.get(address(kept)))


def test_a_draft_open_on_two_desks_is_saved_once(desk: Desk) -> None:
    kept = draft(desk, "100", reference="")
    form = desk.form("100", key=str(kept.key), reference="")
    _ben, client = somebody_else()
    earlier = desk.save(form)
    for line in desk.lines:
        line.refresh_from_db()
    late = {**desk.form("", "100", key=str(kept.key), reference="")}
    page = refused(client, URL, late, f"saved this draft already, as {earlier.number}.")
    assert "Error:" in page
    assert Payment.objects.count() == 1


# ---------------------------------------------------------------------------- the list


def test_the_list_shows_whose_and_how_old(desk: Desk) -> None:
    assert "No drafts" in text(desk.client.get(LIST))
    kept = draft(desk, "100")
    old = timezone.now() - datetime.timedelta(days=3)
    PaymentDraft.objects.filter(pk=kept.pk).update(updated_at=old)
    _ben, client = somebody_else()
    page = text(client.get(LIST))
    for words in ("BlueRiver Health", "104482, $", "$200.00", "3 days ago", "Continue", "Discard"):
        assert words in page
    assert "you, " not in page
    assert "you, " in text(desk.client.get(LIST))


def test_on_today_what_one_began_oneself_comes_before_what_colleagues_did(desk: Desk) -> None:
    draft(desk, "100", reference="MINE")
    _ben, client = somebody_else()
    client.post(KEEP, desk.form("90", reference="BENS", key=str(uuid.uuid4())))
    for who, first, second in [(desk.client, "MINE", "BENS"), (client, "BENS", "MINE")]:
        today = text(who.get("/"))
        assert 0 < today.index(f"{first}, $") < today.index(f"{second}, $")


def test_a_draft_is_discarded(desk: Desk) -> None:
    kept = draft(desk, "100")
    url = f"{LIST}{kept.key}/discard/"
    with nothing_happens():
        answer = desk.client.post(url, {"from": "today"}, follow=True)
    assert answer.redirect_chain[-1][0] == "/"
    assert "The draft of BlueRiver Health is discarded." in text(answer)
    assert PaymentDraft.objects.count() == 0
    assert desk.client.post(url).status_code == 404


def test_the_list_costs_the_same(desk: Desk) -> None:
    def one_more(_number: int) -> None:
        PaymentDraft.objects.create(
            key=uuid.uuid4(), owner=desk.ana, payer=desk.blueriver, data={}, amount=Decimal(5)
        )

    costs_the_same(desk.client, LIST, one_more)


def test_which_state_of_a_draft_is_kept_is_told_without_writing(desk: Desk) -> None:
    form = desk.form("80", amount="80")
    asked = f"{LIST}{form['key']}/kept/"
    assert desk.client.get(asked).json() == {"kept": ""}
    keep(desk, form)
    first = desk.client.get(asked).json()["kept"]
    assert first == PaymentDraft.objects.get().version
    assert f'data-kept="{first}"' in text(desk.client.get(f"{URL}?draft={form['key']}"))
    keep(desk, {**form, desk.box(0): "90"})
    with nothing_happens():
        assert desk.client.get(asked).json()["kept"] not in ("", first)
    desk.save(form)
    assert desk.client.get(asked).json() == {"kept": ""}
