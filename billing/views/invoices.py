"""Invoices."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing import balances, ledger
from billing.forms.responsibility import ResponsibilityForm
from billing.models import Invoice, InvoiceLine
from patients.http import DeskRequest
from patients.models import Payer


@require_safe
def invoice_detail(request: DeskRequest, number: str) -> HttpResponse:
    """An issued invoice: its lines, which payments paid them, and who owes the rest."""
    invoice = get_object_or_404(
        Invoice.objects.select_related("patient", "created_by"), number=number
    )
    lines = list(invoice.lines.select_related("provider", "payer").oldest_first())
    links = balances.paid_by(line.pk for line in lines)
    answers = balances.answers(lines)
    context = {
        "invoice": invoice,
        "patient": invoice.patient,
        "lines": [(line, links.get(line.pk, []), answers.get(line.pk)) for line in lines],
        "totals": balances.line_totals(lines),
    }
    return render(request, "billing/invoices/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def line_responsibility(request: DeskRequest, number: str) -> HttpResponse:
    """Who owes the rest of lines, said by hand: the next insurer, or the patient, and why."""
    invoice = get_object_or_404(
        Invoice.objects.select_related("patient").filter(issued_on__isnull=False), number=number
    )
    lines = list(invoice.lines.open().select_related("provider", "payer").oldest_first())
    form = ResponsibilityForm(
        request.POST or None, lines=lines, payers=_insurers(invoice), patient=invoice.patient
    )
    if request.method != "POST" or not form.is_valid():
        return _responsibility_page(request, invoice, lines, form)
    chosen = set(form.cleaned_data["lines"])
    try:
        ledger.set_responsibility(
            by=request.user,
            lines=[line for line in lines if line.pk in chosen],
            payer=form.payer,
            date=timezone.localdate(),
            reason=form.cleaned_data["reason"],
            key=form.cleaned_data["key"],
        )
    except ledger.LedgerError as error:
        form.refuse(error)
        return _responsibility_page(request, invoice, lines, form)
    who = form.payer.name if form.payer else f"{invoice.patient.name}, the patient,"
    what = "1 line" if len(chosen) == 1 else f"{len(chosen)} lines"
    messages.success(request, f"{who} owes the rest of {what} now.")
    return redirect("billing:invoice_detail", invoice.number)


def _insurers(invoice: Invoice) -> list[Payer]:
    """The patient's insurers, in the order they are billed."""
    coverages = invoice.patient.coverages.select_related("payer").order_by("rank", "pk")
    return list(dict.fromkeys(coverage.payer for coverage in coverages))


def _responsibility_page(
    request: DeskRequest, invoice: Invoice, lines: list[InvoiceLine], form: ResponsibilityForm
) -> HttpResponse:
    answers = balances.answers(lines)
    chosen = {str(pk) for pk in form["lines"].value() or []}
    context: dict[str, Any] = {
        "invoice": invoice,
        "patient": invoice.patient,
        "form": form,
        "lines": [(line, answers.get(line.pk), str(line.pk) in chosen) for line in lines],
    }
    if form.is_bound:
        context["error_summary"] = form.summary("Nothing is changed yet.")
    return render(request, "billing/invoices/responsibility.html", context)
