"""Reports: (period, filters) -> rows, for the screen and for files.

One file a report. What they share is in `base`, `columns`, `rows` and `expressions`; how rows become files
is in `files` and `paper`. Reports read; they post nothing, and what the database can add up it adds up.
"""

from typing import Any

from billing.reports.adjustments import Adjustments
from billing.reports.base import Check, Figure, Panel, Report
from billing.reports.charges import Charges
from billing.reports.exports import Exports
from billing.reports.payments_received import PaymentsReceived
from billing.reports.refunds import Refunds
from billing.reports.shelves import Entry, shelves_of

# By their names in the address.
REPORTS: dict[str, type[Report]] = {
    report.slug: report for report in (PaymentsReceived, Refunds, Charges, Adjustments, Exports)
}


def shelves(user: Any) -> list[tuple[str, list[Entry]]]:
    """The list of reports somebody may see, by what they are about."""
    return shelves_of(REPORTS, user)


__all__ = ["REPORTS", "Check", "Figure", "Panel", "Report", "shelves"]
