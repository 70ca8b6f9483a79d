"""What can be wrong with a remittance, one code each, and how it is said at the desk.

A refusal (E…) keeps the file or the transaction out; a warning (W…) is shown beside it. A text
says what is wrong, where, the numbers and what to do. It may name a claim, so it belongs on the
screen of who uploaded the file and never into a log.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.money import show_dollars


@dataclass(frozen=True, slots=True)
class Finding:
    """One refusal or one warning. The text of a warning nobody needs to read is empty."""

    code: str
    text: str


class FileRefused(Exception):
    """The file as a whole cannot be imported."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)  # not the text: an exception may end up in a log
        self.finding = finding


WHEN = {
    "E01": "the file is empty",
    "E02": "binary: a NUL inside, a ZIP archive, a picture",
    "E03": "it does not begin with ISA",
    "E04": "it stops inside its ISA, or the ISA lacks fields",
    "E05": "it is saved as UTF-16",
    "E06": "the ISA names impossible separators",
    "E07": "it holds other transactions only, such as an 837 or a 999",
    "E08": "a closing SE, GE or IEA is missing",
    "E09": "a count of SE01, GE01 or IEA01 is wrong",
    "E10": "a number of SE02, GE02 or IEA02 is not the one it began with",
    "E12": "rule T: the payment is not its claims less its provider adjustments",
    "E13": "rule C: a claim is not its charge less all its adjustments",
    "E14": "rule L: a line is not its charge less its adjustments",
    "E15": "rule S: the lines of a claim do not pay what the claim pays",
    "E16": "something is not an amount",
    "E17": "there is no BPR, or no TRN with a check or EFT number",
    "E18": "a segment is out of place",
    "E19": "the same ISA13 twice in one file",
    "E20": "the payer's check or EFT number is known already",
    "E21": "the same file was imported before",
    "E22": "more than 20 MB, or more than 10,000 claims in a transaction",
    "E23": "a provider adjustment is not reason:reference and amount",
    "E24": "the payment is not in the currency of the clinic's books",
    "W1": "a byte order mark (not worth a word), or text that is not UTF-8",
    "W2": "no payment date, or none that is a date",
    "W3": "an unknown segment",
    "W4": "a procedure without the separator the file announces",
    "W5": "an ISA of wrong widths, or a version that is not 5010",
    "W6": "transactions of other types beside the 835",
    "W7": "made out to somebody else",
    "W8": "the secondary counted other money from the primary than we have",
    "W9": "more of a forwarded balance collected than is open",
    "W10": "a notice with a number that was used before",
    "W11": "an ISA13 this sender used before",
}

# Of several refusals of one transaction the first explains most: what cannot be read, then what
# does not add up, then a count, which is wrong whenever something is missing.
_WEIGHT = {
    code: weight
    for weight, code in enumerate(
        ("E17", "E18", "E22", "E16", "E23", "E12", "E13", "E14", "E15", "E09", "E10", "E20")
    )
}

AGAIN = "Download it again."
CORRECTED = "Ask the payer for a corrected file."
NOTHING = "It was cut; nothing was imported."


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: _WEIGHT.get(finding.code, -1)))


# ---------------------------------------------------------------------------- words


def quoted(text: str, longest: int = 40) -> str:
    """The words of a file inside a sentence: on one line, not endless."""
    start = text.strip()[: longest + 1]
    line = "".join(letter if letter.isprintable() else " " for letter in start)
    return f'"{line[:longest]}…"' if len(line) > longest else f'"{line}"'


def short(text: str, longest: int = 40) -> str:
    return quoted(text, longest)[1:-1]


def listed(words: Sequence[str]) -> str:
    """SE, GE and IEA"""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def claim_name(control: str, index: int) -> str:
    """How a claim is named: by its control number, else by its place in the transaction."""
    known = control.strip().strip("0")
    return f"Claim {short(control)}" if known else f"Claim no. {index + 1}"


def payment_name(reference: str, transaction: str) -> str:
    return (
        f"Payment {short(reference)}"
        if reference
        else f"The payment of transaction {short(transaction)}"
    )


def us_date(day: datetime.date) -> str:
    return f"{day:%m/%d/%Y}"


# ---------------------------------------------------------------------------- not a file to read


def empty() -> Finding:
    return Finding("E01", "The file is empty.")


def not_text(what: str, do: str) -> Finding:
    return Finding("E02", f"This is not a text file ({what}). {do}")


def not_an_era(looks: str) -> Finding:
    return Finding("E03", f'This is not an ERA: an X12 835 file begins with "ISA". {looks}')


def isa_cut(length: int) -> Finding:
    return Finding(
        "E04",
        "The file stops inside its first segment: ISA has 106 characters,"
        f" {length} are here. {AGAIN}",
    )


def isa_fields(fields: int) -> Finding:
    return Finding(
        "E04", f"The first segment is not whole: ISA has 16 fields, {fields} are here. {AGAIN}"
    )


