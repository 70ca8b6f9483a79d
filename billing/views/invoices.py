"""An issued invoice, voiding it, and who owes the rest of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_safe

from billing import balances, ledger, wording
from billing.forms.invoices import VoidInvoiceForm
from billing.forms.responsibility import ResponsibilityForm
from billing.models import Invoice, InvoiceLine, Payment
from billing.views import notices
from patients.http import DeskRequest, go_on
from patients.models import Payer

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
    answers = balances.answers(lines)
    standing = [line for line in lines if not line.voided]
    context = {
        "invoice": invoice,
        "patient": invoice.patient,
        "lines": [(line, links.get(line.pk, []), answers.get(line.pk)) for line in lines],
        "totals": balances.line_totals(standing),
        "standing": standing,
        "paying": sorted({line.provider_id for line in standing if line.balance}),
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
    form = VoidInvoiceForm(
        request.POST if request.method == "POST" else None, offered=offered, asked=asked
    )
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
        posted = ledger.void_lines(by=request.user, lines=chosen, **form.answer)
    except ledger.LedgerError as error:
        form.refuse(error)
        return _void_page(request, form, context)
    whole = len(chosen) == len(standing)
    notices.saved(request, *wording.after_voiding(invoice, chosen, effects, whole=whole))
    notices.say_moved_date(request, posted.moved_to)
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


# ---------------------------------------------------------------------------- who owes


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
    return render(request, f"{FOLDER}/responsibility.html", context)
