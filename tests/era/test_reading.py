"""From segments to our words: the parts a sample does not happen to show."""

import datetime
from collections import Counter
from itertools import pairwise

import pytest

from billing.era import importing, mapping, reading
from billing.era.adjustments import ANY, SEED, Action, ActionTable, Rule
from billing.era.importing import read_file, segments_of
from billing.era.mapping import read_amount, read_date
from billing.era.reading import LIMIT
from billing.era.remittance import OffsetKind
from tests.era.files import constructed, one_transaction
from tests.era.sessions import amounts, day, money
from tests.era.writing import HEADER, PLAIN, claims_of, era, interchange, refusal_codes, transaction

# ---------------------------------------------------------------------------- amounts and dates


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("", "0"),
        ("0", "0"),
        ("-0", "0"),
        ("12", "12"),
        ("-12.5", "-12.5"),
        (".5", ".5"),
        ("5.", "5"),
    ],
)
def test_an_amount(text: str, amount: str) -> None:
    found = read_amount(text)
    assert found == money(amount)
    assert str(found) == str(money(amount))  # two places, and never -0.00


@pytest.mark.parametrize(
    "text",
    [
        "-",
        ".",
        "1,2",
        "1.234",
        "1e3",
        "$5",
        "5-",
        "+5",
        "--5",
        "(5)",
        "0x1",
        "٣",
        "NaN",
        "5 0",
        "1_0",
    ],
)
def test_not_an_amount(text: str) -> None:
    assert read_amount(text) is None


@pytest.mark.parametrize(
    "text", ["", "2026", "20260230", "20261301", "18991231", "26-01-05", "2026O105"]
)
def test_not_a_date(text: str) -> None:
    assert read_date(text) is None


def test_a_date() -> None:
    assert read_date("20240229") == datetime.date(2024, 2, 29)


# ---------------------------------------------------------------------------- lines


def test_the_procedure_that_was_billed_comes_first() -> None:
    (claim,) = claims_of(
        "130",
        "CLP*A*1*175*130 SVC*HC:90834:95:GT*175*130**1*HC:90837:95*2 CAS*CO*45*45",
    )
    (line,) = claim.lines
    assert (line.code, line.paid_code, line.changed) == ("90837", "90834", True)
    assert line.modifiers == ("95", "GT")
    assert (line.units, line.units_billed) == ("1", "2")


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ("DTM*472*20260105", "01/05/2026"),
        ("DTM*151*20260107 DTM*150*20260106", "01/06/2026"),
        ("DTM*151*20260107", "01/07/2026"),
        ("DTM*150*20260106 DTM*472*20260105", "01/05/2026"),
        ("", "01/02/2026"),
        ("DTM*472*20260231", "01/02/2026"),
    ],
)
def test_the_date_of_a_line(dates: str, expected: str) -> None:
    (claim,) = claims_of("5", f"CLP*A*1*5*5 DTM*232*20260102 SVC*HC:1*5*5 {dates}")
    assert claim.rows[0].date == day(expected)


def test_the_allowed_amount_is_information() -> None:
    (claim,) = claims_of("5", "CLP*A*1*5*5 SVC*HC:1*5*5 AMT*B6*4.99")
    assert claim.lines[0].allowed == money("4.99")
    (claim,) = claims_of("5", "CLP*A*1*5*5 SVC*HC:1*5*5 AMT*B6*unknown")
    assert claim.lines[0].allowed is None


def test_remarks_stand_with_what_they_are_about() -> None:
    (claim,) = claims_of("5", "CLP*A*1*5*5 MOA***MA01*MA18 SVC*HC:1*5*5 LQ*HE*N1 LQ*RX*75 LQ*HE*N2")
    assert claim.remarks == ("MA01", "MA18")
    assert claim.lines[0].remarks == ("N1", "N2")


def test_a_small_increase_is_netted_with_its_reduction() -> None:
    (claim,) = claims_of("3.06", "CLP*A*1*26.20*3.06 SVC*HC:1*26.20*3.06 CAS*CO*45*23.2**137*-0.06")
    assert claim.rows[0].amounts == amounts(allocation="3.06", write_off="23.14")


def test_six_adjustments_in_one_segment_and_more_in_the_next() -> None:
    triplets = "**".join(f"{reason}*1" for reason in ("45", "42", "59", "94", "131", "253"))
    (claim,) = claims_of("3", f"CLP*A*1*10*3 SVC*HC:1*10*3 CAS*CO*{triplets} CAS*CO*237*1")
    assert claim.rows[0].amounts.write_off == money("7")


