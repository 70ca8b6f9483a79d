"""A receipt in words: what came in, what it paid, what was given back, what stayed as credit."""

from __future__ import annotations

from billing import balances
from billing.documents.issuing import Draft
from billing.documents.texts import addressed, entry_of, of_clinic, plain, service_of
from billing.models import Clinic, DocumentKind, Payment
from billing.money import ZERO, show, show_dollars
from billing.wording import day


def receipt(clinic: Clinic, of: Payment) -> Draft:
    """A payment as it stands now; an insurer's lists whose charges it paid.

    What a patient's money paid at another provider, or for somebody of the family, is on it, too:
    to whoever paid it is one payment, however it was booked.
    """
    parts = balances.family(of) if of.patient_id else [of]
    uses = balances.used_on(parts)
    elsewhere = sum((part.allocated for part in parts[1:]), ZERO)
    drawn = of.drawn.select_related("original__original", "source").order_by("pk")
    undone = balances.undoing_of([of]).get(of.pk)
    received = f"{of.get_method_display()}, {day(of.date)}" if of.method else day(of.date)
    said = [received, f"Reference {of.reference}" if of.reference else ""]
    if undone:
        said.append(f"{'Deleted' if undone.kind == 'void' else 'Reversed'} on {day(undone.date)}")
    facts = [["Payment", str(of)]]
    if of.patient and of.provider:
        facts += [["Chart", of.patient.chart_number], ["Provider", plain(of.provider.name)]]
    return Draft(
        kind=DocumentKind.RECEIPT,
        subject=f"receipt:{of.pk}",
        patient=of.patient,
        payment=of,
        data={
            **of_clinic(clinic),
            "to": addressed(of.patient) if of.patient else [plain(of.received_from)],
            "facts": facts,
            "due": {
                "label": "Received",
                "amount": show_dollars(of.amount),
                "asked": False,
                "lines": [plain(line) for line in said if line],
            },
            "who": "Provider" if of.patient_id else "Patient",
            "lines": [
                {
                    "date": day(use.line.service_date),
                    "text": plain(use.line.description),
                    "more": _what(of, use),
                    "who": plain(
                        use.line.provider.name if of.patient_id else use.line.patient.name
                    ),
                    "amount": show(use.amount),
                }
                for use in uses
            ],
            "allocated": show(of.allocated + elsewhere),
            "moved": [
                {"date": day(row.date), "text": text, "more": more, "amount": show(row.amount)}
                for row in drawn
                for text, more in [entry_of(row)]
            ],
            "breakdown": [
                ["Received", show(of.amount)],
                ["Paid on charges", show(of.allocated + elsewhere)],
                ["Given back or moved", show(of.returned - elsewhere)],
                [_rest(of), show(abs(of.unallocated))],
            ],
            "notes": ["Thank you."] if of.patient_id and not of.reversed else [],
        },
    )


def _what(payment: Payment, use: balances.Use) -> str:
    """The charge more exactly, and who it was for where that is somebody else."""
    line = use.line
    if not payment.patient_id or line.patient_id == payment.patient_id:
        return service_of(line)
    return f"{service_of(line)}, for {plain(line.patient.name)}"


def _rest(payment: Payment) -> str:
    """What the last figure is called."""
    if payment.unallocated < 0:
        return "Still to be covered"
    return "Stays as credit" if payment.patient_id else "Not on a charge yet"
