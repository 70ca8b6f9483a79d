"""What the documents have in common, in words: letterhead, addresses, names of entries."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from billing.models import Adjustment, AdjustmentKind, Clinic, InvoiceLine, Kind, LineVoid, Payment
from billing.models.clinic import place
from billing.models.payments import UNDOING
from billing.wording import day
from patients.models import Patient

# Letters of a word that fit side by side, even as capitals: in a column of words, and in the narrow
# one of providers. (In the letterhead nothing is broken: its e-mail address may be copied.)
WIDE, NARROW = 24, 8


def plain(text: str, fits: int = WIDE) -> str:
    """A text as it is printed: no control characters and none that turn the direction of what
    follows, and places to break in a word that is far too long for its column."""
    kept = "".join(
        " " if char in "\t\r\n" else char
        for char in text
        if char in "\t\r\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return " ".join(_breakable(word, fits) for word in kept.split())


def _breakable(word: str, fits: int) -> str:
    if len(word) <= 2 * fits:
        return word
    return "\u200b".join(word[at : at + fits] for at in range(0, len(word), fits))


def joined(parts: Iterable[str], mark: str = ", ") -> str:
    """The parts there are, as one text."""
    return mark.join(part for part in parts if part)


def of_clinic(clinic: Clinic) -> dict[str, Any]:
    """The letterhead, and the clinic's name at the foot of each page."""
    lines = [
        joined([clinic.address_line1, clinic.address_line2]),
        clinic.place,
        joined([clinic.phone, clinic.email], " \u00b7 "),
    ]
    # A document without a logo says nothing of one, as those of before there were any.
    logo = {"logo": clinic.logo_id} if clinic.logo_id else {}
    return {
        "clinic": {
            "name": plain(clinic.name),
            "lines": [plain(line, 99) for line in lines if line],
            **logo,
        },
        "footer": plain(joined([clinic.name, clinic.phone], " \u00b7 ")),
    }


def addressed(patient: Patient) -> list[str]:
    """A patient as an envelope names them: given name first, then the address."""
    lines = [
        f"{patient.given_name} {patient.family_name}",
        patient.address_line1,
        patient.address_line2,
        place(patient.city, patient.state, patient.postal_code),
    ]
    return [plain(line) for line in lines if line]


# ---------------------------------------------------------------------------- entries


def service_of(line: InvoiceLine) -> str:
    """ "90834, × 2, INV-1042": under a charge's description."""
    units = f"\u00d7 {line.units}" if line.units != 1 else ""
    return plain(joined([str(line.invoice), line.code, units]))


def modifiers_of(line: InvoiceLine) -> str:
    """ "95, GT"."""
    return plain(line.modifiers.replace(",", ", "))


def how(payment: Payment) -> str:
    """ "card, reference 4471"."""
    reference = f"reference {payment.reference}" if payment.reference else ""
    method = payment.get_method_display()
    return joined([method if method.isupper() else method.lower(), reference])


_UNDONE = {
    Kind.RECEIPT: "Payment",
    Kind.REFUND: "Refund",
    Kind.TRANSFER_OUT: "Credit moved to another account",
    Kind.TRANSFER_IN: "Credit moved here",
}
_ENTRY = {
    Kind.RECEIPT: "Payment",
    Kind.REFUND: "Refund",
    # Whose account it is, another patient's statement does not say.
    Kind.TRANSFER_OUT: "Credit moved to another account",
    Kind.TRANSFER_IN: "Credit moved here from another account",
}


def entry_of(payment: Payment) -> tuple[str, str]:
    """A row of a patient's money in words, and the quieter line under them."""
    if payment.kind in UNDOING and payment.original:
        undone = payment.original
        word = "deleted" if payment.kind == Kind.VOID else "reversed"
        named = f" {undone.number}" if undone.number else ""
        return f"{_UNDONE[Kind(undone.kind)]}{named} {word}", plain(payment.reason)
    words = _ENTRY[Kind(payment.kind)]
    if payment.kind == Kind.RECEIPT:
        return f"{words} {payment.number}", plain(how(payment))
    if payment.kind == Kind.REFUND and payment.source:
        return f"{words} of {payment.source.number}", plain(joined([how(payment), payment.reason]))
    return words, ""


def insurance_entry(line: InvoiceLine, payment: Payment, *, back: bool) -> tuple[str, str]:
    """An insurer's money on a line, or taken off it again."""
    assert payment.payer is not None  # noqa: S101
    words = "Insurance payment taken back" if back else "Insurance payment"
    return words, plain(joined([payment.payer.name, _on(line)]))


_WRITE_OFF = {
    AdjustmentKind.CONTRACTUAL: "Insurance write-off",
    AdjustmentKind.COURTESY: "Courtesy write-off",
    AdjustmentKind.SMALL_BALANCE: "Small-balance write-off",
    AdjustmentKind.BAD_DEBT: "Bad-debt write-off",
    AdjustmentKind.CORRECTION: "Correction",
}


def write_off_entry(line: InvoiceLine, adjustment: Adjustment) -> tuple[str, str]:
    """A write-off, one that was taken back, or what a voided charge gave up."""
    words = _WRITE_OFF[AdjustmentKind(adjustment.kind)]
    void = void_of(line)
    if void and void.created_at == adjustment.created_at:
        words = "Charge voided"
    elif adjustment.amount < 0:
        words += " taken back"
    payer = adjustment.payment.payer.name if adjustment.payment and adjustment.payment.payer else ""
    why = "" if payer else adjustment.reason
    return words, plain(joined([payer, _on(line), why]))


def void_of(line: InvoiceLine) -> LineVoid | None:
    """When and why a line was voided, if it was; one that came with the line costs no query."""
    return getattr(line, "void", None)


def _on(line: InvoiceLine) -> str:
    return f"{line.invoice}, service of {day(line.service_date)}"
