"""Made-up session lines for the tests of matching."""

from __future__ import annotations

import datetime
from decimal import Decimal
from itertools import count

from billing.era.matching import Candidates, Match, Posting, SessionLine, match
from billing.era.remittance import Amounts, Claim

EVERGREEN = 1
_ids = count(1)


def money(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"))


def amounts(**parts: str) -> Amounts:
    return Amounts(**{part: money(text) for part, text in parts.items()})


def day(text: str) -> datetime.date:
    return datetime.datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007


def line(
    control: str = "",
    *,
    claim: str = "RC-1",
    code: str = "90837",
    date: str = "01/05/2026",
    charge: str = "175",
    payer: int = EVERGREEN,
    last: str = "RIVERA",
    first: str = "MAYA",
    member: str = "EV100001",
    balance: str | None = None,
    postings: tuple[Posting, ...] = (),
    claim_id: int | None = None,
) -> SessionLine:
    return SessionLine(
        id=next(_ids),
        claim=hash(claim) if claim_id is None else claim_id,
        claim_control=claim,
        line_control=control,
        code=code,
        date=day(date),
        charge=money(charge),
        payer=payer,
        last_name=last,
        first_name=first,
        member_ids=(member,) if member else (),
        insurance_balance=money(balance or charge),
        postings=postings,
    )


def posting(number: int, payer_claim: str = "", **parts: str) -> Posting:
    return Posting(number, payer_claim, amounts(**parts))


def matched(claims: tuple[Claim, ...] | list[Claim], *lines: SessionLine) -> list[Match]:
    """The matches of all rows, claim after claim."""
    found = match(claims, Candidates(lines, payer=EVERGREEN))
    return [one for of_claim in found for one in of_claim]
