"""Every level of matching, and the examples of the specification on made-up sessions."""

import pytest

from billing.era.matching import Level, Match, control, unallocated
from billing.era.remittance import RowKind
from tests.era.files import constructed, one_transaction
from tests.era.sessions import amounts, line, matched, money, posting
from tests.era.writing import claims_of

MAYA = "NM1*QC*1*RIVERA*MAYA****MI*EV100001"


def one(*, clp: str = "RC-1", svc: str = "HC:90837", more: str = "", who: str = MAYA):
    """A claim of one line: 175.00 charged, 130.00 paid, 45.00 written off, 01/05/2026."""
    return claims_of(
        "130",
        f"CLP*{clp}*1*175*130*0*12*EV1 {who} SVC*{svc}*175*130 CAS*CO*45*45 {more}",
    )


AT = "DTM*472*20260105"


def only(matches: list[Match]) -> Match:
    (found,) = matches
    return found


# ---------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("number", ["rc-1", " RC-1 ", "00RC-1", "000rc-1"])
def test_numbers_are_compared_without_case_blanks_and_leading_zeros(number: str) -> None:
    assert control(number) == "RC-1"


@pytest.mark.parametrize("number", ["", " ", "0", "000"])
def test_zero_and_nothing_are_no_number(number: str) -> None:
    assert control(number) == ""
    session = line("", claim="", claim_id=7)
    assert only(matched(one(clp="0", who=""), session)).level is Level.D


# ---------------------------------------------------------------------------- A1


@pytest.mark.parametrize(
    ("code", "date"), [("90837", "01/05/2026"), ("99999", "01/05/2026"), ("90837", "09/09/2025")]
)
def test_a1_our_line_number_and_the_code_or_the_date(code: str, date: str) -> None:
    session = line("RC-1-1", code=code, date=date)
    found = only(matched(one(more=f"{AT} REF*6R*rc-1-1"), session))
    assert (found.level, found.concerns) == (Level.A1, ())
    assert [share.line for share in found.shares] == [session.id]
    assert found.shares[0].amounts == amounts(allocation="130", write_off="45")


@pytest.mark.parametrize("code", ["90834", "90837"])
def test_a1_takes_the_code_billed_or_the_code_paid(code: str) -> None:
    claims = claims_of(
        "130",
        "CLP*0*1*175*130 SVC*HC:90834*175*130***HC:90837 CAS*CO*45*45 REF*6R*RC-1-1",
    )
    assert only(matched(claims, line("RC-1-1", code=code))).level is Level.A1


def test_a1_needs_no_claim_number() -> None:
    found = only(matched(one(clp="0", more=f"{AT} REF*6R*RC-1-1"), line("RC-1-1")))
    assert found.level is Level.A1


def test_a1_is_not_for_a_number_that_two_lines_have() -> None:
    twins = line("X", claim="RC-8", member="", last="A"), line("X", claim="RC-9", member="")
    assert only(matched(one(more=f"{AT} REF*6R*X", who=""), *twins)).level is Level.D


def test_only_this_payers_lines_are_looked_at() -> None:
    assert only(matched(one(more=f"{AT} REF*6R*RC-1-1"), line("RC-1-1", payer=2))).level == "D"


# ---------------------------------------------------------------------------- A2


def test_a2_the_claim_and_its_line_of_that_date_code_and_charge() -> None:
    other = line(date="01/12/2026")
    session = line()
    found = only(matched(one(more=AT), other, session))
    assert (found.level, found.shares[0].line) == (Level.A2, session.id)


def test_a2_identical_lines_are_taken_in_order() -> None:
    claims = claims_of(
        "235",
        f"CLP*RC-1*1*350*235 {MAYA}"
        f" SVC*HC:90837*175*130 {AT} CAS*CO*45*45"
        f" SVC*HC:90837*175*105 {AT} CAS*CO*45*70",
    )
    sessions = [line(), line(), line()]
    found = matched(claims, *sessions)
    assert [one.level for one in found] == [Level.A2, Level.A2]
    assert [one.shares[0].line for one in found] == [sessions[0].id, sessions[1].id]


def test_a_surer_row_gets_its_line_first() -> None:
    claims = claims_of(
        "260",
        f"CLP*RC-1*1*350*260 {MAYA}"
        f" SVC*HC:90837*175*130 {AT} CAS*CO*45*45"
        f" SVC*HC:90837*175*130 {AT} CAS*CO*45*45 REF*6R*RC-1-1",
    )
    first, second = line("RC-1-1"), line("RC-1-2")
    found = matched(claims, first, second)
    assert [(one.level, one.shares[0].line) for one in found] == [
        (Level.A2, second.id),
        (Level.A1, first.id),
    ]


