"""R10: the same form submitted twice is carried out once, whichever verb it is."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from billing import ledger
from billing.models import Submission
from billing.sharing import Entry
from patients.models import Patient, Provider
from tests.factories import LineFactory, OwnerFactory, PaymentFactory
from tests.factories.bills import day, entries, money
from tests.ledger.books import digest, figures, refused
from tests.ledger.every_verb import EVERY_VERB, Verb, clinic

EACH_VERB = pytest.mark.parametrize("verb", EVERY_VERB.values(), ids=EVERY_VERB)

pytestmark = pytest.mark.django_db


@pytest.fixture
def key() -> UUID:
    return uuid4()


@EACH_VERB
def test_r10_sent_twice_it_posts_once_and_gives_the_same_payment(verb: Verb, key: UUID) -> None:
    here = clinic()
    first = verb(here, date=day(0), key=key)
    assert not first.replayed
    after = digest()
    for _ in range(3):
        again = verb(here, date=day(0), key=key)
        assert again.replayed
        assert again.payment == first.payment
        assert digest() == after


@EACH_VERB
def test_r10_other_figures_under_the_same_key_are_refused(verb: Verb, key: UUID) -> None:
    here = clinic()
    verb(here, date=day(0), key=key)
    sentence = (
        "This form was already saved with other figures. Open it afresh to enter another one."
    )
    if verb is EVERY_VERB["void"]:
        here.paying = here.receipt
    with refused(sentence):
        verb(here, date=day(1), key=key)


def record(by: Any, patient: Patient, provider: Provider, **more: Any) -> ledger.Posted:
    what = {"amount": money(20), "method": "cash", "date": day(0), **more}
    return ledger.record_payment(by=by, patient=patient, provider=provider, **what)


@pytest.mark.parametrize(
    "other",
    [
        {"amount": money("20.01")},
        {"method": "card"},
        {"reference": "7"},
        {"note": "x"},
        {"date": day(1)},
    ],
    ids=["amount", "method", "reference", "note", "date"],
)
def test_r10_any_other_box_makes_it_another_form(
    ana: Any, smith: Patient, dr1: Provider, key: UUID, other: dict[str, Any]
) -> None:
    record(ana, smith, dr1, key=key)
    with pytest.raises(ledger.LedgerError, match="other figures"):
        record(ana, smith, dr1, key=key, **other)
    assert figures(smith, dr1) == (0, 20, -20)


def test_r10_other_amounts_on_lines_make_it_another_form(
    ana: Any, smith: Patient, dr1: Provider, key: UUID
) -> None:
    one, two = (LineFactory(patient=smith, provider=dr1) for _ in range(2))
    record(ana, smith, dr1, key=key, entries=entries({one: "10"}))
    for on in ({one: "11"}, {two: "10"}, {one: "10", two: "1"}, {}):
        with pytest.raises(ledger.LedgerError, match="other figures"):
            record(ana, smith, dr1, key=key, entries=entries(on))
    assert figures(smith, dr1) == (190, 10, 180)


def test_r10_the_same_form_is_known_again_though_its_lines_have_changed_since(
    ana: Any, smith: Patient, dr1: Provider, key: UUID
) -> None:
    """A retry after a lost answer comes with the state seen before; a reload with a newer one."""
    line = LineFactory(patient=smith, provider=dr1)
    seen = line.seen
    first = record(ana, smith, dr1, key=key, entries=[Entry(line.pk, money(10), seen=seen)])
    line.refresh_from_db()
    for state in (seen, line.seen):
        again = record(ana, smith, dr1, key=key, entries=[Entry(line.pk, money(10), seen=state)])
        assert again.payment == first.payment
    assert figures(smith, dr1) == (90, 10, 80)


def test_r10_without_a_key_or_with_another_one_it_is_another_payment(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    for key in (None, None, uuid4(), uuid4()):
        record(ana, smith, dr1, key=key)
    assert figures(smith, dr1) == (0, 80, -80)


def test_r10_keys_of_two_people_never_meet(
    ana: Any, smith: Patient, dr1: Provider, key: UUID
) -> None:
    record(ana, smith, dr1, key=key)
    record(OwnerFactory(username="ben"), smith, dr1, key=key)
    assert figures(smith, dr1) == (0, 40, -40)


def test_r10_one_key_for_two_verbs_is_refused(
    ana: Any, smith: Patient, dr1: Provider, key: UUID
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1)
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Bounced", key=key)
    with pytest.raises(ledger.LedgerError, match="other figures"):
        record(ana, smith, dr1, key=key)


def test_r10_one_key_for_two_verbs_is_refused_even_with_the_same_boxes(
    ana: Any, smith: Patient, dr1: Provider, key: UUID
) -> None:
    """To un-pay a payment and to reverse it both say: this payment, this day, this reason."""
    line = LineFactory(patient=smith, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1, on={line: "20"})
    what: dict[str, Any] = {"by": ana, "payment": receipt, "date": day(0), "reason": "Error"}
    ledger.unpay(**what, key=key)
    with refused(None):
        ledger.reverse(**what, key=key)


def test_r10_a_refused_form_may_be_mended_and_sent_again_under_its_key(
    ana: Any, smith: Patient, dr1: Provider, key: UUID
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="10")
    with refused("This line only owes 10.00.", line=line):
        record(ana, smith, dr1, key=key, entries=entries({line: "15"}))
    assert not Submission.objects.exists()
    assert not record(ana, smith, dr1, key=key, entries=entries({line: "10"})).replayed
    assert figures(smith, dr1) == (0, 10, -10)


def test_r10_a_form_that_was_undone_since_is_not_posted_again(
    ana: Any, smith: Patient, dr1: Provider, key: UUID
) -> None:
    payment = record(ana, smith, dr1, key=key).payment
    assert payment
    ledger.reverse(by=ana, payment=payment, date=day(0), reason="Entered in error")
    again = record(ana, smith, dr1, key=key)
    assert again.replayed
    assert again.payment == payment
    assert figures(smith, dr1) == (0, 0, 0)
