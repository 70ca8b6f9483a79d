"""A year of one payer in eight files, every figure of the specification, and its other examples."""

import pytest

from billing.era.importing import read_file
from billing.era.remittance import OffsetKind, Row, Transaction
from tests.era.files import HERE, constructed, one_transaction, samples
from tests.era.sessions import amounts, money


def row(
    control: str, allocation: str, write_off: str, **more: str
) -> tuple[str, str, str, str, str]:
    """(line control number, allocation, write-off, patient by kind, prior payer or to review)"""
    kinds = {kind: value for kind, value in more.items() if kind not in ("prior", "review")}
    rest = {kind: value for kind, value in more.items() if kind in ("prior", "review")}
    return control, allocation, write_off, str(kinds), str(rest)


def as_row(one: Row) -> tuple[str, str, str, str, str]:
    kinds = {
        kind: f"{getattr(one.amounts, kind):f}".removesuffix(".00")
        for kind in ("deductible", "coinsurance", "copay", "other")
        if getattr(one.amounts, kind)
    }
    rest = {
        kind: f"{amount:f}".removesuffix(".00")
        for kind, amount in (("prior", one.prior_payer), ("review", one.review))
        if amount
    }
    return (
        one.control,
        f"{one.amounts.allocation:f}".removesuffix(".00"),
        f"{one.amounts.write_off:f}".removesuffix(".00"),
        str(kinds),
        str(rest),
    )


SERIES = {
    1: (
        ("EFT-5001", "210.00", "EFT"),
        [
            row("RC-1001-1", "105", "45", copay="25"),
            row("RC-1001-2", "105", "45", copay="25"),
            row("RC-1002-1", "0", "55", deductible="165"),
            row("RC-1003-1", "0", "0", review="140"),
        ],
        [],
    ),
    2: (
        ("EFT-5002", "25.00", "EFT"),
        [
            row("RC-1001-1", "-105", "-45", copay="-25"),
            row("RC-1001-2", "-105", "-45", copay="-25"),
            row("RC-1001-1", "105", "45", copay="25"),
            row("RC-1001-2", "25", "45", deductible="105"),
            row("RC-1004-1", "105", "45", copay="25"),
        ],
        [],
    ),
    3: (
        ("EFT-5003", "0.00", "None"),
        [
            row("RC-1004-1", "-105", "-45", copay="-25"),
            row("RC-1004-1", "0", "0", review="175"),
            row("RC-1005-1", "60", "50", coinsurance="30"),
        ],
        [("FB", "EFT-5003", "45.00", OffsetKind.FORWARDED)],
    ),
    4: (
        ("EFT-5004", "86.25", "EFT"),
        [row("RC-1006-1", "130", "45")],
        [
            ("FB", "EFT-5003", "-45.00", OffsetKind.COLLECTED),
            ("L6", "RC-1006", "1.25", OffsetKind.INTEREST),
            ("72", "CHK-2210", "60.00", OffsetKind.REFUND),
            ("WO", "EV26-70100 RC-0990", "-60.00", OffsetKind.RECOVERY),
        ],
    ),
    5: (
        ("EFT-5005", "104.00", "EFT"),
        [row("RC-1007-1", "104", "45", coinsurance="26")],
        [],
    ),
    6: (("88001234", "26.00", "Check"), [row("RC-1007-1", "26", "0", prior="149")], []),
    7: (
        ("EFT-5006", "180.00", "EFT"),
        [
            row("RC-1008-1", "130", "45"),
            row("RC-1008-2", "130", "45"),
            row("", "-80", "0", deductible="80"),
        ],
        [],
    ),
    8: (("EFT-5007", "280.00", "EFT"), [row("", "130", "45"), row("", "150", "50")], []),
}


@pytest.mark.parametrize("number", SERIES)
def test_the_series_gives_its_figures(number: int) -> None:
    (reference, amount, method), rows, offsets = SERIES[number]
    found = one_transaction(constructed(number))
    assert (found.payment.reference, str(found.payment.amount), found.payment.method) == (
        reference,
        amount,
        method,
    )
    assert [as_row(one) for one in found.rows] == rows
    assert [
        (one.code, one.reference, str(one.effect), one.kind) for one in found.provider_adjustments
    ] == offsets
    assert found.unallocated == money("0")
    assert found.warnings == ()


