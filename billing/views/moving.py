"""Money that leaves a receipt: paying it back, and moving it to another account.

Pages and dialogs alike; what it does to the balances is shown before, live while somebody types.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_safe

from billing import balances, ledger, wording
from billing.forms.base import error_summary, errors_of
from billing.forms.moving import FOLLOWS, RefundForm, TransferForm, UndoRefundForm, effects
from billing.models import Kind, Payment
from billing.money import show
from billing.views import notices
from patients.http import DeskRequest, go_on
from patients.models import Patient

FOLDER = "billing/payments"
LATEST = 20  # payments that are on lines, named where there is no credit


def _payment(number: str) -> Payment:
    return get_object_or_404(Payment.objects.money_in().with_names(), number=number)


def _back(payment: Payment) -> str:
    return resolve_url(payment.patient or payment)


# ---------------------------------------------------------------------------- refund


@require_http_methods(["GET", "HEAD", "POST"])
def payment_refund(request: DeskRequest, number: str) -> HttpResponse:
    """Refund: pay back what is unallocated, and what comes off the lines it is on first."""
    payment, form = _refund_form(request, number)
    if request.method != "POST":
        return _refund_page(request, payment, form)
    if request.htmx and request.htmx.target == "refund-figures":
        return _refund_figures(request, payment, form)
    if request.POST.get("action") != "save":
        if request.POST.get("fill") == "everything":
            form.fill_everything()
        form.follow()
        form.only_filled()
        return _refund_page(request, payment, form)
    valid = form.is_valid()
    for_the_ledger = form.stale or payment.reversed or form.sent_before(request.user)
    problems = [] if for_the_ledger else form.problems()
    if valid and not for_the_ledger and not problems and form.follow():
        form.add_error("amount", FOLLOWS.format(form.suggested))
    if form.errors or problems:
        return _refund_page(request, payment, form, problems)
    try:
        posted = ledger.refund(by=request.user, payment=payment, **form.answer)
    except ledger.LedgerError as error:
        payment, form = _refund_form(request, number)  # with the figures the refusal speaks of
        form.is_valid()
        form.refuse(error)
        return _refund_page(request, payment, form, form.problems() if form.refused else [])
    account = None
    if payment.patient and payment.provider:
        account = balances.account(payment.patient, payment.provider)
    notices.saved(request, *wording.after_refund(posted.receipt, account))
    notices.say_moved_date(request, posted.moved_to)
    return go_on(request, _back(payment))


def _refund_form(request: DeskRequest, number: str) -> tuple[Payment, RefundForm]:
    payment = _payment(number)
    uses = [] if payment.payer_id else balances.used_on([payment])
    return payment, RefundForm(request.POST or None, payment=payment, uses=uses)


def _refund_context(payment: Payment, form: RefundForm) -> dict[str, Any]:
    effects = []
    if payment.patient and payment.provider:
        now = balances.account(payment.patient, payment.provider)
        effects = [(now, form.effect(now))]
    return {"payment": payment, "form": form, "effects": effects}


def _refund_page(
    request: DeskRequest,
    payment: Payment,
    form: RefundForm,
    problems: list[dict[str, str]] | None = None,
) -> HttpResponse:
    context = {
        **_refund_context(payment, form),
        "stop": _why_no_refund(payment, form),
        "limit": ledger.limit_on_refund(request.user, payment),
        "moved": _moved(payment),
        "back": _back(payment),
    }
    if problems is not None and not context["stop"]:
        items = [*errors_of(form), *problems]
        context["error_summary"] = error_summary("This refund is not saved yet.", items)
    page = "_refund" if request.htmx else "refund"
    return render(request, f"{FOLDER}/{page}.html", context)


def _refund_figures(request: DeskRequest, payment: Payment, form: RefundForm) -> HttpResponse:
    """What is typed so far comes to this; Amount follows what is un-paid."""
    followed = form.follow()
    answer = render(request, f"{FOLDER}/_refund_figures.html", _refund_context(payment, form))
    events: dict[str, Any] = {"say": form.explain["text"]}
    if followed:
        events["follow"] = followed
    answer["HX-Trigger"] = json.dumps(events)
    return answer


def _why_no_refund(payment: Payment, form: RefundForm) -> str:
    """Why the form is not offered at all; the ledger says the same to whoever posts it."""
    if undoing := balances.undoing_of([payment]).get(payment.pk):
        return wording.undone(undoing)
    if payment.unallocated > 0 or form.uses:
        return ""
    if payment.payer_id:
        return (
            f"Nothing of {payment.number} is unallocated. What it paid on lines comes back as a"
            " takeback: a minus amount in the insurer's next payment."
        )
    return f"Nothing of {payment.number} is left here: it was paid back or moved already."


def _moved(payment: Payment) -> list[Payment]:
    """Where money of this receipt went on to, which is paid back from there."""
    return [] if payment.payer_id else balances.family(payment)[1:]


@require_safe
def patient_refund(request: DeskRequest, chart: str) -> HttpResponse:
    """Which payment to pay back from: the only one with credit, or one of these."""
    return _choose(request, chart, "refund")


# ---------------------------------------------------------------------------- undoing a refund


@require_http_methods(["GET", "HEAD", "POST"])
def refund_undo(request: DeskRequest, number: str, pk: int) -> HttpResponse:
    """A refund that did not happen after all: its money is credit again."""
    payment = _payment(number)
    refund = get_object_or_404(
        payment.drawn.select_related("source__patient", "source__payer"),
        pk=pk,
        kind=Kind.REFUND,
    )
    form = UndoRefundForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            posted = ledger.reverse(
                by=request.user,
                payment=refund,
                date=form.cleaned_data["date"],
                reason=form.why,
                key=form.cleaned_data["key"],
            )
        except ledger.LedgerError as error:
            form.refuse(error)
        else:
            amount = show(-refund.amount)
            lead = f"The refund of {amount} from {number} is undone."
            notices.saved(request, lead, f"The {amount} is unallocated again.")
            notices.say_moved_date(request, posted.moved_to)
            return go_on(request, _back(payment))
    context: dict[str, Any] = {
        "payment": payment,
        "refund": refund,
        "paid_back": show(-refund.amount),
        "form": form,
        "stop": "",
    }
    if undoing := balances.undoing_of([refund]).get(refund.pk):
        context["stop"] = wording.undone(undoing).replace("This payment", "This refund")
    elif problem := ledger.why_not_undone_by(request.user, refund, Kind.REVERSAL):
        context["stop"] = problem
    elif payment.patient and payment.provider:
        now = balances.account(payment.patient, payment.provider)
        context["effects"] = [(now, now.once(credit=-refund.amount))]
    if form.errors and not context["stop"]:
        context["error_summary"] = form.summary("This is not undone yet.")
    context["back"] = _back(payment)
    page = "_refund_undo" if request.htmx else "refund_undo"
    return render(request, f"{FOLDER}/{page}.html", context)


# ---------------------------------------------------------------------------- transfer


@require_http_methods(["GET", "HEAD", "POST"])
def payment_transfer(request: DeskRequest, number: str) -> HttpResponse:
    """Transfer: credit that belongs to another provider, or to somebody of the family."""
    payment, form = _transfer_form(request, number)
    if request.method != "POST":
        return _transfer_page(request, payment, form)
    if request.htmx and request.htmx.target == "transfer-figures":
        context = _transfer_context(payment, form)
        answer = render(request, f"{FOLDER}/_transfer_figures.html", context)
        answer["HX-Trigger"] = json.dumps({"say": form.explain["text"]})
        return answer
    if request.POST.get("action") != "save":
        form.only_filled()
        return _transfer_page(request, payment, form)
    if not form.is_valid():
        return _transfer_page(request, payment, form, saving=True)
    try:
        posted = ledger.transfer(by=request.user, payment=payment, **form.answer)
    except ledger.LedgerError as error:
        payment, form = _transfer_form(request, number)
        form.is_valid()
        form.refuse(error)
        return _transfer_page(request, payment, form, saving=True)
    into = posted.receipt
    assert payment.patient  # noqa: S101  (an insurer's money is refused)
    assert payment.provider  # noqa: S101
    assert into.patient  # noqa: S101
    assert into.provider  # noqa: S101
    lead, rest = wording.after_transfer(
        into,
        balances.account(payment.patient, payment.provider),
        balances.account(into.patient, into.provider),
    )
    notices.saved(request, lead, rest)
    notices.say_moved_date(request, posted.moved_to)
    return go_on(request, _back(payment))


def _transfer_form(request: DeskRequest, number: str) -> tuple[Payment, TransferForm]:
    payment = _payment(number)
    family = payment.patient.family() if payment.patient else Patient.objects.none()
    return payment, TransferForm(request.POST or None, payment=payment, family=family)


def _transfer_context(payment: Payment, form: TransferForm) -> dict[str, Any]:
    context: dict[str, Any] = {"payment": payment, "form": form, "effects": []}
    if payment.patient and payment.provider:
        now, target = balances.account(payment.patient, payment.provider), form.target
        own = target == (payment.patient, payment.provider)
        there = balances.account(*target) if target and not own else None
        pairs = effects(form, now, there)
        names = [f"{payment.patient.name}, {payment.provider}"]
        if target:
            names.append(f"{target[0].name}, {target[1]}")
        context["effects"] = [(name, *pair) for name, pair in zip(names, pairs, strict=False)]
    return context


def _transfer_page(
    request: DeskRequest, payment: Payment, form: TransferForm, *, saving: bool = False
) -> HttpResponse:
    context = {
        **_transfer_context(payment, form),
        "stop": _why_no_transfer(payment),
        "back": _back(payment),
    }
    if saving and not context["stop"]:
        context["error_summary"] = form.summary("This transfer is not saved yet.")
    page = "_transfer" if request.htmx else "transfer"
    return render(request, f"{FOLDER}/{page}.html", context)


def _why_no_transfer(payment: Payment) -> str:
    if payment.payer_id:
        return "An insurer's money stays with the insurer; it is not patient credit."
    if undoing := balances.undoing_of([payment]).get(payment.pk):
        return wording.undone(undoing)
    if payment.unallocated <= 0:
        return (
            f"Nothing of {payment.number} is unallocated. Un-pay a line on Credit allocation"
            " first, then its money can be moved."
        )
    return ""


@require_safe
def patient_transfer(request: DeskRequest, chart: str) -> HttpResponse:
    """Which payment to move credit of: the only one with credit, or one of these."""
    return _choose(request, chart, "transfer")


# ---------------------------------------------------------------------------- both


def _choose(request: DeskRequest, chart: str, verb: str) -> HttpResponse:
    patient = get_object_or_404(Patient, chart_number=chart)
    free = balances.with_credit(patient)
    if len(free) == 1:
        return redirect(f"billing:payment_{verb}", free[0].number)
    on_lines: list[Payment] = []
    if not free:
        on_lines = list(
            Payment.objects.money_in()
            .filter(patient=patient, reversed=False, allocated__gt=0)
            .with_names()
            .order_by("-date", "-pk")[:LATEST]
        )
    context = {"patient": patient, "verb": verb, "free": free, "on_lines": on_lines}
    return render(request, f"{FOLDER}/choose_{verb}.html", context)
