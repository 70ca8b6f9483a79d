"""The list of invoices, drafts among them."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing import balances
from billing.forms.filters import InvoiceFilter
from billing.models import Invoice
from billing.tables.invoices import InvoiceTable
from patients.http import DeskRequest


@require_safe
def invoice_list(request: DeskRequest) -> HttpResponse:
    """What was billed and is going to be, with what is left of it."""
    filtered = InvoiceFilter(request, Invoice.objects.all())
    found = filtered.found
    sums = balances.invoiced_total(found, filtered.lines_of_period)
    table = InvoiceTable(found.select_related("patient")).shown_for(request, count=sums.count)
    table.sums = balances.sums_of(row.record for row in table.paginated_rows)
    context = {
        "form": filtered.form,
        "error_summary": filtered.error_summary,
        "sums": sums,
        "anything": filtered.queryset.exists,  # asked only where the filters find nothing
        "table": table,
    }
    page = "_list.html" if request.htmx else "list.html"
    return render(request, f"billing/invoices/{page}", context)
