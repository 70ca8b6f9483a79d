"""Reports: (period, filters) -> rows, for the screen and for files.

One file a report. What they share is in `base`, `columns`, `rows`, `expressions`, `narrowing` and `links`;
which stand together in the list is in `shelves`, how rows become files in `files` and `paper`.
Reports read; they post nothing, and what the database can add up it adds up.
"""

from typing import Any

from billing.reports.adjustments import Adjustments
from billing.reports.aged_balances import AgedBalances
from billing.reports.audit_trail import AuditTrail
from billing.reports.base import Check, Figure, Panel, Report
from billing.reports.charges import Charges
from billing.reports.day_sheet import DaySheet
from billing.reports.exports import Exports
from billing.reports.negative_credit import NegativeCredit
from billing.reports.patient_ledger import PatientLedgerReport
from billing.reports.payments_received import PaymentsReceived
from billing.reports.production import Production
from billing.reports.refunds import Refunds
from billing.reports.shelves import Entry, shelves_of
from billing.reports.takings import Takings
from billing.reports.tie_out import TieOut
from billing.reports.unallocated_payments import UnallocatedPayments

# By their names in the address.
REPORTS: dict[str, type[Report]] = {
    report.slug: report
    for report in (
        DaySheet,
        PaymentsReceived,
        Takings,
        Refunds,
        Charges,
        Adjustments,
        Production,
        AgedBalances,
        UnallocatedPayments,
        NegativeCredit,
        PatientLedgerReport,
        TieOut,
        Exports,
        AuditTrail,
    )
}


def shelves(user: Any) -> list[tuple[str, list[Entry]]]:
    """The list of reports somebody may see, by what they are about."""
    return shelves_of(REPORTS, user)


__all__ = ["REPORTS", "Check", "Figure", "Panel", "Report", "shelves"]
