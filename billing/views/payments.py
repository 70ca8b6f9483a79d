"""One payment of a patient: its page, and undoing it.

Every undoing is one ledger verb; what it will do to the balances is shown before.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import balances, ledger, wording
from billing.forms.base import LedgerForm
from billing.forms.undo import CorrectForm, ReverseForm, VoidForm
from billing.models import Clinic, Kind, Payment
from billing.views import notices
from patients.http import DeskRequest, go_on

FOLDER = "billing/payments"
SHOWN = 10  # so many lines of an insurer's payment are listed before it is reversed


def _payment(number: str) -> Payment:
    return get_object_or_404(Payment.objects.money_in().with_names(), number=number)


@require_safe
def payment_detail(request: DeskRequest, number: str) -> HttpResponse:
    """What a payment paid, what is left of it, and everything that happened to it."""
    payment = _payment(number)
    if payment.payer_id:
        return redirect("billing:insurance_payment_detail", payment.number)
    uses = balances.used_on([payment])
    drawn = payment.drawn.select_related("created_by", "original", "source").prefetch_related(
        "answers__patient", "answers__provider"
    )
    context = {
        "payment": payment,
        "title": wording.title(payment),
        "uses": uses,
        "events": wording.events(
            payment, drawn, payment.allocations.select_related("line__invoice", "created_by")
        ),
        "undone": balances.undoing_of([payment]).get(payment.pk),
        "slip": balances.slip_of(payment),
    }
    return render(request, f"{FOLDER}/detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def payment_reverse(request: DeskRequest, number: str) -> HttpResponse:
    """Entered in error, or bounced: both entries stay in the history."""
    payment = _payment(number)
    form = ReverseForm(request.POST or None, initial={"after": Clinic.current().reversal_default})
    if request.method != "POST" or not form.is_valid():
        return _undo_page(request, payment, form, "reverse")
    uses = balances.used_on(_receipts(payment))
    try:
        posted = ledger.reverse(by=request.user, payment=payment, **form.answer)
    except ledger.LedgerError as error:
        form.refuse(error)
        return _undo_page(request, _payment(number), form, "reverse")
    answer = _undone(request, payment, form, "reversed", uses)
    notices.say_moved_date(request, posted.moved_to)
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def payment_void(request: DeskRequest, number: str) -> HttpResponse:
    """Delete payment: a mistake of a day that is still open."""
    payment = _payment(number)
    form = VoidForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _undo_page(request, payment, form, "void")
    uses = balances.used_on(_receipts(payment))
    try:
        ledger.void(by=request.user, payment=payment, **form.answer)
    except ledger.LedgerError as error:
        form.refuse(error)
        return _undo_page(request, _payment(number), form, "void")
    return _undone(request, payment, form, "deleted", uses)


@require_http_methods(["GET", "HEAD", "POST"])
def payment_correct(request: DeskRequest, number: str) -> HttpResponse:
    """Correct payment: it is deleted, or reversed where it cannot be, and its copy opens."""
    payment = _payment(number)
    form = CorrectForm(request.POST or None)
    instead = ledger.why_not_deleted(payment)
    if request.method == "POST" and form.is_valid() and payment.kind == Kind.RECEIPT:
        what = {"payment": payment, "reason": form.why, "key": form.cleaned_data["key"]}
        try:
            if instead:
                ledger.reverse(by=request.user, date=timezone.localdate(), **what)
            else:
                ledger.void(by=request.user, **what)
        except ledger.LedgerError as error:
            form.refuse(error)
        else:
            url = f"{_new(payment)}?{urlencode({'copy': payment.number})}"
            return go_on(request, url)
    context: dict[str, Any] = {
        "payment": payment,
        "form": form,
        "instead": instead,
        "stop": _reason_not_to(request, payment, "reverse" if instead else "void"),
        "uses": balances.used_on(_receipts(payment)),
        "back": _back(payment),
    }
    if payment.kind != Kind.RECEIPT:
        context["stop"] = "Only a payment that came in can be corrected. Reverse this transfer."
    if form.errors and not context["stop"]:
        context["error_summary"] = form.summary("This payment is as it was.")
    page = "_correct" if request.htmx else "correct"
    return render(request, f"{FOLDER}/{page}.html", context)


def _new(payment: Payment) -> str:
    """Where a payment of this kind is entered."""
    if payment.patient:
        return reverse("billing:payment_new", args=[payment.patient.chart_number])
    return reverse("billing:insurance_payment_new")


@require_POST
def payment_unpay(request: DeskRequest, number: str) -> HttpResponse:
    """Take a patient's payment off every line it pays; the money becomes credit again."""
    payment = _payment(number)
    back = _worklist(request) or payment.patient or payment
    form = LedgerForm(request.POST)
    if not form.is_valid():
        messages.error(request, "This page was too old to un-pay from. Try again.")
        return redirect(back)
    try:
        posted = ledger.unpay(
            by=request.user,
            payment=payment,
            date=timezone.localdate(),
            reason="Un-paid after reversal" if payment.reversed else "Un-paid",
            key=form.cleaned_data["key"],
        )
    except ledger.LedgerError as error:
        messages.error(request, str(error))
        return redirect(back)
    if posted.allocations and payment.patient and payment.provider:
        taken = [
            (row.line_id, row.amount) for row in posted.allocations if row.payment_id == payment.pk
        ]
        notices.moved(request, payment.patient, payment.provider, taken)
    return redirect(back)


