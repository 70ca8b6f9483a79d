"""An issued invoice, and voiding it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render, resolve_url
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_safe

from billing import balances, ledger, wording
from billing.forms.invoices import VoidInvoiceForm
from billing.models import Invoice, InvoiceLine, Payment
from billing.views import notices
from patients.http import DeskRequest, go_on

FOLDER = "billing/invoices"


def _invoice(number: str) -> Invoice:
    return get_object_or_404(Invoice.objects.select_related("patient", "created_by"), number=number)


def _lines(invoice: Invoice) -> list[InvoiceLine]:
    related = ("patient", "provider", "payer", "invoice", "session", "void__created_by")
    return list(invoice.lines.select_related(*related).oldest_first())


@require_safe
def invoice_detail(request: DeskRequest, number: str) -> HttpResponse:
    """An issued invoice: its lines, which payments paid them, and who owes the rest."""
    invoice = _invoice(number)
    lines = _lines(invoice)
    links = balances.paid_by(line.pk for line in lines)
    standing = [line for line in lines if not line.voided]
    context = {
        "invoice": invoice,
        "patient": invoice.patient,
        "lines": [(line, links.get(line.pk, [])) for line in lines],
        "totals": balances.line_totals(standing),
        "standing": standing,
        "state": wording.invoice_state(lines),
        "write_offs": [
            each
            for found in balances.write_offs(line.pk for line in lines).values()
            for each in found
        ],
    }
    return render(request, "billing/invoices/detail.html", context)


# ---------------------------------------------------------------------------- voiding


@require_http_methods(["GET", "HEAD", "POST"])
def invoice_void(request: DeskRequest, number: str) -> HttpResponse:
    """Charges that never should have been made: un-paid first, then taken off."""
    invoice = _invoice(number)
    standing = [line for line in _lines(invoice) if not line.voided]
    refusals = ledger.why_not_voided(standing)
    offered = [line.pk for line in standing if line.pk not in refusals]
    asked = request.POST.getlist("line") if request.method == "POST" else _asked(request, offered)
    form = VoidInvoiceForm(request.POST or None, offered=offered, asked=asked)
    context = {"invoice": invoice, "standing": standing, "refusals": refusals}
    if request.method != "POST":
        return _void_page(request, form, context)
    valid = form.is_valid()
    if "key" in form.cleaned_data and form.sent_before(request.user):
        notices.saved(request, "These lines were already voided.")
        return _back(request, invoice)
    if not valid:
        return _void_page(request, form, context)
    chosen = [line for line in standing if line.pk in form.chosen]
    effects = balances.effects_of_voiding(chosen)
    try:
        ledger.void_lines(by=request.user, lines=chosen, **form.answer)
    except ledger.LedgerError as error:
        form.refuse(error)
        return _void_page(request, form, context)
    whole = len(chosen) == len(standing)
    notices.saved(request, *wording.after_voiding(invoice, chosen, effects, whole=whole))
    return _back(request, invoice)


def _asked(request: DeskRequest, offered: list[int]) -> list[str]:
    """The lines named in the address, or all of them; `none` says that none are ticked."""
    if "line" in request.GET or "none" in request.GET:
        return request.GET.getlist("line")
    return [str(pk) for pk in offered]


def _void_page(
    request: DeskRequest, form: VoidInvoiceForm, context: dict[str, Any]
) -> HttpResponse:
    """The lines with what would follow; only the part, where a dialog or a tick asked for it."""
    standing: list[InvoiceLine] = context["standing"]
    invoice: Invoice = context["invoice"]
    chosen = [line for line in standing if line.pk in form.chosen]
    effects = balances.effects_of_voiding(chosen)
    links = balances.paid_by(line.pk for line in standing)
    refusals = with_links(context["refusals"])
    stop: SafeString | str = ""
    if not standing:
        stop = f"{invoice} is void already."
    elif not form.offered:
        stop = next(iter(refusals.values()))
    context |= {
        "form": form,
        "patient": invoice.patient,
        "lines": [(line, links.get(line.pk, []), refusals.get(line.pk, "")) for line in standing],
        "chosen": form.chosen,
        "effects": effects,
        "unpaid": wording.unpaid_by_voiding(effects),
        "stop": stop,
        "error_summary": form.summary("Nothing is voided yet.")
        if form.is_bound and not stop
        else None,
    }
    page = "_void" if request.htmx else "void"
    return render(request, f"{FOLDER}/{page}.html", context)


def _back(request: DeskRequest, invoice: Invoice) -> HttpResponse:
    return go_on(request, resolve_url("billing:invoice_detail", invoice.number))


NAMED = re.compile(r"(?:R|IP|T)-\d+", re.ASCII)


def with_links(refusals: Mapping[int, str]) -> dict[int, SafeString | str]:
    """Refusals that begin with a payment's number lead to that payment; one query for them all."""
    named = {line: match.group() for line, text in refusals.items() if (match := NAMED.match(text))}
    found = Payment.objects.filter(number__in=set(named.values()))
    payments = {payment.number: payment for payment in found}
    linked: dict[int, SafeString | str] = dict(refusals)
    for line, number in named.items():
        if payment := payments.get(number):
            rest = refusals[line].removeprefix(number)
            linked[line] = format_html(
                '<a href="{}">{}</a>{}', payment.get_absolute_url(), number, rest
            )
    return linked