def utf16() -> Finding:
    return Finding(
        "E05", "The file is saved as UTF-16. Ask for the original or save it as plain text."
    )


def impossible_separator(separator: str, what: str, why: str) -> Finding:
    return Finding(
        "E06",
        f'The first segment (ISA) names "{separator}" as the {what} separator; {why}.'
        f" The file was damaged. {AGAIN}",
    )


_TYPES = {
    "270": "a question about coverage",
    "271": "an answer about coverage",
    "276": "a question about claims",
    "277": "the state of claims",
    "278": "an authorization",
    "820": "a premium payment",
    "834": "an enrollment",
    "837": "a claim we send",
    "997": "an acknowledgment",
    "999": "an acknowledgment",
}


def other_types_only(types: Sequence[str]) -> Finding:
    if not types:
        return Finding(
            "E07", f"The file holds no transaction at all, so no 835 remittance. {AGAIN}"
        )
    first = types[0]
    meaning = f" ({_TYPES[first]})" if first in _TYPES else ""
    article = "an" if first.startswith("8") else "a"
    others = "".join(f", {short(other)}" for other in types[1:5])
    return Finding(
        "E07",
        f"This is {article} {short(first)}{meaning}{others}, not an 835 remittance."
        " Upload the .835 file.",
    )


def cut(missing: Sequence[str], segment: str, number: int, claim: str) -> Finding:
    """`missing` are the closing segments that never came; `segment` is the last that did."""
    word = "segment" if len(missing) == 1 else "segments"
    where = f"in c{claim[1:]}, " if claim else ""
    where += f"after {short(segment)}" + (f" (segment {number})" if number else "")
    return Finding(
        "E08",
        f"The file ends before its closing {word} {listed(missing)}, {where}. {NOTHING} {AGAIN}",
    )


def not_closed(missing: str, of: str, found: str) -> Finding:
    return Finding(
        "E08",
        f"The closing segment {missing} of {of} is missing; {found} follows instead."
        f" {NOTHING} {AGAIN}",
    )


def too_large(size: int, limit: int) -> Finding:
    megabyte = 1024 * 1024
    return Finding(
        "E22",
        f"The file has {-(-size // megabyte)} MB; the limit is {limit // megabyte} MB."
        " Ask for the payments in several files.",
    )


def too_many(things: str, transaction: str, limit: int) -> Finding:
    return Finding(
        "E22",
        f"Transaction {short(transaction)} has more than {limit:,} {things}, which is the limit."
        " Ask the payer for several payments.",
    )


def too_many_transactions(limit: int) -> Finding:
    return Finding(
        "E22",
        f"The file has more than {limit:,} payments, which is the limit. Ask for several files.",
    )


# ---------------------------------------------------------------------------- envelopes


def wrong_count(of: str, things: str, said: str, found: int) -> Finding:
    return Finding(
        "E09",
        f"{of} says it has {short(said) or 'no'} {things}; it has {found}."
        f" It was cut or edited. {AGAIN}",
    )


def wrong_number(of: str, end: str, begin: str, fields: str) -> Finding:
    return Finding(
        "E10",
        f"{of} ends with number {short(end) or '(none)'} but began with"
        f" {short(begin) or '(none)'} ({fields}). It was cut or edited. {AGAIN}",
    )


def interchange_twice(control: str) -> Finding:
    return Finding(
        "E19", f"The file holds interchange {short(control)} twice. Upload each file by itself."
    )


def outside(segment: str, after: str) -> Finding:
    return Finding(
        "E18",
        f"The segment {short(segment)} after {after} stands outside any transaction. {CORRECTED}",
    )


# ---------------------------------------------------------------------------- a transaction


def no_payment(transaction: str) -> Finding:
    return Finding(
        "E17", f"Transaction {short(transaction)} has no payment amount (BPR). {CORRECTED}"
    )


def no_reference(transaction: str) -> Finding:
    return Finding(
        "E17", f"Transaction {short(transaction)} has no check or EFT number (TRN). {CORRECTED}"
    )


def out_of_order(transaction: str, what: str, number: int) -> Finding:
    return Finding(
        "E18", f"Transaction {short(transaction)}: {what}, segment {number}. {CORRECTED}"
    )


def not_an_amount(of: str, text: str, field: str) -> Finding:
    return Finding("E16", f"{of}: {quoted(text)} is not an amount ({field}). {CORRECTED}")


def amount_too_large(of: str, text: str, field: str) -> Finding:
    return Finding("E16", f"{of}: {quoted(text)} is too large an amount ({field}). {CORRECTED}")


def neither_credit_nor_debit(of: str, text: str) -> Finding:
    return Finding(
        "E16",
        f"{of}: {quoted(text)} says neither credit (C) nor debit (D), so the amount has no sign"
        f" (BPR03). {CORRECTED}",
    )


def not_a_provider_adjustment(words: str) -> Finding:
    return Finding(
        "E23", f"Provider adjustment {quoted(words, 60)} cannot be read (PLB). {CORRECTED}"
    )


# ---------------------------------------------------------------------------- rules


