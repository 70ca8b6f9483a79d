"""Deposit slips: what goes to the bank, the slips there were, and each as a page and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from billing import balances, documents, ledger
from billing.exports import record_export
from billing.forms.base import error_summary, errors_of
from billing.forms.deposits import SlipFilter, SlipForm, Ticked
from billing.models import Clinic, Deposit, Payment
from billing.tables.deposits import DepositTable
from billing.views import notices
from billing.views.documents import as_pdf
from patients.http import DeskRequest

FOLDER = "billing/deposits"
AT_ONCE = 500  # payments on one page
NAMES = ("patient", "payer", "provider", "source", "original__source", "original__original")


@require_http_methods(["GET", "HEAD", "POST"])
def deposit_slip(request: DeskRequest) -> HttpResponse:
    """What waits for the bank, all of it ticked; what stays ticked is saved as a slip."""
    asked = SlipFilter(request.GET)
    form = SlipForm(request.POST or None)
    if not asked.is_valid():
        return _page(request, asked, form, [], Ticked([], []))
    waiting = balances.to_deposit(first=asked.first, last=asked.last, methods=asked.methods)
    listed = list(waiting.select_related(*NAMES)[: AT_ONCE + 1])
    more, listed = len(listed) > AT_ONCE, listed[:AT_ONCE]
    everything = [str(payment.pk) for payment in listed]
    if request.method != "POST":
        return _page(request, asked, form, listed, Ticked(listed, everything), more=more)
    sent = request.POST.getlist("payment")
    fills = {"all": everything, "none": []}
    ticked = Ticked(listed, fills.get(request.POST.get("fill", ""), sent))
    if request.POST.get("action") != "save":
        form.only_filled()
        return _page(request, asked, form, listed, ticked, more=more)
    valid = form.is_valid()
    if form.sent_before(request.user):  # a second click: its payments are on the slip by now
        notices.saved(request, "This deposit slip was already saved.")
        return redirect(_slip_with(sent) or "billing:deposit_list")
    problems = _problems(request, ticked)
    if not valid or problems:
        return _page(request, asked, form, listed, ticked, problems, more=more)
    try:
        posted = ledger.deposit(
            by=request.user,
            payments=ticked.payments,
            date=form.cleaned_data["date"],
            key=form.cleaned_data["key"],
        )
    except ledger.LedgerError as error:
        form.refuse(error)
        return _page(request, asked, form, listed, ticked, [], more=more)
    slip = posted.deposit or _slip_with(sent)
    notices.saved(request, f"Deposit slip {slip} saved.", f"{ticked.counted}.")
    return redirect(slip or "billing:deposit_list")


def _slip_with(sent: Sequence[str]) -> Deposit | None:
    """The slip these payments lie on by now."""
    ids = [int(each) for each in sent if each.isascii() and each.isdigit() and len(each) < 19]
    return Deposit.objects.filter(items__payment__in=ids).first()


def _problems(request: DeskRequest, ticked: Ticked) -> list[dict[str, str]]:
    """Nothing goes on a slip that was not counted on the screen first."""
    if ticked.lost:
        text = "Some of the ticked payments do not wait for the bank any more. Check the rest."
        return [{"href": "#slip", "text": text}]
    if not ticked.payments:
        return [{"href": "#slip", "text": "Tick what goes to the bank."}]
    if request.POST.get("counted") != ticked.counted:
        text = f"{ticked.counted} in all goes to the bank. If that is right, save again."
        return [{"href": "#ticked", "text": text}]
    return []


def _page(
    request: DeskRequest,
    asked: SlipFilter,
    form: SlipForm,
    listed: Sequence[Payment],
    ticked: Ticked,
    problems: list[dict[str, str]] | None = None,
    *,
    more: bool = False,
) -> HttpResponse:
    context: dict[str, Any] = {
        "asked": asked,
        "form": form,
        "listed": listed,
        "ticked": ticked,
        "more": more,
        "most": AT_ONCE,
        "here": f"{reverse('billing:deposit_slip')}?{urlencode(asked.data)}",
    }
    if problems is not None:
        items = [*errors_of(form), *problems]
        context["error_summary"] = error_summary("This deposit slip is not saved yet.", items)
    elif asked.errors:
        context["error_summary"] = error_summary("These filters cannot be used.", errors_of(asked))
    page = "_ticked" if request.htmx else "slip"
    return render(request, f"{FOLDER}/{page}.html", context)


@require_safe
def deposit_list(request: DeskRequest) -> HttpResponse:
    """The slips there were, newest first."""
    slips = balances.with_slip_sums(Deposit.objects.with_names())
    context = {"table": DepositTable(slips).shown_for(request, count=Deposit.objects.count())}
    page = "_list" if request.htmx else "list"
    return render(request, f"{FOLDER}/{page}.html", context)


@require_safe
def deposit_detail(request: DeskRequest, number: str) -> HttpResponse:
    """A slip: what lies on it, its sums by method, and that both agree."""
    deposit = get_object_or_404(Deposit.objects.with_names(), number=number)
    context = {"deposit": deposit, "slip": balances.slip(deposit)}
    return render(request, f"{FOLDER}/detail.html", context)


@require_safe
def deposit_print(request: DeskRequest, number: str) -> HttpResponse:
    """The slip on paper, for the bank and for the file; who took it is kept."""
    deposit = get_object_or_404(Deposit.objects.with_names(), number=number)
    data = documents.deposit_slip(Clinic.current(), deposit)
    if request.method == "GET":
        record_export(
            by=request.user,
            report=f"deposits/{deposit.number}",
            format="pdf",
            query=request.GET,
            rows=deposit.items.count(),
        )
    return as_pdf(documents.render("deposit_slip", [data]), deposit.file_name)
