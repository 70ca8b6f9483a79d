"""Patient ledger: every entry of one patient, with the balances after it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from billing import balances, wording
from billing.balances import AsOf, LedgerEntry, Moved, PatientLedger, StandsThen
from billing.forms.period import REPORT_PERIODS
from billing.forms.reports import PeriodReportForm, chart_number_field, provider_field
from billing.models.payments import UNDOING
from billing.money import ZERO
from billing.reports.base import Check, Panel, PatientReport
from billing.reports.columns import Column, Holds, code, day, hidden, moment, money, text
from billing.reports.links import to_invoice, to_payment
from billing.reports.rows import ListRows, Rows, Values


class PatientLedgerForm(PeriodReportForm):
    offered = (*REPORT_PERIODS, "everything")
    usual = "everything"

    patient = chart_number_field()
    provider = provider_field()


class PatientLedgerReport(PatientReport):
    """One row for each charge, payment, allocation and adjustment, by accounting date.

    Nothing is put together or left out: a payment and its reversal are two rows, and so are an
    allocation and un-paying it. `owed`, `credit` and `net` are the balances after the row.
    """

    slug = "patient-ledger"
    title = "Patient ledger"
    about = "Every entry of one patient, with what was owed and what was credit after it."
    noun = "entry"
    nouns = "entries"
    form = PatientLedgerForm
    columns = (
        day("date", "Date"),
        text("what", "Entry"),
        code("invoice", "Invoice", link=to_invoice("invoice")),
        code("receipt", "Receipt", link=to_payment("receipt")),
        text("details", "Details", fold=True),
        text("provider", "Provider", fold=True),
        moment("entered_at", "Entered", extra=True),
        money("charge", "Charge"),
        money("adjustment", "Adjusted"),
        money("payment", "Payment"),
        money("allocated", "Allocated", fold=True),
        Column("owed", "Owed", Holds.MONEY),
        Column("credit", "Unall. credit", Holds.MONEY, flag=lambda row: True),
        Column("net_balance", "Net balance", Holds.MONEY),
        hidden("row"),
    )
    order = ("date", "row")
    empty = ("No entries in this period", "Choose a longer one, or reset the filters.")

    @property
    def nothing_found(self) -> tuple[str, str]:
        if self.patient:
            return self.empty
        return (
            "Whose ledger?",
            "Enter a chart number, or find the patient by name (Ctrl+K) and open Ledger there.",
        )

    @property
    def when(self) -> str:
        whose = f"{self.patient.name} ({self.patient.chart_number}): " if self.patient else ""
        return f"{whose}{super().when}"

    def find(self) -> Rows:
        entries = self._ledger.entries if self._ledger else ()
        return ListRows(
            self.columns,
            [self._row(at, entry, after) for at, (entry, after) in enumerate(entries, start=1)],
        )

    def panels(self) -> list[Panel]:
        """From opening to closing, for what is owed and for credit; the closing is checked
        against the balances as they are kept."""
        if not self.patient or not self._ledger:
            return []
        moved, opening, closing = self._ledger.moved, self._ledger.opening, self._ledger.closing
        kept = balances.standing_as_of(AsOf(self.last), self.patient, self.asked.get("provider"))
        rows = [
            ("Opening", opening),
            ("Charges", _change(Moved(charged=moved.charged))),
            ("Adjustments", _change(Moved(adjusted=moved.adjusted))),
            ("Payments", _change(Moved(paid=moved.paid))),
            ("Allocated", _change(Moved(allocated=moved.allocated))),
        ]
        return [
            Panel(
                "From opening to closing",
                ("Entries", "Owed", "Unall. credit", "Net balance"),
                [(label, _amounts(stands)) for label, stands in rows],
                total=("Closing", _amounts(closing)),
                check=Check(
                    "Closing = balances of the account",
                    abs(closing.receivable - kept.receivable)
                    + abs(closing.unallocated - kept.unallocated),
                ),
            )
        ]

    @cached_property
    def _ledger(self) -> PatientLedger | None:
        if not self.patient:
            return None
        return balances.patient_ledger(
            self.patient, first=self.first, last=self.last, provider=self.asked.get("provider")
        )

    def _row(self, at: int, entry: LedgerEntry, after: StandsThen) -> Values:
        words, invoice, receipt, details = _said(entry)
        told: dict[str, Any] = {
            "date": entry.date,
            "what": words,
            "invoice": invoice,
            "receipt": receipt,
            "details": details,
            "provider": entry.provider.name,
            "entered_at": entry.entered,
            "charge": entry.moved.charged,
            "adjustment": entry.moved.adjusted,
            "payment": entry.moved.paid,
            "allocated": entry.moved.allocated,
            "owed": after.receivable,
            "credit": after.unallocated,
            "net_balance": after.net,
            "row": at,
        }
        return tuple(told[column.name] for column in self.columns)


def _change(moved: Moved) -> StandsThen:
    return moved.after(StandsThen(ZERO, ZERO))


def _amounts(stands: StandsThen) -> tuple[Any, ...]:
    return stands.receivable, stands.unallocated, stands.net


def _said(entry: LedgerEntry) -> tuple[str, str, str, str]:
    """What an entry is, its invoice, its receipt, and what else there is to say."""
    line, payment = entry.line, entry.payment
    if payment:
        how = (payment.get_method_display(), payment.reference)
        details = payment.reason if payment.kind in UNDOING else _listed(*how, payment.reason)
        words = wording.title(payment).before.removesuffix(" of").removesuffix(" into")
        return words, "", payment.shown_under, details
    assert line  # noqa: S101
    invoice = line.invoice.number or ""
    row = entry.allocation or entry.adjustment
    if row is None:
        return "Charge", invoice, "", _listed(line.code, line.description)
    number = row.payment.shown_under if row.payment else ""
    payer = row.payment.payer.name if row.payment and row.payment.payer else ""
    details = _listed(payer, row.reason)
    if entry.adjustment:
        return wording.written_off(entry.adjustment), invoice, number, details
    if payer:
        words = "Insurance payment" if row.amount > 0 else "Insurance payment un-paid"
    else:
        words = "Allocated" if row.amount > 0 else "Un-paid"
    return words, invoice, number, details


def _listed(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
