"""Claims that were saved without a session: the list of them, and placing one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from billing import balances, ledger
from billing.forms.base import error_summary
from billing.forms.remittances import PlaceForm, RowAmountsForm
from billing.models import InvoiceLine
from billing.money import show_dollars
from billing.remittances import review, worklist
from billing.tables.remittances import UnmatchedTable
from billing.views import notices
from patients.http import DeskRequest
from patients.searching import unseal

FOLDER = "billing/unmatched"


@require_safe
def unmatched_claims(request: DeskRequest) -> HttpResponse:
    """Money, and answers, that insurers sent for sessions nobody has found yet."""
    found = balances.unmatched_claims()
    table = UnmatchedTable(found).shown_for(request)
    page = "_list" if request.htmx else "list"
    return render(request, f"{FOLDER}/{page}.html", {"table": table})


@require_http_methods(["GET", "HEAD", "POST"])
def unmatched_claim(request: DeskRequest, pk: int) -> HttpResponse:
    """One of them: what the insurer says, and the session it goes on."""
    row = get_object_or_404(balances.unmatched_claims(), pk=pk)
    payer = row.remittance.payer
    key = PlaceForm(request.POST or None)
    amounts = RowAmountsForm(request.POST if "allocation" in request.POST else None, row=row)
    problems: list[dict[str, str]] = []
    if request.method == "POST" and payer:
        if request.POST.get("action") == "aside":
            return _set_aside(request, pk)
        if key.is_valid() and (not amounts.is_bound or amounts.is_valid()):
            try:
                line = review.line_for(payer, _line_meant(request))
                posted = worklist.place_later(
                    pk,
                    line,
                    by=request.user,
                    key=key.cleaned_data["key"],
                    amounts=amounts.amounts if amounts.is_bound else None,
                    decision=amounts.cleaned_data["decision"] if amounts.is_bound else "",
                )
            except (ledger.LedgerError, review.ReviewError) as error:
                problems = [{"href": "#sessions-h", "text": str(error)}]
            else:
                return _placed(request, line, posted)
    for form in (key, amounts):
        problems += [
            {"href": f"#id_{name}", "text": str(text)}
            for name, texts in form.errors.items()
            for text in texts
        ]
    typed = (request.POST.get("q") or unseal(request.GET.get("q", ""))).strip()
    lines: list[InvoiceLine] = []
    if payer:
        lines = review.find_lines(payer, typed) if typed else review.candidates(row, payer)
    context: dict[str, Any] = {
        "row": row,
        "draft": row.remittance,
        "key": key.key_value,
        "form": amounts,
        "lines": lines,
        "typed": typed,
    }
    if problems:
        context["error_summary"] = error_summary("This claim is not placed yet.", problems)
    return render(request, f"{FOLDER}/claim.html", context)


def _line_meant(request: DeskRequest) -> int:
    typed = request.POST.get("action", "").partition(":")[2]
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 18 else 0


def _set_aside(request: DeskRequest, pk: int) -> HttpResponse:
    try:
        worklist.set_aside(pk, by=request.user)
    except review.ReviewError as error:
        messages.error(request, str(error))
        return redirect("billing:unmatched_claim", pk=pk)
    messages.success(request, "Set aside: it needs no session.")
    return redirect("billing:unmatched_claims")


def _placed(request: DeskRequest, line: InvoiceLine, posted: ledger.Posted) -> HttpResponse:
    paid = sum((each.amount for each in posted.allocations if each.line_id == line.pk), 0)
    notices.saved(
        request,
        "Placed.",
        f"{show_dollars(paid) if paid else 'The answer'} is on {line.invoice},"
        f" {line.patient.name}, {line.service_date:%d %b %Y}.",
    )
    return redirect("billing:unmatched_claims")
