"""Handing the journal over: up to which day."""

from __future__ import annotations

from billing.forms.base import LedgerForm, PastDayField
from billing.forms.period import REPORT_PERIODS, THIS_MONTH, PeriodForm


class JournalPeriodForm(PeriodForm):
    """The period of the journal: this month, unless asked otherwise."""

    offered = (*REPORT_PERIODS, "everything")
    usual = THIS_MONTH


class JournalBatchForm(LedgerForm):
    """The next batch: everything dated up to a day that no batch had yet."""

    through = PastDayField(label="Up to", error_messages={"required": "Enter the last day."})
