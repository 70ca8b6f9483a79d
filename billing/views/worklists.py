"""Worklists by cause: money that waits, and credit below zero, each row with the way to mend it."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import TextChoices
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing import balances
from billing.forms.filters import CauseFilter, NegativeCreditFilter, UnallocatedFilter
from billing.tables.worklists import NegativeCreditTable, UnallocatedTable
from patients.http import DeskRequest

FOLDER = "billing/worklists"


@require_safe
def unallocated_payments(request: DeskRequest) -> HttpResponse:
    """Receipts with money on no line, and over-allocated ones, by cause and age."""
    day = timezone.localdate()
    filtered = UnallocatedFilter(request.GET, balances.unallocated_money(day=day), request=request)
    context = _context(request, filtered, balances.Cause)
    table = UnallocatedTable(filtered.found.with_names(), day=day)
    context["table"] = table.shown_for(request, count=context["counted"].count)
    page = "_unallocated" if request.htmx else "unallocated"
    return render(request, f"{FOLDER}/{page}.html", context)


@require_safe
def negative_credit(request: DeskRequest) -> HttpResponse:
    """Undone receipts that still pay lines, by cause and age; un-paying them is one click."""
    day = timezone.localdate()
    filtered = NegativeCreditFilter(request.GET, balances.negative_credit(day=day), request=request)
    context = _context(request, filtered, balances.NegativeCause)
    table = NegativeCreditTable(filtered.found.with_names(), day=day)
    context["table"] = table.shown_for(request, count=context["counted"].count)
    shown = [row.record for row in table.paginated_rows]
    table.pays = balances.still_pays(shown)
    table.keys = {each.pk: str(uuid.uuid4()) for each in shown}
    page = "_negative_credit" if request.htmx else "negative_credit"
    return render(request, f"{FOLDER}/{page}.html", context)


def _context(
    request: DeskRequest, filtered: CauseFilter, causes: type[TextChoices]
) -> dict[str, Any]:
    """The filters, and the sums by cause and age of all they leave but for cause and age."""
    sums = balances.by_cause(filtered.around, causes)
    return {
        "form": filtered.form,
        "error_summary": filtered.error_summary,
        "sums": sums,
        "counted": filtered.counted(sums),
        "bands": balances.AgeBand.labels,
        "chosen": (request.GET.get("cause", ""), request.GET.get("age", "")),
    }
