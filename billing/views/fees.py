"""The fee schedule, to look things up at the desk. It is changed in the administration."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing import balances
from billing.forms.filters import FeeFilter
from billing.models import Service
from billing.tables.fees import FeeTable
from patients.http import DeskRequest


@require_safe
def fee_list(request: DeskRequest) -> HttpResponse:
    """What each service costs on a day, and what was agreed with single payers."""
    filtered = FeeFilter(request, Service.objects.filter(active=True))
    table = FeeTable(filtered.found).shown_for(request)
    if filtered.day:
        services = [row.record for row in table.page.object_list]
        rows = balances.fee_rows(services, filtered.day)
        table.fees = {row.service.pk: row for row in rows}
    context = {
        "form": filtered.form,
        "table": table,
        "day": filtered.day,
        "error_summary": filtered.error_summary,
    }
    page = "_list.html" if request.htmx else "list.html"
    return render(request, f"billing/fees/{page}", context)