def test_a_denial_keeps_its_codes_and_remarks() -> None:
    denied = one_transaction(constructed(1)).claims[2]
    (only,) = denied.rows
    assert [one.code for one in only.adjustments if one.needs_look] == ["CO-197"]
    assert only.remarks == ("N54",)


def test_a_notice_moves_no_money() -> None:
    assert one_transaction(constructed(3)).payment.notice_only


def test_a_forwarded_claim_holds_what_the_patient_owes() -> None:
    (claim,) = one_transaction(constructed(5)).claims
    assert (claim.forwarded, claim.posts) == (True, True)
    assert claim.forwarded_to == "CASCADE SUPPLEMENT"


def test_a_correction_names_the_claim_it_corrects() -> None:
    taken_back, corrected, _ = one_transaction(constructed(2)).claims
    assert (taken_back.is_reversal, taken_back.original) == (True, "EV26-77001")
    assert (corrected.frequency, corrected.payer_claim) == ("7", "EV26-77001A")


def test_a_reversal_and_its_correction_are_a_pair() -> None:
    assert one_transaction(constructed(2)).corrections() == {0: 1}
    assert one_transaction(constructed(3)).corrections() == {0: 1}
    assert one_transaction(constructed(1)).corrections() == {}


def test_the_payer_says_another_name() -> None:
    corrected = one_transaction(constructed(8)).claims[0].corrected
    assert corrected is not None
    assert (corrected.name, corrected.id) == ("RIVERA, MAYA", "EV100001")


# ---------------------------------------------------------------------------- worked examples


def sample(part: str) -> Transaction:
    (path,) = [path for path in samples() if part in path.name]
    (found,) = read_file(path.read_bytes()).importable()
    return found


def test_all_triplets_of_an_adjustment_count() -> None:
    first, secondary, coinsured, denied = sample("balanced_5010").claims
    assert first.rows[1].amounts == amounts(
        allocation="50", write_off="20", coinsurance="20", copay="10"
    )
    (line,) = secondary.rows
    assert line.amounts == amounts(allocation="400", write_off="170")
    assert (line.prior_payer, line.review) == (money("50"), money("80"))
    assert coinsured.rows[0].amounts == amounts(allocation="120", coinsurance="30")
    assert (denied.rows[0].amounts, denied.rows[0].review) == (amounts(), money("80"))


def test_another_component_separator() -> None:
    found = [one.amounts for one in sample("united_healthcare").rows]
    assert found == [
        amounts(allocation="88.92", write_off="67.50"),
        amounts(write_off="79.60", deductible="105.26"),
        amounts(allocation="204.18", write_off="255.72"),
        amounts(allocation="27.84"),
        amounts(allocation="29.05", write_off="184.32", coinsurance="5.13", deductible="110"),
    ]


def test_a_secondary_payment() -> None:
    whole, lines = sample("stupidedi__secondary-payments.edi").claims
    assert (whole.rows[0].amounts.allocation, whole.rows[0].prior_payer, whole.charge) == (
        money("912"),
        money("9411.64"),
        money("10323.64"),
    )
    assert lines.rows[0].prior_payer == money("136.50")
    assert lines.rows[1].amounts == amounts(
        allocation="280", write_off="85", deductible="150", coinsurance="70"
    )


def test_money_that_belongs_to_no_claim() -> None:
    found = sample("medicare-part-a")
    assert (found.allocations, found.effects) == (money("149998.73"), money("1.27"))


def test_what_does_not_add_up_says_all_its_numbers() -> None:
    path = HERE / "samples/azoner+pyx12__x12testdata.py-835id.txt"
    (refusal,) = read_file(path.read_bytes()).all_refusals
    assert refusal.text.startswith(
        "Payment 0004926 does not add up: amount $5,950.21; claims -$510.25 less provider"
        " adjustments -$977.94 is $467.69; difference $5,482.52."
    )
