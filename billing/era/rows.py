"""A claim's figures → the rows to place on sessions."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from billing.era.adjustments import Action
from billing.era.remittance import Adjustment, Amounts, Row, RowKind, ServiceLine
from billing.money import ZERO


def rows_of(
    *,
    charge: Decimal,
    paid: Decimal,
    adjustments: tuple[Adjustment, ...],
    lines: tuple[ServiceLine, ...],
    date: datetime.date | None,
    segments: tuple[int, int],
) -> tuple[Row, ...]:
    """What of a claim is placed.

    Without lines it is one row, to be spread over the claim's sessions. With one line, what the
    payer says of the whole claim can only mean that line. With several, it is a row of its own:
    it takes back what the lines were paid too much, and a person says from which.
    """
    if not lines:
        return (_row(RowKind.WHOLE_CLAIM, charge, paid, adjustments, date, segments),)
    if len(lines) == 1:
        return (_of_line(lines[0], adjustments),)
    rows = [_of_line(line) for line in lines]
    if adjustments:
        less = ZERO - _sum(adjustments)
        rows.append(_row(RowKind.CLAIM_LEVEL, ZERO, less, adjustments, date, segments))
    return tuple(rows)


def _of_line(line: ServiceLine, at_claim_level: tuple[Adjustment, ...] = ()) -> Row:
    return _row(
        RowKind.LINE,
        line.charge,
        line.paid - _sum(at_claim_level),
        line.adjustments + at_claim_level,
        line.date,
        line.segments,
        line,
    )


def _row(
    kind: RowKind,
    charge: Decimal,
    allocation: Decimal,
    adjustments: tuple[Adjustment, ...],
    date: datetime.date | None,
    segments: tuple[int, int],
    line: ServiceLine | None = None,
) -> Row:
    """Amounts of one action are added up with their signs: 23.20 and −0.06 are 23.14."""
    sums: defaultdict[Action, Decimal] = defaultdict(lambda: ZERO)
    for one in adjustments:
        sums[one.action] += one.amount
    return Row(
        kind=kind,
        charge=charge,
        amounts=Amounts(
            allocation=allocation,
            write_off=sums[Action.WRITE_OFF],
            deductible=sums[Action.DEDUCTIBLE],
            coinsurance=sums[Action.COINSURANCE],
            copay=sums[Action.COPAY],
            other=sums[Action.OTHER],
        ),
        prior_payer=sums[Action.PRIOR_PAYER],
        review=sums[Action.REVIEW],
        adjustments=adjustments,
        date=date,
        segments=segments,
        line=line,
    )


def _sum(adjustments: Iterable[Adjustment]) -> Decimal:
    return sum((one.amount for one in adjustments), ZERO)
