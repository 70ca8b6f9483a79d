"""A remittance in our words: what one uploaded file says, as values that never change.

File → Transaction (one check or EFT) → Claim → Row. A *row* is what is placed on sessions: one
service line, or one claim without lines, or what a claim of several lines says of the whole
claim. Nothing here knows our patients; `matching` does.
"""

from __future__ import annotations

import datetime
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from billing.era.adjustments import Action
from billing.era.refusals import Finding
from billing.money import USD, ZERO

# ---------------------------------------------------------------------------- who


@dataclass(frozen=True, slots=True)
class Party:
    """The payer or the payee, as the file names them."""

    name: str = ""
    qualifier: str = ""  # of the id: XX = NPI, FI = tax id, XV = plan id
    id: str = ""
    references: tuple[tuple[str, str], ...] = ()  # (REF01, REF02): 2U, TJ, PQ …

    def reference(self, *kinds: str) -> str:
        """The first reference of these kinds, the kinds in order."""
        for kind in kinds:
            for found, value in self.references:
                if found == kind:
                    return value
        return ""


@dataclass(frozen=True, slots=True)
class Person:
    last: str = ""
    first: str = ""
    id: str = ""  # the member id

    @property
    def name(self) -> str:
        """RIVERA, MAYA"""
        return ", ".join(part for part in (self.last, self.first) if part)


UNNAMED = Party()
NOBODY = Person()


# ---------------------------------------------------------------------------- what was decided


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One reason why less was paid than charged, and what we do about it."""

    group: str
    reason: str
    amount: Decimal
    action: Action
    needs_look: bool = False

    @property
    def code(self) -> str:
        return f"{self.group}-{self.reason}"


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """One SVC, with the figures exactly as the file has them."""

    number: int  # in its claim, from 1
    code: str  # as billed: SVC06-2, else as paid
    paid_code: str  # SVC01-2
    modifiers: tuple[str, ...]
    charge: Decimal
    paid: Decimal
    units: str
    units_billed: str
    control: str  # REF*6R
    date: datetime.date | None
    allowed: Decimal | None  # AMT*B6, information only
    adjustments: tuple[Adjustment, ...]
    remarks: tuple[str, ...]
    doubtful: bool  # its code was not divided as the file announces (W4)
    segments: tuple[int, int]

    @property
    def changed(self) -> bool:
        """The payer paid another procedure than was billed."""
        return bool(self.paid_code) and self.code != self.paid_code


class RowKind(StrEnum):
    LINE = "line"
    WHOLE_CLAIM = "whole claim"
    CLAIM_LEVEL = "claim level"


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is posted on a session: money, write-off, and what the patient owes, by kind."""

    allocation: Decimal = ZERO
    write_off: Decimal = ZERO
    deductible: Decimal = ZERO
    coinsurance: Decimal = ZERO
    copay: Decimal = ZERO
    other: Decimal = ZERO

    @property
    def patient(self) -> Decimal:
        return self.deductible + self.coinsurance + self.copay + self.other

    @property
    def total(self) -> Decimal:
        """How much less the insurer owes on the session afterwards."""
        return self.allocation + self.write_off + self.patient


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to place: charge = allocation + write-off + patient + prior payer + review."""

    kind: RowKind
    charge: Decimal
    amounts: Amounts
    prior_payer: Decimal  # posts nothing: earlier payers did that (OA-23)
    review: Decimal  # stays due from the insurer until somebody decides
    adjustments: tuple[Adjustment, ...]
    date: datetime.date | None
    segments: tuple[int, int]
    line: ServiceLine | None = None

    @property
    def code(self) -> str:
        return self.line.code if self.line else ""

    @property
    def control(self) -> str:
        return self.line.control if self.line else ""

    @property
    def remarks(self) -> tuple[str, ...]:
        return self.line.remarks if self.line else ()


# CLP02 → what the payer processed it as
STATUSES = {
    "1": "primary",
    "2": "secondary",
    "3": "tertiary",
    "4": "denied",
    "19": "primary, forwarded",
    "20": "secondary, forwarded",
    "21": "tertiary, forwarded",
    "22": "reversal",
    "23": "not theirs, forwarded",
    "25": "predetermination only, no payment",
}
REVERSAL = "22"
FORWARDED = ("19", "20", "21")
POST_NOTHING = ("23", "25")


@dataclass(frozen=True, slots=True)
class Claim:
    """One CLP with everything below it."""

    index: int
    control: str  # CLP01, what we sent
    status: str
    charge: Decimal
    paid: Decimal
    payer_claim: str  # CLP07
    frequency: str  # CLP09: 7 = a correction
    patient: Person
    corrected: Person | None  # NM1*74
    crossover: bool  # an NM1*TT
    forwarded_to: str
    references: tuple[tuple[str, str], ...]
    dates: tuple[datetime.date | None, datetime.date | None]  # DTM*232, 233
    adjustments: tuple[Adjustment, ...]  # those before the first SVC
    remarks: tuple[str, ...]
    lines: tuple[ServiceLine, ...]
    rows: tuple[Row, ...]
    readable: bool  # every amount was one
    segments: tuple[int, int]

    @property
    def meaning(self) -> str:
        return STATUSES.get(self.status, f"status {self.status}")

    @property
    def is_reversal(self) -> bool:
        return self.status == REVERSAL

    @property
    def posts(self) -> bool:
        return self.status not in POST_NOTHING

    @property
    def forwarded(self) -> bool:
        return self.crossover or self.status in FORWARDED

    @property
    def original(self) -> str:
        """The payer's number of the claim this one takes back or corrects (REF*F8)."""
        return next((value for kind, value in self.references if kind == "F8"), "")

    @property
    def wrong_sign(self) -> bool:
        """A reversal whose charge is not negative."""
        return self.is_reversal and self.charge > 0


