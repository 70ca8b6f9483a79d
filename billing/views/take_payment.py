"""Take payment: a patient pays, and the money is shared out on the same page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import F, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from billing import balances, ledger, wording
from billing.forms.base import error_summary, errors_of
from billing.forms.grid import box_name, line_id, line_ids, plain
from billing.forms.payment_grid import PaymentGrid
from billing.forms.payments import TakePaymentForm, copy_of
from billing.models import InvoiceLine, Payment
from billing.money import show_dollars
from billing.views import notices
from billing.views.choosing import choose_patient
from billing.views.grid_answers import live
from patients.http import DeskRequest
from patients.models import Patient

FOLDER = "billing/payments"
AT_ONCE = 500  # open lines on one page


@require_http_methods(["GET", "HEAD", "POST"])
def payment_new(request: DeskRequest, chart: str) -> HttpResponse:
    """Take payment: amount, method, and the open lines of the patient to put it on."""
    patient = get_object_or_404(Patient, chart_number=chart)
    copied = _copied(request, patient)
    form = TakePaymentForm(
        request.POST or None, patient=patient, initial=_suggested(request, patient, copied)
    )
    grid = _grid(request, patient, form, copied)
    if request.method != "POST":
        return _page(request, patient, form, grid)
    if request.htmx and "action" not in request.POST:
        return live(request, grid, template=f"{FOLDER}/_live.html")
    if request.POST.get("action") != "save":  # a fill, the family's lines, or new totals
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
    receipt = reverse("billing:payment_receipt", args=[posted.receipt.number])
    messages.success(
        request, format_html('{} <a href="{}">Receipt to print</a>', _saved(posted), receipt)
    )
    notices.say_moved_date(request, posted.moved_to)
    return redirect("billing:patient_account", chart)


@require_http_methods(["GET", "HEAD", "POST"])
def payment_start(request: DeskRequest) -> HttpResponse:
    """Take payment, without a patient yet: whose it is."""
    return choose_patient(
        request, "Take payment", lambda chart: reverse("billing:payment_new", args=[chart])
    )


def _suggested(request: DeskRequest, patient: Patient, copied: Payment | None) -> dict[str, Any]:
    """As the payment that is copied; or the provider asked for; or whom it most likely goes to."""
    if copied:
        return copy_of(copied)
    if asked := line_id(request.GET.get("provider", "")):
        return {"provider": asked}
    likely = balances.likely_provider(patient)
    return {"provider": likely.pk} if likely else {}


def _copied(request: DeskRequest, patient: Patient) -> Payment | None:
    """The undone payment this one corrects (`?copy=R-2207`)."""
    if request.method == "POST":
        return None
    undone = Payment.objects.receipts().filter(patient=patient, reversed=True)
    return undone.filter(number=request.GET.get("copy", "")).first()


def _grid(
    request: DeskRequest, patient: Patient, form: TakePaymentForm, copied: Payment | None
) -> PaymentGrid:
    amount, problem = form.typed_amount
    again = balances.pays_again(copied) if copied else {}
    typed = {box_name(line, "paid"): plain(paid) for line, (_off, paid) in again.items()}
    return PaymentGrid(
        lines=_lines(request, patient, again),
        data=request.POST or typed,
        amount=amount,
        from_insurer=False,
        amount_problem=problem,
        own_provider=form["provider"].value(),
        own_patient=patient,
    )


def _lines(request: DeskRequest, patient: Patient, again: Iterable[int]) -> list[int]:
    """The lines on the page: those sent; otherwise what the patient, or the family, owes."""
    sent = line_ids(request.POST)
    if request.method == "POST" and request.POST.get("action") != "family":
        return sent
    whose = Q(patient=patient)
    if request.GET.get("family") == "1":
        whose |= Q(patient__guarantor=patient)
    elif sent:  # back to the patient's own
        sent = list(InvoiceLine.objects.filter(whose, pk__in=sent).values_list("pk", flat=True))
    open_lines = (
        InvoiceLine.objects.open()
        .filter(whose)
        .order_by(F("patient__guarantor").asc(nulls_first=True), "patient", "service_date", "id")
        .values_list("pk", flat=True)
    )
    return list(dict.fromkeys([*sent, *again, *open_lines[:AT_ONCE]]))


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
        "copied": _copied(request, patient),
        "family": request.GET.get("family") == "1",
        "pays_for": list(patient.dependents.by_name()),
    }
    if problems is not None:
        context["error_summary"] = error_summary(
            "This payment is not saved yet.", [*errors_of(form), *problems]
        )
    return render(request, f"{FOLDER}/new.html", context)


def _saved(posted: ledger.Posted) -> str:
    payment = posted.receipt
    whole, left = show_dollars(payment.amount), show_dollars(payment.unallocated)
    said = f"Saved as {payment.number}. {whole} from {payment.received_from}"
    said += f", {left} of it not allocated." if payment.unallocated else ", all allocated."
    said += wording.moved_on(balances.family(payment)[1:], payment)
    if posted.covered:
        said += (
            f" {show_dollars(posted.covered)} took over what a reversed payment still paid"
            f" to {payment.provider}."
        )
    return said
