"""The fee schedule from a file."""

from __future__ import annotations

import datetime

import pytest

from billing import balances
from billing.models import Fee, Service
from billing.money import NOT_AN_AMOUNT, TOO_MANY_DECIMALS
from tests.factories import PayerFactory
from tests.imports.files import bring, check, problems, warnings

pytestmark = pytest.mark.django_db

HEAD = "code,description,amount,valid_from,payer,active\n"
NEW_YEAR = datetime.date(2026, 1, 1)


def test_services_and_their_fees() -> None:
    blue = PayerFactory(name="BlueRiver Health")
    file = bring(
        "fees",
        HEAD
        + '90834,"Psychotherapy, 45 minutes","$1,120.00",2026-01-01,,\n'
        + '90834,"Psychotherapy, 45 minutes",95.5,01/01/2026,BlueRiver Health,yes\n'
        + '90834,"Psychotherapy, 45 minutes",130,2027-01-01,,\n'
        + "OLD,Not offered any more,0,2026-01-01,,no\n",
    )
    therapy = Service.objects.get(code="90834")
    assert therapy.description == "Psychotherapy, 45 minutes"
    fees = balances.Fees([therapy])
    asked = [(NEW_YEAR, None), (NEW_YEAR, blue), (datetime.date(2027, 1, 1), None)]
    assert [str(fee.amount) for day, payer in asked if (fee := fees.of(therapy, day, payer))] == [
        "1120.00",
        "95.50",
        "130.00",
    ]
    assert not Service.objects.get(code="OLD").active
    assert file.made == "2 services and 4 fees"


def test_what_is_there_stays_as_it_is() -> None:
    bring("fees", HEAD + "90834,Psychotherapy,120,2026-01-01,,\n")
    again = HEAD + (
        "90834,Therapy,120.00,2026-01-01,,no\n90834,Psychotherapy,125,2026-07-01,,yes\n"
    )
    assert warnings("fees", again) == [
        "line 2, description: 90834 keeps its description: Psychotherapy.",
        "line 2, active: 90834 stays active. Change it in Admin.",
    ]
    assert check("fees", again).report.counts == [
        ("New services", "0"),
        ("New fees", "1"),
        ("Fees already there", "1"),
    ]
    bring("fees", again)
    service = Service.objects.get()
    assert (service.description, service.active) == ("Psychotherapy", True)
    assert Fee.objects.count() == 2


def test_a_fee_that_is_there_is_not_changed() -> None:
    bring("fees", HEAD + "90834,Psychotherapy,120,2026-01-01,,\n")
    assert problems("fees", HEAD + "90834,Psychotherapy,121,2026-01-01,,\n") == [
        "line 2, amount: The fee of 90834 from this day is 120.00 already. An import changes no"
        " fee: give the new one a later day."
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",A,1,2026-01-01,,", "code: This must not be empty."),
        ("A,,1,2026-01-01,,", "description: This must not be empty."),
        ("A,A,,2026-01-01,,", "amount: This must not be empty."),
        ("A,A,1,,,", "valid_from: This must not be empty."),
        ("A,A,-1,2026-01-01,,", "amount: A fee is not negative."),
        ("A,A,1e9,2026-01-01,,", f"amount: {NOT_AN_AMOUNT}"),
        ("A,A,1.005,2026-01-01,,", f"amount: {TOO_MANY_DECIMALS}"),
        ("A,A,1,2026-01-01,,maybe", "active: Write yes or no."),
        (
            "A,A,1,2026-01-01,Nobody,",
            "payer: There is no payer “Nobody”. Add it first (Admin, Payers), or mend the name.",
        ),
        ("=A,A,1,2026-01-01,,", "code: This begins with =, as a spreadsheet's formula does."),
        (f"{'A' * 21},A,1,2026-01-01,,", "code: This is longer than 20 characters."),
    ],
)
def test_sentences(row: str, said: str) -> None:
    [sentence] = problems("fees", f"{HEAD}{row}\n")
    assert sentence.startswith(f"line 2, {said}")
    assert not Service.objects.exists()


def test_a_file_does_not_contradict_itself() -> None:
    rows = (
        "A,Visit,1,2026-01-01,,yes\n"
        "a,Call,2,2026-02-01,,\n"
        "A,Visit,2,2026-03-01,,no\n"
        "A,Visit,3,2026-01-01,,\n"
    )
    assert problems("fees", HEAD + rows) == [
        "line 3, description: Line 2 describes a otherwise.",
        "line 4, active: Line 2 says otherwise about A.",
        "line 5, valid_from: Line 2 has a fee of A from this day already.",
    ]


def test_hundreds_of_them_across_the_parts_of_a_file() -> None:
    rows = "".join(f"C{n // 3},Code {n // 3},{n},{2026 + n % 3}-01-01,,\n" for n in range(1_800))
    assert bring("fees", HEAD + rows).made == "600 services and 1,800 fees"
    assert Service.objects.get(code="C599").fees.count() == 3
