"""Invoices."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from billing import balances
from billing.models import Invoice
from patients.http import DeskRequest


@require_safe
def invoice_detail(request: DeskRequest, number: str) -> HttpResponse:
    """An issued invoice: its lines, which payments paid them, and who owes the rest."""
    invoice = get_object_or_404(
        Invoice.objects.select_related("patient", "created_by"), number=number
    )
    lines = list(invoice.lines.select_related("provider", "payer").oldest_first())
    links = balances.paid_by(line.pk for line in lines)
    context = {
        "invoice": invoice,
        "patient": invoice.patient,
        "lines": [(line, links.get(line.pk, [])) for line in lines],
        "totals": balances.line_totals(lines),
        "write_offs": [
            each
            for found in balances.write_offs(line.pk for line in lines).values()
            for each in found
        ],
    }
    return render(request, "billing/invoices/detail.html", context)
