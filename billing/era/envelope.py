"""ISA, GS and ST around the transactions: which segment belongs to which, counts and numbers.

What is wrong with an ISA or a GS keeps out the file; what is wrong with an ST, its transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from billing.era import refusals
from billing.era.reading import Interchange, Segment
from billing.era.refusals import FileRefused, Finding

REMITTANCE = "835"
VERSION = "005010X221"


@dataclass(slots=True)
class Frame:
    """One ST…SE."""

    number: str
    type: str
    version: str  # GS08 of its group
    count: int = 0
    closed: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_remittance(self) -> bool:
        return self.type == REMITTANCE


class Envelope:
    """Follows one interchange segment by segment."""

    def __init__(self, interchange: Interchange) -> None:
        self.interchange = interchange
        self.findings: list[Finding] = []  # about the file
        self.types: list[str] = []  # of every ST, in order
        self.last = ("ISA", 0)  # the last segment, and its number in its transaction
        self._group: Segment | None = None
        self._groups = 0
        self._in_group = 0
        self._frame: Frame | None = None
        self._follow: dict[str, Callable[[Segment], Frame | None]] = {
            "ISA": self._isa,
            "GS": self._gs,
            "ST": self._st,
            "SE": self._se,
            "GE": self._ge,
            "IEA": self._iea,
        }

    def follow(self, segment: Segment) -> Frame | None:
        """The transaction a segment belongs to, from its ST to its SE; None outside of all."""
        follow = self._follow.get(segment.id)
        if follow is not None:
            frame = follow(segment)
        else:
            frame = self._frame
            if frame is not None:
                frame.count += 1
            elif segment.id != "TA1":
                raise FileRefused(refusals.outside(segment.id, self.last[0]))
        self.last = (segment.id, frame.count if frame else 0)
        return frame

    def missing(self) -> list[str]:
        """The closing segments still to come, innermost first."""
        frame = ["SE"] if self._frame is not None else []
        group = ["GE"] if self._group is not None else []
        return [*frame, *group, *([] if self.interchange.closed else ["IEA"])]

    # ------------------------------------------------------------------ opening

    def _isa(self, segment: Segment) -> None:
        if self.last != ("ISA", 0) or self._groups:
            raise FileRefused(refusals.outside("ISA", self.last[0]))

    def _gs(self, segment: Segment) -> None:
        self._must_be_closed("GS")
        self._group = segment
        self._groups += 1
        self._in_group = 0

    def _st(self, segment: Segment) -> Frame:
        self._must_be_closed("ST", group=False)
        if self._group is None:
            raise FileRefused(refusals.outside("ST", self.last[0]))
        self._in_group += 1
        self.types.append(segment.at(1))
        self._frame = Frame(segment.at(2), segment.at(1), self._group.at(8), count=1)
        return self._frame

    # ------------------------------------------------------------------ closing

    def _se(self, segment: Segment) -> Frame:
        frame, self._frame = self._frame, None
        if frame is None:
            raise FileRefused(refusals.outside("SE", self.last[0]))
        frame.count += 1
        frame.closed = True
        name = f"Transaction {refusals.short(frame.number)}"
        if _number(segment.at(1)) != frame.count:
            frame.findings.append(
                refusals.wrong_count(name, "segments", segment.at(1), frame.count)
            )
        if segment.at(2) != frame.number:
            frame.findings.append(
                refusals.wrong_number(name, segment.at(2), frame.number, "SE02 and ST02")
            )
        return frame

    def _ge(self, segment: Segment) -> None:
        self._must_be_closed("GE", group=False)
        group, self._group = self._group, None
        if group is None:
            raise FileRefused(refusals.outside("GE", self.last[0]))
        begin = group.at(6)
        if _number(segment.at(1)) != self._in_group:
            self.findings.append(
                refusals.wrong_count(
                    f"Group {refusals.short(begin)}", "transactions", segment.at(1), self._in_group
                )
            )
        if segment.at(2) != begin:
            self.findings.append(
                refusals.wrong_number(
                    f"Group {refusals.short(begin)}", segment.at(2), begin, "GE02 and GS06"
                )
            )

    def _iea(self, segment: Segment) -> None:
        self._must_be_closed("IEA")
        begin = self.interchange.control
        if _number(segment.at(1)) != self._groups:
            self.findings.append(
                refusals.wrong_count("The file", "groups", segment.at(1), self._groups)
            )
        if segment.at(2) != begin:
            self.findings.append(
                refusals.wrong_number("The file", segment.at(2), begin, "IEA02 and ISA13")
            )

    def _must_be_closed(self, found: str, *, group: bool = True) -> None:
        if self._frame is not None:
            of = f"transaction {refusals.short(self._frame.number)}"
            raise FileRefused(refusals.not_closed("SE", of, found))
        if group and self._group is not None:
            of = f"group {refusals.short(self._group.at(6))}"
            raise FileRefused(refusals.not_closed("GE", of, found))


def _number(text: str) -> int:
    """A count; −1 when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1