def _worklist(request: DeskRequest) -> str:
    """The worklist a button was pressed on, where it was one; work goes on there."""
    pressed_on = request.POST.get("from") == "negative_credit"
    return resolve_url("billing:negative_credit") if pressed_on else ""


# ---------------------------------------------------------------------------- undoing


def _receipts(payment: Payment) -> list[Payment]:
    """The receipts whose lines an undoing touches; an insurer's makes no transfers."""
    return [payment] if payment.payer_id else balances.family(payment)


def _undo_page(request: DeskRequest, payment: Payment, form: VoidForm, verb: str) -> HttpResponse:
    """The form with what would follow; only its part, where a dialog asked for it."""
    what = "reversal" if verb == "reverse" else "deletion"
    context: dict[str, Any] = {
        "payment": payment,
        "form": form,
        "verb": verb,
        "back": _back(payment),
        "stop": _reason_not_to(request, payment, verb),
        "uses": balances.used_on(_receipts(payment)),
        "shown": SHOWN,
    }
    context["used_on"] = wording.used_on(payment, context["uses"])
    if not payment.payer_id and not context["stop"]:
        effects = balances.effects_of_undoing(payment)
        context["effects"] = wording.accounts_named(effects)
        if context["uses"]:
            context["choices"] = wording.choices(context["uses"], effects)
            context["question"] = wording.question(context["uses"])
    if form.is_bound and not context["stop"]:
        context["error_summary"] = form.summary(f"This {what} is not saved yet.")
    page = "_undo" if request.htmx else verb
    return render(request, f"{FOLDER}/{page}.html", context)


def _reason_not_to(request: DeskRequest, payment: Payment, verb: str) -> str:
    """Why the form is not offered at all; the ledger says the same to whoever posts it."""
    undoing = balances.undoing_of([payment]).get(payment.pk)
    if undoing:
        return wording.undone(undoing)
    kind = Kind.VOID if verb == "void" else Kind.REVERSAL
    problem = ledger.why_not_undone_by(request.user, payment, kind)
    return problem or (ledger.why_not_deleted(payment) if verb == "void" else "")


def _undone(
    request: DeskRequest,
    payment: Payment,
    form: VoidForm,
    done: str,
    uses: list[balances.Use],
) -> HttpResponse:
    """Say what happened and go on: to the account, or to entering the correct payment."""
    url = _back(payment)
    if payment.patient and payment.provider:
        lead, rest = wording.after_undoing(
            payment,
            done,
            uses,
            unpaid=form.answer["unpay_lines"],
            credit=balances.account(payment.patient, payment.provider),
        )
        notices.saved(request, lead, rest)
        if form.cleaned_data["again"]:
            query = urlencode({"provider": payment.provider_id})
            url = f"{_new(payment)}?{query}"
    else:
        notices.saved(request, f"{payment.number} {done}.", wording.gave_back(uses))
    return go_on(request, url)


def _back(payment: Payment) -> str:
    return resolve_url(payment.patient or payment)
