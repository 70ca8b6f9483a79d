"""A remittance of 10,000 claims: read, proved and matched, in a process of its own.

    python -m benchmarks.era [claims]

Peak memory is what the system says the process ever held, Python and the app's imports included.
The floor is the file cut into its segments and their elements, and nothing else.
"""

from __future__ import annotations

import datetime
import json
import os
import random
import resource
import subprocess
import sys
import time
from decimal import Decimal
from typing import Any

CLAIMS = 10_000
HEADINGS = ("work", "claims", "segments", "app s", "floor s", "peak MB")
WIDTHS = (24, 6, 8, 6, 7, 7)

FEES = (("90791", 220), ("90834", 140), ("90837", 175), ("90847", 160), ("99213", 120))
FIRST_DAY = datetime.date(2025, 10, 1)


def remittance(claims: int) -> tuple[bytes, list[Any]]:
    """A balanced file, the same every time, and the sessions it pays: most claims are paid, some
    are denied, some are secondary, some go to the deductible, some are taken back."""
    from billing.era.matching import SessionLine
    from tests.era.writing import PLAIN, interchange, transaction

    dice = random.Random(1)
    segments: list[str] = []
    sessions: list[Any] = []
    total = Decimal(0)
    for number in range(claims):
        kind = dice.choices(
            ("paid", "denied", "secondary", "deductible", "reversal"), (80, 5, 8, 4, 3)
        )[0]
        lines: list[str] = []
        charged = paid = Decimal(0)
        sign = -1 if kind == "reversal" else 1
        for place in range(dice.randint(1, 4)):
            code, fee = dice.choice(FEES)
            charge = Decimal(fee)
            day = FIRST_DAY + datetime.timedelta(dice.randint(0, 90))
            allowed = Decimal(fee * dice.randint(55, 95)).scaleb(-2)
            reduced = {
                "paid": [("CO*45", charge - allowed), ("PR*3", Decimal(25))],
                "reversal": [("CO*45", charge - allowed), ("PR*3", Decimal(25))],
                "denied": [("CO*197", charge)],
                "secondary": [("OA*23", charge - allowed / 4)],
                "deductible": [("CO*45", charge - allowed), ("PR*1", allowed)],
            }[kind]
            reduced = [(why, amount.quantize(Decimal("0.01"))) for why, amount in reduced]
            net = charge - sum(amount for _, amount in reduced)
            lines += [
                f"SVC*HC:{code}*{sign * charge}*{sign * net}**1",
                f"DTM*472*{day:%Y%m%d}",
                *(f"CAS*{why}*{sign * amount}" for why, amount in reduced),
                f"REF*6R*L{number}-{place}",
                f"AMT*B6*{allowed}",
            ]
            charged += sign * charge
            paid += sign * net
            sessions.append(
                SessionLine(
                    id=len(sessions),
                    claim=number,
                    claim_control=f"C{number}",
                    line_control=f"L{number}-{place}",
                    code=code,
                    date=day,
                    charge=charge,
                    payer=1,
                    last_name=f"LAST{number}",
                    first_name="FIRST",
                    member_ids=(f"M{number}",),
                    insurance_balance=charge,
                )
            )
        status = {"denied": "4", "secondary": "2", "reversal": "22"}.get(kind, "1")
        segments += [
            f"CLP*C{number}*{status}*{charged}*{paid}**12*EV{number}*11*1",
            f"NM1*QC*1*LAST{number}*FIRST****MI*M{number}",
            *lines,
        ]
        total += paid
    return PLAIN.written(interchange([transaction(str(total), segments)])), sessions


def one(work: str, claims: int) -> dict[str, Any]:
    """One measurement, in this process."""
    from billing.era.importing import read_file
    from billing.era.matching import Candidates, Level, match

    data, sessions = remittance(claims)
    if work == "read and prove":
        sessions.clear()
    start = time.perf_counter()
    file = read_file(data)
    (found,) = file.importable()
    if work == "read, prove and match":
        matches = match(found.claims, Candidates(sessions, payer=1))
    spent = time.perf_counter() - start
    assert len(found.claims) == claims
    assert found.unallocated == 0
    if work == "read, prove and match":
        assert {each.level for of_claim in matches for each in of_claim} == {Level.A1}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    cut = [segment.split("*") for segment in data.decode().split("~\n")]
    return {
        "work": work,
        "claims": claims,
        "segments": len(cut) - 1,
        "app": spent,
        "floor": time.perf_counter() - start,
        "peak": peak * (1 if sys.platform == "darwin" else 1024) // 1_000_000,
    }


def cells(values: tuple[str, ...]) -> str:
    text = [f"{values[0]:<{WIDTHS[0]}}"]
    text += [f"{cell:>{width}}" for cell, width in zip(values[1:], WIDTHS[1:], strict=True)]
    return f"| {' | '.join(text)} |"


def main(claims: int = CLAIMS) -> None:
    print(cells(HEADINGS))
    print(cells(("-" * WIDTHS[0], *("--:" for _ in WIDTHS[1:]))))
    for work in ("read and prove", "read, prove and match"):
        child = [sys.executable, "-m", "benchmarks.era", "--one", work, str(claims)]
        answer = subprocess.run(child, check=True, capture_output=True, text=True).stdout
        found = json.loads(answer)
        print(
            cells(
                (
                    found["work"],
                    str(found["claims"]),
                    str(found["segments"]),
                    f"{found['app']:.2f}",
                    f"{found['floor']:.2f}",
                    str(found["peak"]),
                )
            ),
            flush=True,
        )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(sys.argv[2], int(sys.argv[3]))))
    else:
        main(*(int(number) for number in sys.argv[1:2]))