def test_a_line_is_used_once_a_claim() -> None:
    claims = claims_of(
        "260",
        f"CLP*RC-1*1*350*260 {MAYA}"
        f" SVC*HC:90837*175*130 {AT} CAS*CO*45*45 REF*6R*RC-1-1"
        f" SVC*HC:90837*175*130 {AT} CAS*CO*45*45 REF*6R*RC-1-1",
    )
    first, second = matched(claims, line("RC-1-1"))
    assert (first.level, second.level, second.shares) == (Level.A1, Level.D, ())


def test_a_number_that_stands_for_several_people_names_no_claim() -> None:
    who = "NM1*QC*1*OKAFOR*DANIEL****MI*EV100002"
    svc = f"SVC*HC:90837*175*130 {AT} CAS*CO*45*45"
    claims = claims_of("260", f"CLP*77*1*175*130 {MAYA} {svc}", f"CLP*77*1*175*130 {who} {svc}")
    maya = line(claim="77")
    first, second = matched(claims, maya)
    assert (first.level, first.shares[0].line) == (Level.B2, maya.id)
    assert second.level is Level.D


def test_a_family_may_share_its_member_id() -> None:
    who = "NM1*QC*1*RIVERA*LEO****MI*EV100001"
    svc = f"SVC*HC:90837*175*130 {AT} CAS*CO*45*45"
    claims = claims_of("260", f"CLP*77*1*175*130 {MAYA} {svc}", f"CLP*77*1*175*130 {who} {svc}")
    assert [one.level for one in matched(claims, line(claim="77"))] == [Level.B2, Level.B2]


def test_a_reversal_and_its_correction_are_the_same_claim() -> None:
    svc = "SVC*HC:90837*{0}175*{0}130 DTM*472*20260105 CAS*CO*45*{0}45"
    claims = claims_of(
        "0",
        f"CLP*RC-1*22*-175*-130 {svc.format('-')}",
        f"CLP*RC-1*1*175*130 {MAYA} {svc.format('')}",
    )
    paid = posting(9, allocation="130", write_off="45")
    assert [one.level for one in matched(claims, line(postings=(paid,)))] == ["A2", "A2"]


# ---------------------------------------------------------------------------- B1


def test_b1_same_date_and_code_with_another_charge() -> None:
    session = line(charge="180")
    found = only(matched(one(more=AT), session, line(date="01/12/2026")))
    assert found.level == Level.B1
    assert found.shares[0].line == session.id


def test_b1_without_a_date_same_code_and_charge() -> None:
    session = line()
    found = only(matched(one(), session, line(code="90834", charge="140")))
    assert (found.level, found.shares[0].line) == (Level.B1, session.id)


def test_b1_the_only_line_of_the_claim() -> None:
    session = line(code="90834", date="02/02/2026", charge="140")
    found = only(matched(one(more=AT), session))
    assert (found.level, found.shares[0].line) == (Level.B1, session.id)


def test_a_code_that_was_not_divided_as_announced_is_never_sure() -> None:
    session = line("RC-1-1")
    for more in (AT, f"{AT} REF*6R*RC-1-1"):
        found = only(matched(one(svc="HC>90837", more=more), session))
        assert found.level == Level.B1


# ---------------------------------------------------------------------------- B2


def test_b2_member_id_date_code_and_charge() -> None:
    session = line(claim="OTHER")
    found = only(matched(one(more=AT), session, line(claim="OTHER", date="01/12/2026")))
    assert found.level == Level.B2
    assert found.shares[0].line == session.id


@pytest.mark.parametrize(
    "who",
    [
        "NM1*QC*1*RIVERA*MAYA",
        "NM1*QC*1*Rivera*maya****MI*UNKNOWN",
        "NM1*QC*1*RIVERA*MAIA NM1*74*1*RIVERA*MAYA",
        "NM1*QC*1*RIVERA*MAIA****MI*X NM1*74*1******C*EV100001",
    ],
)
def test_b2_the_name_serves_too_and_the_corrected_one(who: str) -> None:
    assert only(matched(one(more=AT, who=who), line(claim="OTHER"))).level is Level.B2


def test_b2_when_several_claims_have_the_number() -> None:
    session = line(claim="RC-1", claim_id=1)
    other = line(claim="RC-1", claim_id=2, member="EV9", first="LEO")
    found = only(matched(one(more=AT), session, other))
    assert (found.level, found.shares[0].line) == (Level.B2, session.id)


