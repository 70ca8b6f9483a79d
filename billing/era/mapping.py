"""The segments of one 835 transaction → payment, claims, rows, provider adjustments.

Loops are told by position: a CLP opens a claim, an SVC a line of that claim, and what follows
belongs to the open line, else to the open claim. A CAS before the first SVC is about the whole
claim. LX and PLB close the claim.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from billing.era import proof, refusals
from billing.era.adjustments import ActionTable
from billing.era.reading import Segment, Separators
from billing.era.refusals import FileRefused, Finding
from billing.era.remittance import (
    METHODS,
    NOBODY,
    UNNAMED,
    Adjustment,
    Claim,
    Party,
    Payment,
    Person,
    ProviderAdjustment,
    ServiceLine,
    Transaction,
)
from billing.era.rows import rows_of
from billing.money import CENT, LARGEST, USD, ZERO

CLAIMS_LIMIT = 10_000
LINES_LIMIT = 100_000  # of a transaction: far above ten thousand real claims
MOST_OF_A_KIND = 100  # refusals or warnings
LONGEST_AMOUNT = 18  # as X12 has it; no payment is longer

# What an 835 may hold and we have no use for; anything else is worth a warning.
NOT_USED = frozenset(("PER", "N3", "N4", "RDM", "TS2", "TS3", "MIA", "QTY", "ST", "SE"))

_AMOUNT = re.compile(r"-?(?:[0-9]+(?:\.([0-9]*))?|\.([0-9]+))")
_DATE = re.compile(r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})")
_OTHER_SEPARATOR = re.compile(r"[A-Z0-9]{2}([^A-Za-z0-9\s])")
_REASON = re.compile(r"[A-Z0-9]{2}")


def read_amount(text: str) -> Decimal | None:
    """Plain digits, two decimals at most, a minus in front; nothing is 0.00. None: no amount."""
    if len(text) > LONGEST_AMOUNT:
        return None
    return _amount(text) if text else ZERO


@lru_cache(maxsize=8192)  # the same fees again and again
def _amount(text: str) -> Decimal | None:
    match = _AMOUNT.fullmatch(text)
    if match is None or len(match[1] or match[2] or "") > 2:
        return None
    return Decimal(text).quantize(CENT) + ZERO


def read_date(text: str) -> datetime.date | None:
    """CCYYMMDD of this century or the last; anything else is no date."""
    return _date(text) if len(text) == 8 else None


@lru_cache(maxsize=4096)
def _date(text: str) -> datetime.date | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        return datetime.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


# ---------------------------------------------------------------------------- what is still open


@dataclass(slots=True)
class _OpenLine:
    number: int
    first: int
    code: str
    paid_code: str
    modifiers: tuple[str, ...]
    charge: Decimal
    paid: Decimal
    units: str
    units_billed: str
    doubtful: bool
    control: str = ""
    allowed: Decimal | None = None
    dates: dict[str, datetime.date] = field(default_factory=dict)
    adjustments: list[Adjustment] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _OpenClaim:
    index: int
    first: int
    segment: Segment
    charge: Decimal = ZERO
    paid: Decimal = ZERO
    patient: Person = NOBODY
    corrected: Person | None = None
    crossover: bool = False
    forwarded_to: str = ""
    references: list[tuple[str, str]] = field(default_factory=list)
    dates: dict[str, datetime.date] = field(default_factory=dict)
    adjustments: list[Adjustment] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    lines: list[ServiceLine] = field(default_factory=list)
    readable: bool = True

    @property
    def control(self) -> str:
        return self.segment.at(1)

    @property
    def name(self) -> str:
        return refusals.claim_name(self.control, self.index)


@dataclass(slots=True)
class _OpenParty:
    party: Party
    references: list[tuple[str, str]] = field(default_factory=list)

    def closed(self) -> Party:
        one = self.party
        return Party(one.name, one.qualifier, one.id, tuple(self.references))


# ---------------------------------------------------------------------------- the reader


class TransactionReader:
    """Takes the segments of one ST…SE in order; `finish` gives the transaction."""

    def __init__(self, number: str, separators: Separators, actions: ActionTable) -> None:
        self.number = number
        self._component = separators.component
        self._actions = actions
        self._refusals: list[Finding] = []
        self._warnings: dict[Finding, None] = {}  # each once, in order
        self._counted: Counter[str] = Counter()
        self._lines = 0
        self._bpr: Segment | None = None
        self._amount = ZERO
        self._trn: Segment | None = None
        self._produced = ""
        self._currency = ""
        self._parties: dict[str, _OpenParty] = {}
        self._party: _OpenParty | None = None
        self._claim: _OpenClaim | None = None
        self._line: _OpenLine | None = None
        self._claims: list[Claim] = []
        self._provider_adjustments: list[ProviderAdjustment] = []
        self._readable = True  # every amount that rule T needs was one
        self._after_plb = False
        self._too_many = False
        self._at = 0
        self._take = {
            "BPR": self._read_bpr,
            "TRN": self._read_trn,
            "CUR": self._read_cur,
            "DTM": self._read_dtm,
            "N1": self._read_n1,
            "REF": self._read_ref,
            "LX": self._read_lx,
            "CLP": self._read_clp,
            "CAS": self._read_cas,
            "NM1": self._read_nm1,
            "MOA": self._read_moa,
            "AMT": self._read_amt,
            "SVC": self._read_svc,
            "LQ": self._read_lq,
            "PLB": self._read_plb,
        }

    def feed(self, segment: Segment, number: int) -> None:
        """The next segment; `number` counts from 1 at the ST."""
        self._at = number
        read = self._take.get(segment.id)
        if read is not None:
            read(segment)
        elif segment.id not in NOT_USED:
            self._warn(refusals.unknown_segment(segment.id))

    @property
    def where(self) -> str:
        """The claim that is being read, for a sentence about where a file was cut."""
        return self._claim.name if self._claim else ""

    def finish(
        self,
        *,
        interchange: str,
        sender: str,
        test: bool,
        version: str,
        envelope: tuple[Finding, ...] = (),
    ) -> Transaction:
        """Everything read and proved. `envelope` is what the count and the number said."""
        self._close_claim()
        payment = self._payment()
        if self._bpr is not None and self._readable and not self._too_many:
            for finding in proof.payment(
                payment, self._claims, self._provider_adjustments, self.number
            ):
                self._refuse(finding)
        return Transaction(
            number=self.number,
            interchange=interchange,
            sender=sender,
            test=test,
            version=version,
            payment=payment,
            claims=tuple(self._claims),
            provider_adjustments=tuple(self._provider_adjustments),
            refusals=refusals.in_order([*self._refusals, *envelope]),
            warnings=tuple(self._warnings),
        )

    # ------------------------------------------------------------------ the payment

    def _read_bpr(self, segment: Segment) -> None:
        if self._bpr is not None:
            self._out_of_order("a second payment (BPR)")
            return
        self._bpr = segment
        amount = self._amount_of(segment, 2)
        if segment.at(3) not in ("C", "D"):
            self._refuse(refusals.neither_credit_nor_debit(self._what, segment.at(3)))
            self._readable = False
        self._amount = ZERO - amount if segment.at(3) == "D" else amount

    def _read_trn(self, segment: Segment) -> None:
        if self._trn is None:
            self._trn = segment

    def _read_cur(self, segment: Segment) -> None:
        """What the payment is in; one segment stands before the claims."""
        if self._in_header and not self._currency:
            self._currency = segment.at(2)

    def _payment(self) -> Payment:
        bpr, trn = self._bpr, self._trn or Segment("TRN", ())
        if bpr is None:
            self._refuse(refusals.no_payment(self.number))
        if not trn.at(2):
            self._refuse(refusals.no_reference(self.number))
        payer, payee = (self._parties.get(kind) or _OpenParty(UNNAMED) for kind in ("PR", "PE"))
        if bpr is None:
            return Payment(
                reference=trn.at(2),
                originator=trn.at(3),
                produced=self._produced,
                currency=self._currency or USD,
                payer=payer.closed(),
                payee=payee.closed(),
            )
        text = bpr.at(16)
        date = read_date(text)
        if date is None:
            warning = refusals.not_a_date(text) if text else refusals.no_date()
            self._warn(warning)
        return Payment(
            amount=self._amount,
            debit=bpr.at(3) == "D",
            handling=bpr.at(1),
            method=METHODS.get(bpr.at(4), "Other"),
            date=date,
            date_text=text,
            reference=trn.at(2),
            originator=trn.at(3),
            produced=self._produced,
            currency=self._currency or USD,
            payer=payer.closed(),
            payee=payee.closed(),
        )

    def _read_n1(self, segment: Segment) -> None:
        """Who pays and who is paid stands before the claims, once."""
        kind = segment.at(1)
        self._party = None
        if self._in_header and kind in ("PR", "PE") and kind not in self._parties:
            party = Party(segment.at(2), segment.at(3), segment.at(4))
            self._party = self._parties[kind] = _OpenParty(party)

    @property
    def _in_header(self) -> bool:
        return self._claim is None and not self._claims and not self._after_plb

    # ------------------------------------------------------------------ a claim

    def _read_lx(self, _: Segment) -> None:
        self._close_claim()
        self._party = None

    def _read_clp(self, segment: Segment) -> None:
        self._close_claim()
        self._party = None
        if self._after_plb:
            self._out_of_order("a claim (CLP) after the provider adjustments (PLB)")
        if len(self._claims) >= CLAIMS_LIMIT:
            if not self._too_many:
                self._refuse(refusals.too_many("claims", self.number, CLAIMS_LIMIT))
            self._too_many = True
            return
        self._claim = _OpenClaim(len(self._claims), self._at, segment)
        self._claim.charge = self._amount_of(segment, 3)
        self._claim.paid = self._amount_of(segment, 4)

    def _close_claim(self) -> None:
        self._close_line()
        claim, self._claim = self._claim, None
        if claim is None:
            return
        segments = (claim.first, self._at - 1)
        dates = (claim.dates.get("232"), claim.dates.get("233"))
        adjustments, lines = tuple(claim.adjustments), tuple(claim.lines)
        closed = Claim(
            index=claim.index,
            control=claim.control,
            status=claim.segment.at(2),
            charge=claim.charge,
            paid=claim.paid,
            payer_claim=claim.segment.at(7),
            frequency=claim.segment.at(9),
            patient=claim.patient,
            corrected=claim.corrected,
            crossover=claim.crossover,
            forwarded_to=claim.forwarded_to,
            references=tuple(claim.references),
            dates=dates,
            adjustments=adjustments,
            remarks=tuple(claim.remarks),
            lines=lines,
            rows=rows_of(
                charge=claim.charge,
                paid=claim.paid,
                adjustments=adjustments,
                lines=lines,
                date=dates[0] or dates[1],
                segments=segments,
            ),
            readable=claim.readable,
            segments=segments,
        )
        if closed.readable:
            for finding in proof.claim(closed):
                self._refuse(finding)
        self._claims.append(closed)

    def _read_nm1(self, segment: Segment) -> None:
        claim = self._claim
        if claim is None:
            return
        kind = segment.at(1)
        person = Person(segment.at(3), segment.at(4), segment.at(9))
        if kind == "QC":
            claim.patient = person
        elif kind == "74":
            claim.corrected = person
        elif kind == "TT":
            claim.crossover = True
            claim.forwarded_to = person.name

    def _read_moa(self, segment: Segment) -> None:
        if self._claim is not None:
            codes = (segment.at(position) for position in range(3, 8))
            self._claim.remarks += [code for code in codes if code]

    def _read_ref(self, segment: Segment) -> None:
        kind, value = segment.at(1), segment.at(2)
        if self._line is not None:
            if kind == "6R" and not self._line.control:
                self._line.control = value
        elif self._claim is not None:
            self._claim.references.append((kind, value))
        elif self._party is not None:
            self._party.references.append((kind, value))

    def _read_dtm(self, segment: Segment) -> None:
        kind, date = segment.at(1), read_date(segment.at(2))
        if self._claim is None:
            if kind == "405" and not self._produced:
                self._produced = segment.at(2)
        elif date is not None:
            (self._line or self._claim).dates.setdefault(kind, date)

    def _read_amt(self, segment: Segment) -> None:
        if self._line is not None and segment.at(1) == "B6":
            self._line.allowed = read_amount(segment.at(2))

    def _read_lq(self, segment: Segment) -> None:
        if self._claim is not None and segment.at(1) == "HE" and segment.at(2):
            (self._line or self._claim).remarks.append(segment.at(2))

    def _read_cas(self, segment: Segment) -> None:
        """Up to six reasons, each with its amount, under one group."""
        claim = self._claim
        if claim is None:
            self._out_of_order("an adjustment (CAS) before any claim (CLP)")
            return
        group = segment.at(1)
        for position in range(2, 18, 3):
            reason = segment.at(position)
            if not reason and not segment.at(position + 1):
                continue
            amount = self._amount_of(segment, position + 1)
            rule = self._actions.rule_for(group, reason)
            one = Adjustment(group, reason, amount, rule.action, rule.needs_look)
            (self._line or claim).adjustments.append(one)

    # ------------------------------------------------------------------ a line

    def _read_svc(self, segment: Segment) -> None:
        self._close_line()
        claim = self._claim
        if claim is None:
            self._out_of_order("a service line (SVC) before any claim (CLP)")
            return
        self._lines += 1
        if self._lines > LINES_LIMIT:
            raise FileRefused(refusals.too_many("lines", self.number, LINES_LIMIT))
        separator = self._component
        paid = segment.at(1)
        doubtful = separator not in paid
        if doubtful:
            separator = self._other_separator(paid)
        parts = self._parts(paid, separator)
        billed = self._parts(segment.at(6), separator)
        paid_code = parts[1] if len(parts) > 1 else ""
        self._line = _OpenLine(
            number=len(claim.lines) + 1,
            first=self._at,
            code=(billed[1] if len(billed) > 1 else "") or paid_code,
            paid_code=paid_code,
            modifiers=tuple(part for part in parts[2:6] if part),
            charge=self._amount_of(segment, 2),
            paid=self._amount_of(segment, 3),
            units=segment.at(5),
            units_billed=segment.at(7),
            doubtful=doubtful,
        )

    def _other_separator(self, procedure: str) -> str:
        """What a procedure uses where the announced separator should be; "" when nothing."""
        match = _OTHER_SEPARATOR.match(procedure)
        if match is None:
            self._warn(refusals.no_separator(procedure, self._component))
            return ""
        self._warn(refusals.other_separator(match[1], self._component))
        return match[1]

    @staticmethod
    def _parts(composite: str, separator: str) -> list[str]:
        if not separator:
            return [composite]
        return [part.strip() for part in composite.split(separator)]

    def _close_line(self) -> None:
        line, self._line = self._line, None
        claim = self._claim
        if line is None or claim is None:
            return
        dates = line.dates
        own = dates.get("472") or dates.get("150") or dates.get("151")
        claim.lines.append(
            ServiceLine(
                number=line.number,
                code=line.code,
                paid_code=line.paid_code,
                modifiers=line.modifiers,
                charge=line.charge,
                paid=line.paid,
                units=line.units,
                units_billed=line.units_billed,
                control=line.control,
                date=own or claim.dates.get("232") or claim.dates.get("233"),
                allowed=line.allowed,
                adjustments=tuple(line.adjustments),
                remarks=tuple(line.remarks),
                doubtful=line.doubtful,
                segments=(line.first, self._at - 1),
            )
        )

    # ------------------------------------------------------------------ provider adjustments

    def _read_plb(self, segment: Segment) -> None:
        """Up to six pairs: reason:reference, amount."""
        self._close_claim()
        self._party = None
        self._after_plb = True
        for position in range(3, 14, 2):
            what, amount = segment.at(position), segment.at(position + 1)
            if not what and not amount:
                continue
            parts = self._parts(what, self._component)
            if not _REASON.fullmatch(parts[0]):
                words = "*".join(element for element in segment.elements[2:] if element)
                self._refuse(refusals.not_a_provider_adjustment(words))
                self._readable = False
                return
            self._provider_adjustments.append(
                ProviderAdjustment(
                    code=parts[0],
                    reference=parts[1] if len(parts) > 1 else "",
                    amount=self._amount_of(segment, position + 1),
                    provider=segment.at(1),
                    segment=self._at,
                )
            )

    # ------------------------------------------------------------------ what is wrong

    def _refuse(self, finding: Finding) -> None:
        """Of one kind no more than somebody would read."""
        self._counted[finding.code] += 1
        if self._counted[finding.code] <= MOST_OF_A_KIND:
            self._refusals.append(finding)

    def _warn(self, finding: Finding) -> None:
        if len(self._warnings) < MOST_OF_A_KIND:
            self._warnings[finding] = None

    @property
    def _what(self) -> str:
        """What is being read, for a sentence."""
        return self._claim.name if self._claim else f"Transaction {refusals.short(self.number)}"

    def _amount_of(self, segment: Segment, position: int) -> Decimal:
        text = segment.at(position)
        amount = read_amount(text)
        if amount is not None and abs(amount) <= LARGEST:
            return amount
        say = refusals.not_an_amount if amount is None else refusals.amount_too_large
        self._refuse(say(self._what, text, f"{segment.id}{position:02d}"))
        self._readable = False
        if self._claim is not None:
            self._claim.readable = False
        return ZERO

    def _out_of_order(self, what: str) -> None:
        if not self._too_many:
            self._refuse(refusals.out_of_order(self.number, what, self._at))
