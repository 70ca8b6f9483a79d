"""Writes 835 files: segments in a frame whose counts and numbers are right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from billing.era.importing import read_file
from billing.era.remittance import Claim
from tests.era.files import one_transaction


@dataclass(frozen=True)
class Style:
    """How the same file may be written down."""

    element: str = "*"
    component: str = ":"
    segment: str = "~"
    after: str = "\n"  # what follows each segment
    wrap: int = 0  # columns; 0 = not wrapped
    before: bytes = b""
    behind: bytes = b""

    def written(self, segments: Iterable[str]) -> bytes:
        """Segments given with * and : as separators."""
        text = "".join(
            segment.translate({ord("*"): self.element, ord(":"): self.component})
            + self.segment
            + self.after
            for segment in segments
        )
        if self.wrap:
            text = "\r\n".join(
                text[start : start + self.wrap] for start in range(0, len(text), self.wrap)
            )
        return self.before + text.encode() + self.behind


PLAIN = Style()

HEADER = (
    "DTM*405*20260120",
    "N1*PR*EVERGREEN HEALTH PLAN",
    "REF*2U*60054",
    "N1*PE*RIVERSIDE COUNSELING GROUP*XX*1999999984",
    "LX*1",
)


def transaction(
    amount: str,
    claims: Sequence[str],
    *,
    reference: str = "EFT-1",
    header: Sequence[str] = HEADER,
    method: str = "ACH",
) -> list[str]:
    """The segments between ST and SE. An amount below zero is a debit."""
    sign = "D" if amount.startswith("-") else "C"
    return [
        f"BPR*I*{amount.lstrip('-')}*{sign}*{method}************20260120",
        f"TRN*1*{reference}*1911234567",
        *header,
        *claims,
    ]


def interchange(
    transactions: Sequence[Sequence[str]], number: int = 1, *, groups: int = 1
) -> list[str]:
    """ISA to IEA, the transactions spread over so many groups."""
    segments = [
        "ISA*00*          *00*          *ZZ*EVERGREEN      *ZZ*RIVERSIDE      "
        f"*260120*0900*^*00501*{number:09d}*0*P*:"
    ]
    per_group = -(-len(transactions) // groups)
    filled = [
        transactions[start : start + per_group] for start in range(0, len(transactions), per_group)
    ]
    for group, inside in enumerate(filled, 1):
        segments.append(f"GS*HP*EVERGREEN*RIVERSIDE*20260120*0900*{group}*X*005010X221A1")
        for place, body in enumerate(inside, 1):
            segments += [f"ST*835*{place:04d}", *body, f"SE*{len(body) + 2}*{place:04d}"]
        segments.append(f"GE*{len(inside)}*{group}")
    return [*segments, f"IEA*{len(filled)}*{number:09d}"]


def era(amount: str, *claims: str, **options: object) -> bytes:
    """A file of one transaction; a claim's segments may be given as lines of one text."""
    segments = [segment for claim in claims for segment in claim.split()]
    return PLAIN.written(interchange([transaction(amount, segments, **options)]))  # type: ignore[arg-type]


def claims_of(amount: str, *claims: str) -> tuple[Claim, ...]:
    return one_transaction(era(amount, *claims)).claims


def refusal_codes(data: bytes) -> list[str]:
    return [one.code for one in read_file(data).all_refusals]