def test_a_claim_level_adjustment_joins_an_only_line() -> None:
    (claim,) = claims_of("80", "CLP*A*1*100*80 CAS*PR*1*20 SVC*HC:1*100*100")
    (row,) = claim.rows
    assert row.amounts == amounts(allocation="80", deductible="20")


def test_where_a_row_came_from_can_be_shown() -> None:
    data = constructed(7)
    (claim,) = one_transaction(data).claims
    first, second, whole = claim.rows
    assert list(segments_of(data, 0, *first.segments)) == [
        "SVC*HC:90837*175*130**1",
        "DTM*472*20260216",
        "CAS*CO*45*45",
        "REF*6R*RC-1008-1",
    ]
    assert next(segments_of(data, 0, *second.segments)) == "SVC*HC:90837*175*130**1"
    assert len(list(segments_of(data, 0, *whole.segments))) == 11


# ---------------------------------------------------------------------------- claims and payments


@pytest.mark.parametrize(
    ("status", "posts", "forwarded"),
    [
        ("1", True, False),
        ("4", True, False),
        ("19", True, True),
        ("20", True, True),
        ("21", True, True),
        ("22", True, False),
        ("23", False, False),
        ("25", False, False),
    ],
)
def test_what_a_status_means_for_posting(status: str, posts: bool, forwarded: bool) -> None:
    sign = "-" if status == "22" else ""
    (claim,) = claims_of(f"{sign}5", f"CLP*A*{status}*{sign}5*{sign}5")
    assert (claim.posts, claim.forwarded) == (posts, forwarded)


def test_a_debit_takes_money() -> None:
    assert one_transaction(era("-5", "CLP*A*22*-5*-5")).payment.amount == money("-5")


@pytest.mark.parametrize(
    ("code", "method"),
    [
        ("ACH", "EFT"),
        ("CHK", "Check"),
        ("FWT", "Wire"),
        ("NON", "None"),
        ("BOP", "Other"),
        ("XYZ", "Other"),
        ("", "Other"),
    ],
)
def test_methods(code: str, method: str) -> None:
    assert one_transaction(era("0", "CLP*A*4*0*0", method=code)).payment.method == method


def test_only_the_first_reference_number_counts() -> None:
    payment = one_transaction(era("5", "CLP*A*1*5*5", header=("TRN*1*SECOND*2", *HEADER))).payment
    assert (payment.reference, payment.originator) == ("EFT-1", "1911234567")


def test_references_belong_to_who_they_follow() -> None:
    header = ("REF*EV*US", "N1*PR*PAYER*XV*1", "REF*2U*2", "N1*PE*WE*FI*3", "REF*TJ*4", "LX*1")
    payment = one_transaction(era("5", "CLP*A*1*5*5 REF*F8*6", header=header)).payment
    assert payment.payer.references == (("2U", "2"),)
    assert (payment.payee.id, payment.payee.reference("TJ")) == ("3", "4")


@pytest.mark.parametrize(
    ("pair", "kind"),
    [
        ("WO:A*5", OffsetKind.RECOVERY),
        ("WO:A*-5", OffsetKind.DEFERRED),
        ("FB:A*-5", OffsetKind.FORWARDED),
        ("FB:A*5", OffsetKind.COLLECTED),
        ("72:A*-5", OffsetKind.REFUND),
        ("L6:A*5", OffsetKind.INTEREST),
        ("IR*5", OffsetKind.EXPENSE),
        ("BN:A*-5", OffsetKind.INCOME),
        ("CS:A*5", OffsetKind.REVIEW),
        ("ZZ:A*5", OffsetKind.REVIEW),
    ],
)
def test_provider_adjustments(pair: str, kind: OffsetKind) -> None:
    amount = money(pair.split("*")[1])
    found = one_transaction(era(f"{-amount}", f"PLB*1*20261231*{pair}"))
    (one,) = found.provider_adjustments
    assert (one.kind, one.effect) == (kind, -amount)


def test_all_six_pairs_of_a_provider_adjustment_count() -> None:
    pairs = "*".join(f"WO:R{number}*1" for number in range(6))
    found = one_transaction(era("-7", f"PLB*1*20261231*{pairs} PLB*1*20261231*WO:R7*1"))
    assert found.effects == money("-7")


# ---------------------------------------------------------------------------- out of place


@pytest.mark.parametrize(
    "segments",
    [
        "CAS*CO*45*5",
        "CLP*A*1*5*5 LX*2 SVC*HC:1*5*5",
        "CLP*A*1*5*5 PLB*1*20261231*WO:A*0 CLP*B*1*0*0",
        "CLP*A*1*5*5 PLB*1*20261231*WO:A*0 CAS*CO*45*0",
        "BPR*I*5*C*ACH CLP*A*1*5*5",
    ],
)
def test_a_segment_out_of_place(segments: str) -> None:
    assert refusal_codes(era("5", segments))[0] == "E18"