def test_b2_wants_exactly_one_line() -> None:
    sessions = line(claim="X"), line(claim="Y")
    found = only(matched(one(more=AT), *sessions))
    assert (found.level, found.shares) == (Level.C, ())
    assert found.candidates == tuple(session.id for session in sessions)


@pytest.mark.parametrize(
    "different", [{"date": "01/06/2026"}, {"code": "90834"}, {"charge": "174.99"}]
)
def test_b2_wants_everything_to_agree(different: dict[str, str]) -> None:
    assert only(matched(one(more=AT), line(claim="X", **different))).level is Level.D


# ---------------------------------------------------------------------------- B3, C, D


def test_b3_our_line_number_with_another_code_and_date() -> None:
    session = line("RC-7-1", claim="RC-7", code="90834", date="03/03/2026")
    found = only(matched(one(more=f"{AT} REF*6R*RC-7-1"), session))
    assert found.level == Level.B3
    assert found.shares[0].line == session.id


def test_c_the_claim_is_known_and_the_line_is_not() -> None:
    sessions = line(code="90834"), line(code="90834", date="01/12/2026")
    found = only(matched(one(more=AT), *sessions))
    assert (found.level, found.shares) == (Level.C, ())
    assert found.candidates == tuple(session.id for session in sessions)


def test_c_two_lines_of_that_date_and_code() -> None:
    sessions = line(charge="180"), line(charge="190")
    found = only(matched(one(more=AT), *sessions, line(date="01/12/2026")))
    assert found.level is Level.C
    assert found.candidates == tuple(session.id for session in sessions)


def test_d_nobody_is_found_and_nothing_filled_in() -> None:
    found = only(matched(one(more=AT), line(claim="X", member="EV2", last="LIND")))
    assert found.level == Level.D
    assert (found.shares, found.candidates) == ((), ())


def test_d_suggests_the_persons_other_sessions_of_that_day() -> None:
    near = line(claim="X", code="90834")
    found = only(matched(one(more=AT), near, line(claim="X", date="01/06/2026")))
    assert (found.level, found.shares, found.candidates) == (Level.D, (), (near.id,))


# ---------------------------------------------------------------------------- reversals


def reversal(clp: str = "RC-1*22*-175*-130*0*12*EV1", more: str = AT):
    return claims_of("-130", f"CLP*{clp} {MAYA} SVC*HC:90837*-175*-130 CAS*CO*45*-45 {more}")


PAID = posting(9, "EV1", allocation="130", write_off="45")


@pytest.mark.parametrize(("more", "level"), [(f"{AT} REF*6R*RC-1-1", "A1"), (AT, "A2"), ("", "B1")])
def test_a_reversal_is_found_by_the_charge_without_its_minus(more: str, level: str) -> None:
    session = line("RC-1-1", balance="0", postings=(PAID,))
    found = only(matched(reversal(more=more), session, line("RC-1-2", code="1", charge="1")))
    assert (found.level, found.concerns) == (level, ())
    assert found.shares[0].amounts == amounts(allocation="-130", write_off="-45")
    assert found.shares[0].takes_back == PAID.id


def test_a_reversal_takes_back_the_newest_posting() -> None:
    newest = posting(12, "EV2", allocation="130", write_off="45")
    found = only(matched(reversal("RC-1*22*-175*-130"), line(postings=(PAID, newest))))
    assert found.shares[0].takes_back == newest.id


@pytest.mark.parametrize(("clp", "more"), [("RC-1*22*-175*-130*0*12*EV1", ""), ("", "F8")])
def test_the_payers_claim_number_decides_between_two_postings(clp: str, more: str) -> None:
    newest = posting(12, "EV2", allocation="130", write_off="45")
    claims = claims_of(
        "-130",
        f"CLP*{clp or 'RC-1*22*-175*-130*0*12*EV3'} {MAYA} {'REF*F8*EV1' if more else ''}"
        f" SVC*HC:90837*-175*-130 CAS*CO*45*-45 {AT}",
    )
    assert only(matched(claims, line(postings=(PAID, newest)))).shares[0].takes_back == PAID.id


def test_of_identical_lines_a_reversal_takes_the_one_that_was_paid() -> None:
    unpaid, paid = line(), line(postings=(PAID,))
    assert only(matched(reversal(), unpaid, paid)).shares[0].line == paid.id