# ---------------------------------------------------------------------------- money of no session

PROVIDER_ADJUSTMENTS = {
    "50": "late filing penalty",
    "51": "interest penalty",
    "72": "refund acknowledged",
    "AH": "origination fee",
    "AM": "applied to borrower's account",
    "AP": "accelerated payment",
    "B2": "rebate",
    "B3": "recovery allowance",
    "BD": "bad debt adjustment",
    "BN": "bonus",
    "C5": "temporary allowance",
    "CR": "capitation interest",
    "CS": "adjustment",
    "CT": "capitation payment",
    "CV": "capital passthrough",
    "CW": "certified anesthetist passthrough",
    "DM": "direct medical education passthrough",
    "E3": "withholding",
    "FB": "forwarding balance",
    "FC": "fund allocation",
    "GO": "graduate medical education passthrough",
    "HM": "hemophilia supplement",
    "IP": "incentive premium",
    "IR": "tax withheld",
    "IS": "interim settlement",
    "J1": "nonreimbursable",
    "L3": "penalty",
    "L6": "interest",
    "LE": "levy",
    "LS": "lump sum",
    "OA": "organ acquisition passthrough",
    "OB": "offset for affiliated providers",
    "PI": "periodic interim payment",
    "PL": "final settlement",
    "RA": "retroactive adjustment",
    "RE": "return on equity",
    "SL": "student loan repayment",
    "TL": "third party liability",
    "WO": "overpayment recovery",
    "WU": "unspecified recovery",
}


class OffsetKind(StrEnum):
    """What a provider adjustment means for the books."""

    RECOVERY = "recovery"  # an overpayment taken back now
    DEFERRED = "recovery deferred"  # the payer will take it back later
    FORWARDED = "forwarded"  # more taken back than paid: a debt moves to a later payment
    COLLECTED = "forwarded balance collected"
    REFUND = "refund acknowledged"
    INTEREST = "interest"
    EXPENSE = "expense"
    INCOME = "other income"
    REVIEW = "to review"


_EXPENSES = ("L3", "50", "51", "LE", "E3", "IR", "AH", "AM")
_INCOME = (
    *("AP", "B2", "B3", "BN", "C5", "CR", "CT", "CV", "CW", "DM", "FC", "GO", "HM", "IP"),
    *("IS", "LS", "OA", "PI", "PL", "RA", "RE"),
)