def test_a_segment_between_transactions_refuses_the_file() -> None:
    segments = interchange([transaction("5", ["CLP*A*1*5*5"])])
    segments.insert(-2, "CLP*B*1*5*5")
    assert [one.code for one in read_file(PLAIN.written(segments)).refusals] == ["E18"]


# ---------------------------------------------------------------------------- limits


def test_a_file_that_is_too_large_is_not_looked_at() -> None:
    (refusal,) = read_file(b" " * (LIMIT + 1)).refusals
    assert (refusal.code, refusal.text[:47]) == (
        "E22",
        "The file has 21 MB; the limit is 20 MB. Ask for",
    )


def test_too_many_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "CLAIMS_LIMIT", 3)
    claim = "CLP*A*1*1*1 SVC*HC:1*1*1 CAS*CO*45*0"
    assert refusal_codes(era("3", *[claim] * 3)) == []
    file = read_file(era("4", *[claim] * 4))
    assert [one.code for one in file.all_refusals] == ["E22"]
    assert len(file.transactions[0].claims) == 3


@pytest.mark.parametrize("piece", [1, 50, 333])
def test_a_large_file_is_split_piece_by_piece(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    whole = one_transaction(constructed(2))
    monkeypatch.setattr(reading, "PIECE", piece)
    assert one_transaction(constructed(2)) == whole


def test_too_many_lines_or_payments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "LINES_LIMIT", 3)
    line = "SVC*HC:1*1*1"
    assert refusal_codes(era("3", "CLP*A*1*3*3", *[line] * 3)) == []
    assert refusal_codes(era("4", "CLP*A*1*4*4", *[line] * 4)) == ["E22"]
    monkeypatch.setattr(importing, "TRANSACTIONS_LIMIT", 2)
    one = transaction("5", ["CLP*A*1*5*5"])
    assert refusal_codes(PLAIN.written(interchange([one] * 2))) == []
    assert refusal_codes(PLAIN.written(interchange([one] * 3))) == ["E22"]


def test_of_one_kind_no_more_is_said_than_somebody_would_read() -> None:
    file = read_file(era("0", *["CLP*A*1*5*4"] * 300, *(f"X{one}*1" for one in range(300))))
    counted = Counter(one.code for one in file.all_refusals)
    assert counted == {"E13": 100, "E12": 1}
    assert len(file.all_warnings) == 100


# ---------------------------------------------------------------------------- actions


@pytest.mark.parametrize(
    ("group", "reason", "action", "look"),
    [
        ("CO", "45", Action.WRITE_OFF, False),
        ("CO", "A2", Action.WRITE_OFF, False),
        ("CO", "253", Action.WRITE_OFF, False),
        ("CO", "97", Action.REVIEW, True),
        ("CO", "4", Action.REVIEW, True),
        ("PR", "1", Action.DEDUCTIBLE, False),
        ("PR", "66", Action.DEDUCTIBLE, False),
        ("PR", "2", Action.COINSURANCE, False),
        ("PR", "3", Action.COPAY, False),
        ("PR", "29", Action.OTHER, True),
        ("OA", "23", Action.PRIOR_PAYER, False),
        ("OA", "94", Action.REVIEW, True),
        ("PI", "45", Action.REVIEW, True),
        ("CR", "45", Action.REVIEW, True),
        ("XX", "45", Action.REVIEW, True),
        ("", "", Action.REVIEW, True),
    ],
)
def test_the_seed_of_the_actions(group: str, reason: str, action: Action, look: bool) -> None:
    rule = ActionTable().rule_for(group, reason)
    assert (rule.action, rule.needs_look) == (action, look)


def test_every_contractual_reason_is_written_off() -> None:
    reasons = [rule.reason for rule in SEED if rule.action is Action.WRITE_OFF]
    assert len(reasons) == 16
    table = ActionTable()
    assert {table.rule_for("CO", reason).action for reason in reasons} == {Action.WRITE_OFF}
    assert not any(first == second for first, second in pairwise(SEED))


def test_the_clinics_own_rules_count() -> None:
    own = ActionTable((Rule("CO", "97", Action.WRITE_OFF), Rule("CO", ANY, Action.OTHER)))
    data = era("5", "CLP*A*1*10*5 SVC*HC:1*10*5 CAS*CO*97*3**45*2")
    (transaction_,) = read_file(data, actions=own).importable()
    (row,) = transaction_.rows
    assert row.amounts == amounts(allocation="5", write_off="3", other="2")
    assert own.rule_for("PR", "1").action is Action.REVIEW  # no rule of theirs names it
