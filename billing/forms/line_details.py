"""What an insurer says on a line besides money, as a row of the grid keeps and shows it.

A row carries it packed in one hidden field, `line-<row>-says`, so that 400 lines of a remittance
stay a form of moderate size. Where somebody opens the row's details, fields of their own stand
beside it (`line-<row>-deductible` and so on) and count instead of what is packed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

from billing.forms.grid import box_name, plain
from billing.models import Outcome, ResponsibilityKind
from billing.money import AmountError, parse_or_zero
from billing.sharing import NEXT, PATIENT, STAYS, Owes
from patients.cards import NO_CARD, holds_card_number

KINDS: dict[str, str] = {kind.value: str(kind.label) for kind in ResponsibilityKind}
# The claim adjustment reason code that says this and nothing else (X12 group PR).
USUAL_CODES = {"deductible": "1", "coinsurance": "2", "copay": "3"}
OFFERED = (Outcome.PAID, Outcome.PATIENT, Outcome.ZERO, Outcome.DENIED)
FROM_A_REMITTANCE = (Outcome.FORWARDED, Outcome.TAKEN_BACK)
RESTS = (NEXT, STAYS, PATIENT)
SHOWN = (*KINDS, "outcome", "codes", "rest")
UNSEEN = ("carc", "note", *(f"{kind}-carc" for kind in KINDS))
LABELS = {
    **KINDS,
    "outcome": "Outcome",
    "codes": "Reason codes",
    "rest": "Rest",
    "carc": "Write-off code",
    "note": "Note",
    **{f"{kind}-carc": f"{label} code" for kind, label in KINDS.items()},
}
LONGEST = {"codes": 200, "carc": 40, "note": 300, **{f"{kind}-carc": 40 for kind in KINDS}}


def pack(
    *,
    owes: Mapping[str, tuple[Decimal, str]] | None = None,
    outcome: str = "",
    codes: str = "",
    rest: str = "",
    carc: str = "",
    note: str = "",
) -> str:
    """The text of a row's `says` field, for a draft that something else than a hand fills.

    `owes` is kind → (amount, reason code); `carc` the write-off's code; `note` a sentence for the
    typist, shown under the row's boxes and not kept in the books.
    """
    texts = {"outcome": outcome, "codes": codes, "rest": rest, "carc": carc, "note": note}
    for kind, (amount, code) in (owes or {}).items():
        texts |= {kind: plain(amount), f"{kind}-carc": code}
    return urlencode({name: text for name, text in texts.items() if text})


@dataclass
class Details:
    """A row's details: texts as typed, what was understood, and what was not."""

    open: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    amounts: dict[str, Decimal] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def packed(self) -> str:
        """What the hidden field carries on; the fields of opened details speak for themselves."""
        return urlencode({name: text for name, text in self.texts.items() if text})

    @property
    def owes(self) -> tuple[Owes, ...]:
        return tuple(
            Owes(kind, amount, self.texts.get(f"{kind}-carc") or USUAL_CODES.get(kind, ""))
            for kind in KINDS
            if (amount := self.amounts.get(kind))
        )

    @property
    def outcome(self) -> str:
        return "" if "outcome" in self.errors else self.texts.get("outcome", "")

    @property
    def codes(self) -> str:
        return " ".join(self.texts.get("codes", "").split())

    @property
    def rest(self) -> str:
        return "" if "rest" in self.errors else self.texts.get("rest", "")

    @property
    def carc(self) -> str:
        return self.texts.get("carc", "")

    @property
    def wrong(self) -> str:
        """What could not be understood, each by the name of its field."""
        return " ".join(f"{LABELS[name]}: {text}" for name, text in self.errors.items())

    @property
    def note(self) -> str:
        return self.texts.get("note", "")


NOTHING = Details()


def details_on(sent: Mapping[str, Any], rows: Iterable[str]) -> dict[str, Details]:
    """The details of these rows, as far as a form brought any: most bring none."""
    brought = {name.split("-")[1] for name in sent if name.endswith(("-says", "-open"))}
    return {row: _details_of(sent, row) for row in rows if row in brought} if brought else {}


def _details_of(sent: Mapping[str, Any], row: str) -> Details:
    packed = sent.get(box_name(row, "says"), "")
    opened = box_name(row, "open") in sent
    texts = _unpacked(packed)
    if opened:
        for name in SHOWN:
            texts[name] = sent.get(box_name(row, name), "")
    return _understood(Details(open=opened, texts=texts))


def _unpacked(packed: str) -> dict[str, str]:
    """A `says` field; whoever made one up gets what is left of it."""
    try:
        found = dict(parse_qsl(packed[:5_000], max_num_fields=30))
    except ValueError:
        return {}
    return {name: found[name] for name in (*SHOWN, *UNSEEN) if name in found}


def _understood(details: Details) -> Details:
    for kind in KINDS:
        try:
            details.amounts[kind] = parse_or_zero(details.texts.get(kind, ""))
        except AmountError as error:
            details.errors[kind] = str(error)
    if details.texts.get("outcome", "") not in ("", *OFFERED, *FROM_A_REMITTANCE):
        details.errors["outcome"] = "Choose how the insurer answered."
    if details.texts.get("rest", "") not in ("", *RESTS):
        details.errors["rest"] = "Choose whose the rest is."
    for name, longest in LONGEST.items():
        text = details.texts.get(name, "")
        if len(text) > longest or not text.replace("\t", " ").isprintable():
            details.errors[name] = f"Use {longest} plain characters at most."
        elif holds_card_number(text):
            details.errors[name] = NO_CARD
    return details