@dataclass(frozen=True, slots=True)
class ProviderAdjustment:
    """One pair of a PLB: money of this payment that belongs to no session."""

    code: str
    reference: str
    amount: Decimal  # with PLB's sign: positive = the payer kept money
    provider: str
    segment: int

    @property
    def effect(self) -> Decimal:
        """What it does to this payment."""
        return ZERO - self.amount

    @property
    def meaning(self) -> str:
        return PROVIDER_ADJUSTMENTS.get(self.code, "adjustment")

    @property
    def kind(self) -> OffsetKind:
        if self.code == "WO":
            return OffsetKind.DEFERRED if self.amount < 0 else OffsetKind.RECOVERY
        if self.code == "FB":
            return OffsetKind.FORWARDED if self.amount < 0 else OffsetKind.COLLECTED
        if self.code == "72":
            return OffsetKind.REFUND
        if self.code == "L6":
            return OffsetKind.INTEREST
        if self.code in _EXPENSES:
            return OffsetKind.EXPENSE
        return OffsetKind.INCOME if self.code in _INCOME else OffsetKind.REVIEW


# ---------------------------------------------------------------------------- the payment

METHODS = {"ACH": "EFT", "CHK": "Check", "FWT": "Wire", "NON": "None", "BOP": "Other"}  # BPR04


@dataclass(frozen=True, slots=True)
class Payment:
    """The check or EFT: BPR, TRN and who it is from and for."""

    amount: Decimal = ZERO  # negative when debited
    debit: bool = False
    handling: str = ""
    method: str = ""
    date: datetime.date | None = None
    date_text: str = ""  # BPR16 as it stands
    reference: str = ""
    originator: str = ""
    produced: str = ""  # DTM*405 as it stands: shown only
    currency: str = USD  # CUR02; an 835 that does not say pays US dollars
    payer: Party = UNNAMED
    payee: Party = UNNAMED

    @property
    def notice_only(self) -> bool:
        """No money moves: a notice about claims."""
        return self.method == "None"


@dataclass(frozen=True, slots=True)
class Transaction:
    """One ST…SE: one payment, one payment screen."""

    number: str  # ST02
    interchange: str  # ISA13
    sender: str  # ISA06
    test: bool
    version: str  # GS08
    payment: Payment
    claims: tuple[Claim, ...]
    provider_adjustments: tuple[ProviderAdjustment, ...]
    refusals: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def rows(self) -> Iterator[Row]:
        return (row for claim in self.claims for row in claim.rows)

    def corrections(self) -> dict[int, int]:
        """Index of a reversal → index of the claim after it that says it anew, where one does:
        by the payer's number of the original, else by our number and the same charge.

        Both are posted, each on its own; on the screen they are one pair.
        """
        waiting: defaultdict[tuple[object, ...], deque[int]] = defaultdict(deque)
        pairs: dict[int, int] = {}
        for claim in self.claims:
            if claim.is_reversal:
                for number in dict.fromkeys((claim.payer_claim, claim.original)):
                    waiting["payer's", number].append(claim.index)
                waiting["ours", claim.control, claim.charge].append(claim.index)
                continue
            keys: list[tuple[object, ...]] = []
            if claim.original:
                keys.append(("payer's", claim.original))
            if claim.control.strip("0 "):
                keys.append(("ours", claim.control, -claim.charge))
            for key in keys:
                while waiting[key] and waiting[key][0] in pairs:
                    waiting[key].popleft()
                if waiting[key]:
                    pairs[waiting[key].popleft()] = claim.index
                    break
        return pairs

    @property
    def allocations(self) -> Decimal:
        return sum((row.amounts.allocation for row in self.rows), ZERO)

    @property
    def effects(self) -> Decimal:
        return sum((one.effect for one in self.provider_adjustments), ZERO)

    @property
    def unallocated(self) -> Decimal:
        """What is left once every row is placed: 0.00 in every transaction that adds up."""
        return self.payment.amount - self.allocations - self.effects


@dataclass(frozen=True, slots=True)
class File:
    """One uploaded file. A refusal of the file keeps out all of its transactions."""

    transactions: tuple[Transaction, ...] = ()
    interchanges: tuple[tuple[str, str], ...] = ()  # (ISA06, ISA13), for W11
    refusals: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    def importable(self) -> tuple[Transaction, ...]:
        if self.refusals:
            return ()
        return tuple(one for one in self.transactions if not one.refusals)

    @property
    def all_refusals(self) -> tuple[Finding, ...]:
        """Of the file, then of each transaction."""
        return self.refusals + tuple(
            finding for one in self.transactions for finding in one.refusals
        )

    @property
    def all_warnings(self) -> tuple[Finding, ...]:
        return self.warnings + tuple(
            finding for one in self.transactions for finding in one.warnings
        )