@pytest.mark.parametrize(
    ("postings", "words"),
    [
        ((), "takes back $130.00, nothing was paid"),
        (
            (posting(9, "EV1", allocation="60"),),
            "takes back $130.00, only $60.00 was paid",
        ),
    ],
)
def test_taking_back_more_than_was_paid_is_amber(postings: tuple, words: str) -> None:
    found = only(matched(reversal(more=f"{AT} REF*6R*L"), line("L", postings=postings)))
    assert (found.level, found.concerns) == (Level.A1, (words,))
    assert found.shares


def test_a_positive_reversal_is_amber_and_not_filled_in() -> None:
    claims = claims_of("130", f"CLP*RC-1*22*175*130 {MAYA} SVC*HC:90837*175*130 CAS*CO*45*45 {AT}")
    session = line(postings=(PAID,))
    found = only(matched(claims, session))
    assert (found.shares, found.candidates) == ((), (session.id,))
    assert "negative" in found.concerns[0]


def test_a_negative_claim_that_is_no_reversal_is_amber() -> None:
    found = only(matched(reversal("RC-1*1*-175*-130"), line(postings=(PAID,))))
    assert found.level == Level.A2
    assert found.concerns
    assert found.shares


@pytest.mark.parametrize("status", ["23", "25"])
def test_a_claim_that_posts_nothing_fills_nothing_in(status: str) -> None:
    claims = claims_of("0", f"CLP*RC-1*{status}*175*0 {MAYA} SVC*HC:90837*175*0 CAS*CO*45*175 {AT}")
    found = only(matched(claims, line()))
    assert (found.level, found.shares) == (Level.A2, ())


# ---------------------------------------------------------------------------- whole claims


def spread(found: Match) -> list[tuple[str, ...]]:
    return [
        tuple(
            str(part)
            for part in (share.amounts.allocation, share.amounts.write_off, share.amounts.patient)
        )
        for share in found.shares
    ]


def test_a_claim_without_lines_fills_its_sessions_in_date_order() -> None:
    claims = claims_of(
        "130", f"CLP*RC-1*1*200*130 CAS*CO*45*50 CAS*PR*1*20 {MAYA} DTM*232*20260105"
    )
    later, first = line(date="01/12/2026", charge="100"), line(charge="100")
    found = only(matched(claims, later, first))
    assert (found.level, found.row.kind) == (Level.B3, RowKind.WHOLE_CLAIM)
    assert [share.line for share in found.shares] == [first.id, later.id]
    assert spread(found) == [("100.00", "0.00", "0.00"), ("30.00", "50.00", "20.00")]


def test_the_last_session_takes_the_rest() -> None:
    claims = claims_of("180", f"CLP*RC-1*1*200*180 CAS*CO*45*20 {MAYA}")
    sessions = line(charge="100", balance="40"), line(charge="100", balance="60")
    found = only(matched(claims, *sessions))
    assert spread(found) == [("40.00", "0.00", "0.00"), ("140.00", "20.00", "0.00")]


def test_a_reversed_claim_without_lines_takes_back_what_each_session_got() -> None:
    claims = claims_of("-130", f"CLP*RC-1*22*-200*-130 CAS*CO*45*-70 {MAYA}")
    sessions = (
        line(charge="100", postings=(posting(1, allocation="30", write_off="70"),)),
        line(charge="100", date="01/12/2026", postings=(posting(1, allocation="100"),)),
    )
    found = only(matched(claims, *sessions))
    assert spread(found) == [("-30.00", "-70.00", "0.00"), ("-100.00", "0.00", "0.00")]
    assert found.concerns == ()


def test_a_denied_claim_without_lines_is_noted_on_all_its_sessions() -> None:
    claims = claims_of("0", f"CLP*RC-1*4*350*0 CAS*CO*29*350 {MAYA}")
    found = only(matched(claims, line(), line(date="01/12/2026")))
    assert spread(found) == [("0.00", "0.00", "0.00")] * 2


def test_a_claim_without_lines_and_number_is_never_filled_in() -> None:
    claims = claims_of("175", f"CLP*0*1*175*175 {MAYA} DTM*232*20260105")
    session = line(claim="X")
    found = only(matched(claims, session))
    assert (found.level, found.shares, found.candidates) == (Level.C, (), (session.id,))
    assert only(matched(claims, line(member="", last="LIND"))).level is Level.D


def test_what_is_said_of_the_whole_claim_is_taken_from_its_lines_in_order() -> None:
    svc = f"SVC*HC:90837*175*130 {AT} CAS*CO*45*45"
    claims = claims_of("80", f"CLP*RC-1*1*350*80 CAS*PR*1*100 CAS*CO*97*80 {MAYA} {svc} {svc}")
    first, second, rest = matched(claims, line(), line())
    assert (rest.row.kind, rest.level) == (RowKind.CLAIM_LEVEL, Level.B3)
    assert spread(rest) == [("-130.00", "0.00", "100.00"), ("-50.00", "0.00", "0.00")]
    assert not rest.concerns
    assert (first.level, second.level) == (Level.A2, Level.A2)


