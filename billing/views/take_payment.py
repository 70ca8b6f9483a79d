"""Take payment: a patient pays, and the money is shared out on the same page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from billing import balances, ledger
from billing.forms.base import error_summary
from billing.forms.grid import line_id, line_ids
from billing.forms.payment_grid import PaymentGrid
from billing.forms.payments import TakePaymentForm
from billing.models import InvoiceLine
from billing.money import show_dollars
from billing.views.grid_answers import live
from patients.http import DeskRequest
from patients.models import Patient

FOLDER = "billing/payments"


@require_http_methods(["GET", "POST"])
def payment_new(request: DeskRequest, chart: str) -> HttpResponse:
    """Take payment: amount, method, and the open lines of the patient to put it on."""
    patient = get_object_or_404(Patient, chart_number=chart)
    form = TakePaymentForm(
        request.POST or None, patient=patient, initial=_suggested(request, patient)
    )
    grid = _grid(request, patient, form)
    if request.method == "GET":
        return _page(request, patient, form, grid)
    if request.htmx and "action" not in request.POST:
        return live(request, grid, template=f"{FOLDER}/_live.html")
    if request.POST.get("action") != "save":
        grid.fill(request.POST.get("fill", ""))
        return _page(request, patient, form, grid)
    valid = form.is_valid()
    sent = form.sent_before(request.user)
    if valid and grid.nothing_typed and not sent:
        form.doubt(request.user, patient=patient, provider=form.cleaned_data["provider"])
    problems = [] if sent else grid.problems()
    if form.errors or problems:
        return _page(request, patient, form, grid, problems=problems)
    try:
        posted = ledger.record_payment(
            by=request.user,
            patient=patient,
            entries=list(grid.entries.values()),
            **form.payment,
        )
    except ledger.LedgerError as error:
        problems = []
        if error.line is None:
            form.refuse(error)
        else:
            grid.refuse(error.line, str(error))
            problems = grid.problems()
        return _page(request, patient, form, grid, problems=problems)
    messages.success(request, _saved(posted))
    return redirect("billing:patient_account", chart)


def _suggested(request: DeskRequest, patient: Patient) -> dict[str, Any]:
    """The provider asked for in the address, or the one the patient owes most."""
    wanted = request.GET.get("provider", "")
    if asked := line_id(wanted):
        return {"provider": asked}
    owing = [each for each in balances.accounts(patient) if each.provider]
    if not owing:
        return {}
    most = max(owing, key=lambda each: each.net)
    return {"provider": most.provider.pk if most.provider else None}


def _grid(request: DeskRequest, patient: Patient, form: TakePaymentForm) -> PaymentGrid:
    amount, problem = form.typed_amount
    if request.method == "POST":
        lines = line_ids(request.POST)
    else:
        lines = list(
            InvoiceLine.objects.open()
            .filter(patient=patient)
            .oldest_first()
            .values_list("pk", flat=True)[:500]
        )
    return PaymentGrid(
        lines=lines,
        data=request.POST,
        amount=amount,
        from_insurer=False,
        amount_problem=problem,
        own_provider=form["provider"].value(),
    )


def _page(
    request: DeskRequest,
    patient: Patient,
    form: TakePaymentForm,
    grid: PaymentGrid,
    *,
    problems: list[dict[str, str]] | None = None,
) -> HttpResponse:
    accounts = balances.accounts(patient)
    context: dict[str, Any] = {
        "patient": patient,
        "form": form,
        "grid": grid,
        "negative": balances.negative_credits(patient, accounts),
    }
    if problems is not None:
        items = form.summary("")["items"]
        context["error_summary"] = error_summary(
            "This payment is not saved yet.", [*items, *problems]
        )
    return render(request, f"{FOLDER}/new.html", context)


def _saved(posted: ledger.Posted) -> str:
    payment = posted.receipt
    whole, left = show_dollars(payment.amount), show_dollars(payment.unallocated)
    said = f"Saved as {payment.number}. {whole} from {payment.received_from}"
    said += f", {left} of it not allocated." if payment.unallocated else ", all allocated."
    if posted.covered:
        said += (
            f" {show_dollars(posted.covered)} took over what a reversed payment still paid"
            f" to {payment.provider}."
        )
    return said