def payment_unbalanced(
    name: str, amount: Decimal, *, debit: bool, claims: Decimal, adjustments: Decimal
) -> Finding:
    total = claims - adjustments
    return Finding(
        "E12",
        f"{name} does not add up: amount {show_dollars(amount)}{' (debit)' if debit else ''};"
        f" claims {show_dollars(claims)} less provider adjustments {show_dollars(adjustments)}"
        f" is {show_dollars(total)}; difference {show_dollars(amount - total)}. {CORRECTED}",
    )


def claim_unbalanced(name: str, charge: Decimal, adjustments: Decimal, paid: Decimal) -> Finding:
    return Finding("E13", _less(name, "charge ", charge, adjustments, paid, "paid "))


def line_unbalanced(name: str, charge: Decimal, adjustments: Decimal, paid: Decimal) -> Finding:
    return Finding("E14", _less(name, "", charge, adjustments, paid, ""))


def _less(
    name: str, of: str, charge: Decimal, adjustments: Decimal, paid: Decimal, says: str
) -> str:
    return (
        f"{name}: {of}{show_dollars(charge)} less {'adjustments ' if of else ''}"
        f"{show_dollars(adjustments)} is {show_dollars(charge - adjustments)},"
        f" the file says {says}{show_dollars(paid)}. {CORRECTED}"
    )


def lines_and_claim_differ(
    name: str, lines: Decimal, at_claim_level: Decimal, paid: Decimal
) -> Finding:
    less = (
        f" less {show_dollars(at_claim_level)} for the whole claim are"
        f" {show_dollars(lines - at_claim_level)}"
        if at_claim_level
        else ""
    )
    return Finding(
        "E15",
        f"{name}: its lines pay {show_dollars(lines)}{less}, the claim {show_dollars(paid)}."
        f" {CORRECTED}",
    )


# ---------------------------------------------------------------------------- warnings


def byte_order_mark() -> Finding:
    return Finding("W1", "")


def windows_text() -> Finding:
    return Finding("W1", "Names were read as Windows text.")


def no_date() -> Finding:
    return Finding("W2", "The ERA has no payment date; type it before saving.")


def not_a_date(text: str) -> Finding:
    return Finding(
        "W2", f"{quoted(text)} in the ERA is not a date; type the payment date before saving."
    )


def unknown_segment(segment: str) -> Finding:
    return Finding("W3", f"Segment {short(segment)} is not part of an 835 and was ignored.")


def other_separator(used: str, announced: str) -> Finding:
    return Finding(
        "W4",
        f'The file uses "{used}" inside codes but announces "{announced}". Check every line.',
    )


def no_separator(procedure: str, announced: str) -> Finding:
    return Finding(
        "W4",
        f'Procedure {quoted(procedure)} holds no "{announced}", so its code cannot be told.'
        " Check every line.",
    )


def version(name: str) -> Finding:
    return Finding("W5", f"Version {short(name) or 'not given'}.")


def widths(fields: Iterable[str]) -> Finding:
    return Finding("W5", f"The first segment (ISA) has fields of wrong width: {', '.join(fields)}.")


def others_ignored(count: int) -> Finding:
    were = "transaction that is not an 835 was" if count == 1 else "transactions that are not"
    return Finding("W6", f"{count} {were}{'' if count == 1 else ' an 835 were'} ignored.")


# ---------------------------------------------------------------------------- known to us already


def reference_known(
    reference: str, payer: str, imported: datetime.date, by: str, payment: str
) -> Finding:
    return Finding(
        "E20",
        f"Check {short(reference)} of {payer} was imported on {us_date(imported)} by {by}"
        f" (payment {payment}).",
    )


def file_known(imported: datetime.date, name: str) -> Finding:
    return Finding("E21", f"This file was imported on {us_date(imported)} as {short(name, 100)}.")


def other_currency(theirs: str, ours: str) -> Finding:
    return Finding(
        "E24",
        f"The payment is in {short(theirs)}, the clinic's books are in {ours}."
        " Enter what the bank credited as an insurance payment by hand.",
    )


def made_out_to(payee: str) -> Finding:
    return Finding("W7", f"The payment is made out to {short(payee) or 'nobody'}, which is not us.")


def prior_payer_differs(counted: Decimal, posted: Decimal) -> Finding:
    return Finding(
        "W8",
        f"The secondary counted {show_dollars(counted)} from the primary;"
        f" we have {show_dollars(posted)} posted.",
    )


def more_than_forwarded(reference: str, collected: Decimal, still_open: Decimal) -> Finding:
    return Finding(
        "W9",
        f"The payer collects {show_dollars(collected)} of forwarded balance"
        f" {short(reference) or 'without a reference'}; {show_dollars(still_open)} is open.",
    )


def notice_number_used(reference: str) -> Finding:
    return Finding(
        "W10", f"Number {short(reference)} was used before; this is a notice with other claims."
    )


def interchange_used(control: str) -> Finding:
    return Finding("W11", f"Another file of this sender has the number {short(control)} too.")