def test_it_waits_until_all_lines_have_a_place() -> None:
    svc = "SVC*HC:{}*175*130 DTM*472*20260105 CAS*CO*45*45"
    claims = claims_of(
        "180",
        f"CLP*0*1*350*180 CAS*PR*1*80 {MAYA} {svc.format('90837')} {svc.format('99999')}",
    )
    session = line(claim="X")
    placed, lost, rest = matched(claims, session)
    assert (placed.level, lost.level, rest.level) == (Level.B2, Level.D, Level.C)
    assert (rest.shares, rest.candidates) == ((), (session.id,))


def test_reversing_it_gives_each_line_back_what_it_had() -> None:
    svc = f"SVC*HC:90837*-175*-130 {AT} CAS*CO*45*-45"
    claims = claims_of("-180", f"CLP*RC-1*22*-350*-180 CAS*PR*1*-80 {MAYA} {svc} {svc}")
    had = (
        posting(1, allocation="50", write_off="45", deductible="80"),
        posting(1, allocation="130", write_off="45"),
    )
    found = matched(claims, *(line(postings=(one,)) for one in had))
    assert [one.concerns for one in found] == [(), (), ()]
    assert spread(found[2]) == [("80.00", "0.00", "-80.00"), ("0.00", "0.00", "0.00")]


# ---------------------------------------------------------------------------- the worked series


def c1_lines():
    return [
        line("RC-1001-1", claim="RC-1001"),
        line("RC-1001-2", claim="RC-1001", date="01/12/2026"),
        line("RC-1002-1", claim="RC-1002", code="90791", date="01/06/2026", charge="220"),
        line("RC-1003-1", claim="RC-1003", code="90834", date="01/07/2026", charge="140"),
    ]


def test_c1_every_row_is_matched() -> None:
    one_payment = one_transaction(constructed(1))
    found = matched(one_payment.claims, *c1_lines())
    assert [one.level for one in found] == ["A1"] * 4
    assert unallocated(one_payment.payment.amount, one_payment.effects, [found]) == money("0")


def test_c2_after_c1_takes_back_and_pays_again() -> None:
    paid = posting(1, "EV26-77001", allocation="105", write_off="45", copay="25")
    lines = [
        line("RC-1001-1", claim="RC-1001", balance="0", postings=(paid,)),
        line("RC-1001-2", claim="RC-1001", date="01/12/2026", balance="0", postings=(paid,)),
        line("RC-1004-1", claim="RC-1004", date="01/19/2026"),
    ]
    found = matched(one_transaction(constructed(2)).claims, *lines)
    assert [(one.level, one.concerns) for one in found] == [("A1", ())] * 5
    assert [one.shares[0].takes_back for one in found] == [1, 1, None, None, None]


def test_c2_before_c1_is_amber_because_nothing_was_paid() -> None:
    lines = [
        line("RC-1001-1", claim="RC-1001"),
        line("RC-1001-2", claim="RC-1001", date="01/12/2026"),
        line("RC-1004-1", claim="RC-1004", date="01/19/2026"),
    ]
    found = matched(one_transaction(constructed(2)).claims, *lines)
    assert [bool(one.concerns) for one in found] == [True, True, False, False, False]
    assert found[0].concerns == ("takes back $105.00, nothing was paid",)


def test_c7_the_claim_level_deductible_goes_on_the_first_line() -> None:
    lines = [
        line("RC-1008-1", claim="RC-1008", date="02/16/2026"),
        line("RC-1008-2", claim="RC-1008", date="02/23/2026"),
    ]
    one_payment = one_transaction(constructed(7))
    found = matched(one_payment.claims, *lines)
    assert [one.level for one in found] == ["A1", "A1", "B3"]
    assert spread(found[2]) == [("-80.00", "0.00", "80.00"), ("0.00", "0.00", "0.00")]
    assert unallocated(one_payment.payment.amount, one_payment.effects, [found]) == money("0")


def test_c8_one_is_found_by_member_id_and_one_not_at_all() -> None:
    session = line("L", claim="RC-1", date="03/02/2026")
    one_payment = one_transaction(constructed(8))
    found = matched(one_payment.claims, session)
    assert [one.level for one in found] == ["B2", "D"]
    assert unallocated(one_payment.payment.amount, one_payment.effects, [found]) == money("150")
